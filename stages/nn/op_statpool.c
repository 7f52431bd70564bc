/* SPDX-License-Identifier: MIT
 * op_statpool: mean and standard deviation over time (dimension 0) of everything else: [t,..,c] ->
 * means [..*c], then deviations sqrt(biased variance + epsilon), epsilon 1e-5 unless set. */
#include "stages/nn/window.h"

#include <math.h>
#include <string.h>

static int op_statpool_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                             struct rt_error *e)
{
    (void)g;
    if (in->rank < 2)
        return rt_shape_refuse(n, in, "[t,c] or [t,w,c]", e);
    n->shape = (struct rt_shape){1, {(int)(2 * rt_shape_count(in) / in->dim[0])}};
    return 0;
}

/* ---- two passes over time ----
 * Means first, then deviations from them. Time runs outside and channels inside, so both loops go
 * through memory as it lies. Epsilon stands under the root: a channel that is constant would have
 * an infinite gradient. */

static void op_statpool_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t n = r->node->shape.dim[0] / 2, times = r->in_shape[0]->dim[0];
    const float *x = r->x[0] + b * times * n;
    float *mean = r->y + b * 2 * n, *deviation = mean + n;
    float epsilon = r->node->attr.epsilon > 0 ? r->node->attr.epsilon : 1e-5f;
    memset(mean, 0, 2 * (size_t)n * sizeof *mean);
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i < n; i++)
            mean[i] += x[t * n + i];
    for (int64_t i = 0; i < n; i++)
        mean[i] /= (float)times;
    for (int64_t t = 0; t < times; t++)
        for (int64_t i = 0; i < n; i++) {
            float d = x[t * n + i] - mean[i];
            deviation[i] += d * d;
        }
    for (int64_t i = 0; i < n; i++)
        deviation[i] = sqrtf(deviation[i] / (float)times + epsilon);
}

/* d mean / dx = 1 / t; d deviation / dx = (x - mean) / (t deviation). */
static void op_statpool_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t n = r->node->shape.dim[0] / 2, times = r->in_shape[0]->dim[0];
    const float *x = r->x[0] + b * times * n, *mean = r->y + b * 2 * n, *deviation = mean + n;
    const float *dmean = r->dy + b * 2 * n, *ddeviation = dmean + n;
    float *dx = r->dx[0] + b * times * n, weight = 1 / (float)times;
    for (int64_t t = 0; t < times; t++, x += n, dx += n)
        for (int64_t i = 0; i < n; i++) {
            float d = dmean[i] + ddeviation[i] * (x[i] - mean[i]) / deviation[i];
            dx[i] = (r->add[0] ? dx[i] : 0) + d * weight;
        }
}

static void op_statpool_forward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, r->batch, op_statpool_forward_piece, r);
}

static void op_statpool_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_parallel_for(r->parallel, r->batch, op_statpool_backward_piece, r);
}

const struct rt_op rt_op_statpool = {
    .name = "statpool",
    .inputs = 1,
    .shape = op_statpool_shape,
    .forward = op_statpool_forward,
    .backward = op_statpool_backward,
};
