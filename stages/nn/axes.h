/* SPDX-License-Identifier: MIT
 * axes: ops over some neighbouring dimensions see every sample as [outer, n, inner]. */
#ifndef RT_AXES_H
#define RT_AXES_H

#include "stages/nn/op.h"

struct rt_axes {
    int64_t outer, n, inner;
};

/* For shape(): attr.axis and attr.axes (0 = 1) must be dimensions of in; fills *e. */
int rt_axes_check(struct rt_node *n, const struct rt_shape *in, struct rt_error *e);
struct rt_axes rt_axes_of(const struct rt_node *n, const struct rt_shape *in);

/* Calls piece(self, sample) for every sample of the batch, in parallel. */
void rt_each_sample(struct rt_op_run *r, void (*piece)(void *self, int sample, int thread));
/* What sample b's numbers of a buffer are; NULL stays NULL. */
static inline const float *rt_sample_of(const float *x, int64_t count, int b)
{
    return x ? x + b * count : 0;
}

#endif
