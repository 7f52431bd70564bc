/* SPDX-License-Identifier: MIT
 * model_quantise: a model whose network computes with values of 8 bits (nn/quantise.h). Batch-norm is folded into the
 * layers before it; heads behind the embedding stay floats, as does what no layer reads. The weights are still floats:
 * they are rounded when the model leaves as ONNX with weights in INT8 (model_onnx.h). */
#ifndef RT_MODEL_QUANTISE_H
#define RT_MODEL_QUANTISE_H

#include "stages/model/model.h"
#include "stages/nn/quantise.h"

/* *probe: a model without classes whose "embedding" of a sample is the least and the most of each value that is to be
 * rounded, [2 * *places] (rt_quantise_probe), read as m reads. RT_EUSAGE: m is quantised already, or another
 * program's. RT_ENODATA: nothing in it can be. RT_EMEM. The caller fini's it. */
int rt_model_probe(struct rt_model *probe, const struct rt_model *m, int *places, struct rt_error *e);
/* *out: m with range[places] in the order of the probe. RT_EMEM. The caller fini's it. */
int rt_model_quantise(struct rt_model *out, const struct rt_model *m, const struct rt_range *range, struct rt_error *e);

#endif
