/* SPDX-License-Identifier: MIT
 * onnx_map_parts: what onnx_map.c (values, outputs, layers), onnx_map_tensor.c (ops on tensors of any rank) and
 * onnx_map_weights.c (constants) share. */
#ifndef RT_ONNX_MAP_PARTS_H
#define RT_ONNX_MAP_PARTS_H

#include "stages/onnx/map/onnx_map.h"
#include "stages/nn/op.h"

#define RT_MAP_NAME (RT_NAME + 24)
#define RT_NORM_MIN 1e-12f /* as op_cosine and op_l2normalise */

/* What is known of a node's value: its name in either layout, "" while not made. For rank 1 both
 * are the same. */
struct rt_map_value {
    char first[RT_MAP_NAME], last[RT_MAP_NAME]; /* channels first, channels last */
    char name[RT_MAP_NAME];                     /* to be made under */
};

struct rt_onnx_map {
    struct rt_graph *g;
    struct rt_onnx *o;
    struct rt_map_value *value; /* [nodes] */
    bool open_time;             /* the input's first dimension has no size of its own */
    enum rt_onnx_weights weights;
};

/* Makes v from its inputs' values. */
typedef int rt_map_emit(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                        struct rt_error *e);
rt_map_emit rt_map_unary, rt_map_binary, rt_map_parameter, rt_map_transpose, rt_map_slice,
    rt_map_concat, rt_map_reduce, rt_map_softmax, rt_map_normalise, rt_map_matmul, rt_map_reshape;

typedef const char *const rt_map_names[4]; /* NULL at the end */
struct rt_onnx_node *rt_map_add(struct rt_onnx_map *m, const char *op, const rt_map_names in,
                                const char *out);
/* "NODE/what" */
const char *rt_map_inside(char out[RT_MAP_NAME], const struct rt_node *n, const char *what);
/* An input's value in this layout; transposed when it is not there yet. */
const char *rt_map_first(struct rt_onnx_map *m, int node);
const char *rt_map_last(struct rt_onnx_map *m, int node);
/* in, channels first, as out, channels last; rank without the batch. */
void rt_map_turn(struct rt_onnx_map *m, const char *in, const char *out, int rank);
/* x / max(|x|, least); `of`: what x is, for the names of what is made in between. */
void rt_map_unit(struct rt_onnx_map *m, const char *of, const char *x, float least, const char *out);
/* Names of new initialisers; values are copied. */
const char *rt_map_floats(struct rt_onnx_map *m, const char *name, int rank, const int64_t *dim, const float *value);
const char *rt_map_scalar(struct rt_onnx_map *m, const char *name, float value);
const char *rt_map_ints(struct rt_onnx_map *m, const char *name, const int64_t *value, int count);
/* The value that is the node's i-th parameter, in ONNX's layout and of norm 1 where that is a cosine's; NULL when it
 * has none. */
const char *rt_map_weight(struct rt_onnx_map *m, const struct rt_node *n, int i, char name[RT_MAP_NAME]);
/* x rounded to 8 bits and back, as a "quantise" node has it. */
void rt_map_quantise(struct rt_onnx_map *m, const struct rt_node *n, const char *x, const char *out);

#endif
