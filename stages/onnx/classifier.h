/* SPDX-License-Identifier: MIT
 * classifier: the linear layer at the end of an ONNX graph, found backwards from the logits: a Gemm, or a
 * MatMul with or without an Add behind it, whose weights lie in the file, if need be behind a Cast, an Identity
 * or a Transpose. */
#ifndef RT_CLASSIFIER_H
#define RT_CLASSIFIER_H

#include "formats/onnx.h"

/* Everything is the model's. */
struct rt_classifier {
    const char *embedding; /* what it reads */
    const struct rt_tensor *weight, *bias; /* bias may be NULL */
    bool rows_are_classes; /* weight is [classes, dim], not [dim, classes] */
    const char *computed;  /* when it is no such layer only because of weights that are not in the file: the operator
                            * that makes them, else NULL */
};

/* The node that makes a value, or NULL. */
const struct rt_onnx_node *rt_classifier_maker(const struct rt_onnx *m, const char *value);
/* What a softmax at the end reads, of files whose output are probabilities; any other value as it is. */
const char *rt_classifier_logits(const struct rt_onnx *m, const char *value);
/* Is `logits` made by such a layer? Types and sizes of the weights are still to be looked at. */
bool rt_classifier_read(struct rt_classifier *c, const struct rt_onnx *m, const char *logits);

#endif
