/* SPDX-License-Identifier: MIT
 * functions: what attr.function chooses from, for whoever builds or writes a network, and how ONNX
 * names it. */
#ifndef RT_FUNCTIONS_H
#define RT_FUNCTIONS_H

enum rt_unary {
#define RT_UNARY(id, onnx, a, a_value, b, b_value, value, slope) RT_UNARY_##id,
#include "stages/nn/unary.def"
#undef RT_UNARY
    RT_UNARIES
};

/* How ONNX has it: operator (NULL = not as one), names of the attributes that a and b are (or NULL)
 * and what they are when left out. */
struct rt_unary_onnx {
    const char *type, *attribute[2];
    float value[2];
};
extern const struct rt_unary_onnx rt_unary_onnx[RT_UNARIES];

enum rt_binary {
#define RT_BINARY(id, onnx, value, slope_u, slope_v) RT_BINARY_##id,
#include "stages/nn/binary.def"
#undef RT_BINARY
    RT_BINARIES
};
extern const char *const rt_binary_onnx[RT_BINARIES]; /* operators */

enum rt_reduce {
    RT_REDUCE_sum,
    RT_REDUCE_mean,
    RT_REDUCE_max,
    RT_REDUCE_min,
    RT_REDUCE_l2,
    RT_REDUCE_sum_square,
    RT_REDUCES
};
extern const char *const rt_reduce_onnx[RT_REDUCES];

enum rt_slice { RT_SLICE_fill, RT_SLICE_edge, RT_SLICE_reflect, RT_SLICE_wrap };
enum rt_softmax { RT_SOFTMAX_plain, RT_SOFTMAX_log };

#endif
