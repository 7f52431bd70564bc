/* SPDX-License-Identifier: MIT
 * conv: convolution, for op_conv1d and op_conv2d; the ways to compute it: conv_way.h. */
#ifndef RT_CONV_H
#define RT_CONV_H

#include "stages/nn/op.h"

/* weight [units,kh,kw,c/groups] or, one_dimensional, [units,k,c/groups]; bias [units] when attr.bias. */
int rt_conv_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  bool one_dimensional, struct rt_error *e);
struct rt_scratch_size rt_conv_scratch(const struct rt_node *n, const struct rt_shape *in,
                                       int batch);
void rt_conv_forward(struct rt_op_run *r);
void rt_conv_backward(struct rt_op_run *r);

/* Weights laid out once, for layers of places and for linear ones, which are a convolution at one place. */
size_t rt_conv_prepared(const struct rt_node *n, const struct rt_shape *in);
void rt_conv_prepare(struct rt_op_run *r, void *prepared);
struct rt_scratch_size rt_conv_prepared_scratch(const struct rt_node *n, const struct rt_shape *in, int batch);
size_t rt_linear_prepared(const struct rt_node *n, const struct rt_shape *in);
void rt_linear_prepare(struct rt_op_run *r, void *prepared);
struct rt_scratch_size rt_linear_prepared_scratch(const struct rt_node *n, const struct rt_shape *in, int batch);
void rt_linear_prepared_forward(struct rt_op_run *r);

#endif
