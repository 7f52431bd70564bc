/* SPDX-License-Identifier: MIT
 * fused: operators that no file has (fused_ops.def), as rows that steps may have in place of the file's. Their nodes
 * are still the file's, whose attributes they read. */
#ifndef RT_FUSED_H
#define RT_FUSED_H

#include "stages/nn/conv_way.h"
#include "stages/onnx/kernels/geometry.h"
#include "stages/onnx/kernels/kernel.h"

enum rt_fused {
#define RT_FUSED(kernel, type) RT_FUSED_##kernel,
#include "stages/onnx/kernels/fused_ops.def"
#undef RT_FUSED
    RT_FUSED_OPS
};

/* How an Attention's tensors lie: [b, t, heads, d] each, else [b, heads, t, d]; its keys [b, heads, d, t]. */
enum {
    RT_ATTENTION_QUERIES = 1,
    RT_ATTENTION_KEYS = 2,
    RT_ATTENTION_VALUES = 4,
    RT_ATTENTION_OUT = 8,
    RT_ATTENTION_KEYS_TURNED = 16
};

extern const struct rt_kernel_op rt_fused_op[RT_FUSED_OPS];

/* Geometry of a node whose x lies channels last, and x's shape as ONNX has it. */
int rt_last_geometry(struct rt_geometry *g, const struct rt_kernel_call *c, const int64_t *kernel,
                     struct rt_tensor *first);
/* Can a Conv with these shapes go channels last: known weights, at most two axes, one group or one channel a group? x
 * and w as the file has them. */
bool rt_last_conv_takes(const struct rt_kernel_call *c);
/* from [rows, cols] -> to [cols, rows]. */
void rt_swap_axes(const float *from, float *to, int64_t rows, int64_t cols);
/* What follows the sums of a pass: the call's bias (input 2) and its epilogue. */
void rt_fused_follow(const struct rt_kernel_call *c, struct rt_pass *p);
/* Does c->epilogue to `rows` rows of n numbers of c->out[0], from place `at` on, `stride` apart. bias may be NULL. */
void rt_fused_finish(const struct rt_kernel_call *c, const float *bias, int64_t at, int64_t rows, int64_t n,
                     int64_t stride);

#endif
