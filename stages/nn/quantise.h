/* SPDX-License-Identifier: MIT
 * quantise: a network whose layers read and give numbers of 8 bits, as integer arithmetic will have them, computed in
 * floats: nodes "quantise" (unary.def) round each such value to 256 steps. Where they stand: before each convolution
 * and linear layer, and behind each convolution (behind its relu, where that alone reads it), so that a convolution
 * can be done in integers from end to end. Pure functions. */
#ifndef RT_QUANTISE_H
#define RT_QUANTISE_H

#include "stages/nn/graph.h"

/* The numbers that a value has; scale and zero point follow from it. 0 always lies inside. */
struct rt_range {
    float least, most;
};

/* g: folded (rt_graph_fold), its last node the one wanted, which becomes "embedding". */

/* *out: g up to its end, which is now the extremes of every place that would be quantised: [2 * *places], the least
 * and the most of each in turn. RT_EMEM; RT_ENODATA: there is no such place. */
int rt_quantise_probe(struct rt_graph **out, struct rt_graph *g, int *places, struct rt_error *e);
/* *out: g with its quantise nodes; range[places] in the order of the probe. RT_EMEM. */
int rt_quantise_graph(struct rt_graph **out, struct rt_graph *g, const struct rt_range *range, struct rt_error *e);

/* The scale of a quantise node, 0 for any other: how weights behind it are to be scaled. */
float rt_quantise_scale(const struct rt_node *n);
/* Does any node quantise? Then weights are those of a network already folded and rounded, and not to be trained. */
bool rt_quantise_is_done(const struct rt_graph *g);

/* One row of weights [n] as int8, symmetric: q[i] = round(w[i] / scale) within +-RT_QUANTISE_MOST. Returns the scale.
 * bias: what is added to their product with a value of that input scale, in steps of input * scale, has to fit into 31
 * bits, too; input 0: there is none.
 * 64 and not 127: processors before VNNI add two products of bytes in 16 bits, which must hold 2 * 255 * the most. With
 * 127 ONNX Runtime 1.30 gives other answers on such a machine (off by 3.5 where it is off by 5e-7 with 64). */
#define RT_QUANTISE_MOST 64
float rt_quantise_row(int32_t *q, const float *w, int64_t n, float bias, float input);

#endif
