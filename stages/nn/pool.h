/* SPDX-License-Identifier: MIT
 * pool: what op_maxpool and op_avgpool share: shape, and the walk over windows in parallel samples.
 */
#ifndef RT_POOL_H
#define RT_POOL_H

#include "stages/nn/window.h"

/* What is done to one window: its output place (of the batch), and for its taps inside the input the
 * offsets of their channel 0 from the batch's start, and their numbers in the kernel. */
typedef void rt_pool_window(struct rt_op_run *r, const struct rt_window *w, int64_t place,
                            const int64_t *tap, const int *number, int taps);

/* The shape() of both: kernel area at most 1024, padding at most half the kernel. */
int rt_pool_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                  struct rt_error *e);
/* Calls window for every output place of every sample; samples in parallel. */
void rt_pool_forward(struct rt_op_run *r, rt_pool_window *window);
/* The window adds to dx, which is zeroed first where it is to be overwritten. */
void rt_pool_backward(struct rt_op_run *r, rt_pool_window *window);

#endif
