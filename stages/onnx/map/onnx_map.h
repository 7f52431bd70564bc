/* SPDX-License-Identifier: MIT
 * onnx_map: a graph as ONNX nodes, opset 13, for other programs to run. Inference only: dropout goes.
 * The dense input keeps our layout, [batch, time, channels] or [batch, height, width, channels], so
 * that what the front end gives goes in as it is; behind it one Transpose, and from there ONNX's
 * channels-first ops with their kernels permuted. A bag becomes a dense [batch, buckets] of weights,
 * zero for the buckets a sample has not. The batch is symbolic, "batch", and so is "time" where that is asked for and
 * the network takes any length. Kernels keep their names;
 * the rows of a cosine layer's weight are written with norm 1, or brought to it by nodes where they are narrow. */
#ifndef RT_ONNX_MAP_H
#define RT_ONNX_MAP_H

#include "formats/onnx.h"
#include "stages/nn/graph.h"

#define RT_ONNX_MAP_OPSET 13
#define RT_ONNX_INPUT "input"

/* One term of an output: scale x the node's numbers. */
struct rt_onnx_term {
    int node;
    float scale;
};

/* Adds what the output needs, and the input, where they are not there yet. The output is the sum of
 * its terms' nodes (all of rank 1 and of one size). RT_EMISMATCH when ONNX has no such op. */
struct rt_onnx_map; /* g and o are borrowed; weights are copied into o */
/* How weights lie in the file. Narrow ones are followed by a node that widens them, under the weight's own name:
 *   HALF  FLOAT16 and a Cast, for all that are matrices or kernels
 *   INT8  and a DequantizeLinear, of layers: symmetric, a scale for each unit (for each bucket of a bag). Where a layer
 *         reads what a "quantise" node gives, its bias is INT32, in steps of both scales: so integers can do it all. */
enum rt_onnx_weights { RT_ONNX_WEIGHTS_FLOAT, RT_ONNX_WEIGHTS_HALF, RT_ONNX_WEIGHTS_INT8 };
int rt_onnx_map_create(struct rt_onnx_map **out, struct rt_graph *g, struct rt_onnx *o, enum rt_onnx_weights weights);
void rt_onnx_map_destroy(struct rt_onnx_map *m);
/* Before the first output: leaves the input's first dimension open. *least: its least size. RT_EMISMATCH: *e names the
 * node for which it cannot be. */
int rt_onnx_map_open_time(struct rt_onnx_map *m, int *least, struct rt_error *e);
int rt_onnx_map_output(struct rt_onnx_map *m, const char *name, const struct rt_onnx_term *term,
                       int terms, struct rt_error *e);

/* The other way, for weights alone: an initialiser's numbers in our layout. The caller fini's *t. */
int rt_onnx_map_weight(struct rt_tensor *t, const struct rt_tensor *initializer);
/* Is it a node that widens a weight? *t: what it gives, in ONNX's layout; the caller fini's it. 0 = no, 1 = yes, or
 * RT_E... */
int rt_onnx_map_widen(struct rt_tensor *t, const struct rt_onnx *o, const struct rt_onnx_node *n);

#endif
