/* SPDX-License-Identifier: MIT
 * model_start: an ONNX file of another program as the network that a student starts from. */
#ifndef RT_MODEL_START_H
#define RT_MODEL_START_H

#include "formats/choice.h"
#include "formats/onnx.h"
#include "stages/nn/graph.h"

#include <stdint.h>

#define RT_START_ABOUT 1400

/* What a recipe's student says of the file. */
struct rt_start_settings {
    const char *file;              /* for messages */
    const char *output, *mean, *std; /* student.output, student.front.mean and .std */
    enum rt_layout_id layout;
    enum rt_modality_id modality;
    uint64_t seed;
};

/* *out: "input" of shape `input` (what the front end gives), the file's network with its weights,
 * "embedding" and "logits" [classes] behind it (cosines, for AAM). The embedding is student.output;
 * else what the file's classifier reads, when that is an output, too, or there are as many units as
 * classes; else the output. A classifier of as many units is kept (unless cosine), any other left
 * out. about: what was read and guessed, for people. RT_EMISMATCH, RT_EMISSING, ...; *e names what
 * does not fit and which setting to give. */
int rt_start_open(struct rt_graph **out, const struct rt_onnx *o, const struct rt_start_settings *r,
                  const struct rt_shape *input, int classes, bool cosine,
                  char about[RT_START_ABOUT], struct rt_error *e);

#endif
