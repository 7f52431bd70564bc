/* SPDX-License-Identifier: MIT
 * op_globalpool: the mean over all places, per channel: [..,c] -> [c]. */
#include "stages/nn/window.h"

#include <string.h>

static int op_globalpool_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                               struct rt_error *e)
{
    (void)g;
    if (in->rank < 2)
        return rt_shape_refuse(n, in, "[t,c] or [h,w,c]", e);
    n->shape = (struct rt_shape){1, {in->dim[in->rank - 1]}};
    return 0;
}

/* ---- one sample, one piece ----
 * Places are added in their order, a row of channels at a time. Like a reduce over the places, but
 * older, and what models of before name. */

static void op_globalpool_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t c = r->node->shape.dim[0], places = rt_shape_count(r->in_shape[0]) / c;
    const float *x = r->x[0] + b * places * c;
    float *y = r->y + b * c;
    memset(y, 0, (size_t)c * sizeof *y);
    for (int64_t p = 0; p < places; p++, x += c)
        for (int64_t i = 0; i < c; i++)
            y[i] += x[i];
    for (int64_t i = 0; i < c; i++)
        y[i] /= (float)places;
}

/* Every place had the same weight, so all get the same. */
static void op_globalpool_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t c = r->node->shape.dim[0], places = rt_shape_count(r->in_shape[0]) / c;
    float *dx = r->dx[0] + b * places * c;
    const float *dy = r->dy + b * c;
    for (int64_t p = 0; p < places; p++, dx += c)
        for (int64_t i = 0; i < c; i++)
            dx[i] = (r->add[0] ? dx[i] : 0) + dy[i] / (float)places;
}

static void op_globalpool_forward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, r->batch, op_globalpool_forward_piece, r);
}

static void op_globalpool_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_parallel_for(r->parallel, r->batch, op_globalpool_backward_piece, r);
}

const struct rt_op rt_op_globalpool = {
    .name = "globalpool",
    .inputs = 1,
    .shape = op_globalpool_shape,
    .forward = op_globalpool_forward,
    .backward = op_globalpool_backward,
};
