/* SPDX-License-Identifier: MIT
 * model_onnx: a whole model as ONNX, for other programs, and back. Outputs "embedding" and "logits"
 * (the model's answer: own head, the teacher's, or their sum; scaled). Metadata: what model.h keeps in
 * safetensors (retort.recipe with the front end's settings, retort.classes, retort.head,
 * retort.temperature, retort.teacher, retort.network) and
 *   retort.version, retort.modality
 *   retort.time              speech of any length: the frames of a recording in training, and of the golden input
 *   retort.idf               text: inverse document frequency of each bucket
 *   retort.golden.input      one input of normal random numbers, [1, ...] as the network takes it
 *   retort.golden.embedding, retort.golden.logits   what our engine gives for it
 * Arrays are hexadecimal digits of little-endian float32; a text's golden input is its non-zero
 * entries, "BUCKET:WEIGHT BUCKET:WEIGHT ...".
 * The graph itself: stages/onnx/map/onnx_map.h. */
#ifndef RT_MODEL_ONNX_H
#define RT_MODEL_ONNX_H

#include "formats/onnx.h"
#include "stages/model/model.h"
#include "stages/onnx/map/onnx_map.h"

/* The caller destroys *out. weights: how they lie in it; the golden pair is then what they give as they lie there, and
 * of INT8 it is m's that went through rt_model_quantise (model_quantise.h), or only its weights are narrow.
 * RT_ERANGE: a number beyond half precision. */
int rt_model_to_onnx(struct rt_onnx **out, struct rt_model *m, enum rt_onnx_weights weights, struct rt_error *e);
/* Rebuilds the model of a file that rt_model_to_onnx made. A head its answer does not use is not in
 * the file: the own one is then as before any training. RT_EFORMAT when retort.recipe is missing: made by another
 * program. */
int rt_model_from_onnx(struct rt_model *m, const struct rt_onnx *o, const char *name,
                       struct rt_error *e);

/* The golden pair: input [1, ...] dense as the ONNX graph takes it; embedding and logits of rank 1.
 * The caller fini's all three, also after a failure. */
struct rt_golden {
    struct rt_tensor input, embedding, logits;
};
int rt_golden_read(struct rt_golden *g, const struct rt_onnx *o, const char *name,
                   struct rt_error *e);
void rt_golden_fini(struct rt_golden *g);
/* Runs a model, or the ONNX graph itself, on g->input; *worst = the largest |difference| /
 * max(1, |golden|). RT_EMISMATCH when the shapes do not fit. */
int rt_golden_compare(const struct rt_golden *g, struct rt_model *m, double *worst,
                      struct rt_error *e);
int rt_golden_compare_graph(const struct rt_golden *g, const struct rt_onnx *o, const char *name,
                            double *worst, struct rt_error *e);

#endif
