/* SPDX-License-Identifier: MIT
 * op_concat: inputs that differ only in dimension `axis`, one behind the other along it. */
#include "stages/nn/axes.h"
#include "stages/nn/window.h"

#include <limits.h>
#include <string.h>

/* Sizes along the axis add up; all others must be equal, or rows would not line up. */
static int op_concat_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    (void)g;
    int axis = n->attr.axis;
    int64_t all = 0;
    n->attr.axes = 1;
    int err = rt_axes_check(n, in, e);
    for (int k = 0; !err && k < n->inputs; k++) {
        struct rt_shape alike = in[k];
        if (alike.rank == in[0].rank) {
            all += alike.dim[axis];
            alike.dim[axis] = in[0].dim[axis];
        }
        if (alike.rank != in[0].rank || all > INT_MAX ||
            memcmp(alike.dim, in[0].dim, (size_t)alike.rank * sizeof *alike.dim) != 0)
            return rt_shape_refuse(n, &in[k], "inputs that are alike in all other dimensions", e);
    }
    n->shape = in[0];
    if (!err)
        n->shape.dim[axis] = (int)all;
    return err;
}

/* ---- blocks ----
 * Behind the axis everything is one run of memory, so an input is [outer] blocks of n * inner
 * numbers that are copied whole. Sharing memory with the inputs instead, as reshape does, would
 * need ops that write with a gap between rows. */

static void op_concat_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes all = rt_axes_of(r->node, &r->node->shape);
    float *y = r->y + b * all.outer * all.n * all.inner;
    for (int k = 0; k < r->node->inputs; k++) {
        struct rt_axes s = rt_axes_of(r->node, r->in_shape[k]);
        int64_t row = s.n * s.inner;
        const float *x = r->x[k] + b * s.outer * row;
        for (int64_t o = 0; o < s.outer; o++)
            memcpy(y + o * all.n * all.inner, x + o * row, (size_t)row * sizeof *y);
        y += row;
    }
}

/* Each input takes its own stretch of every row back. */
static void op_concat_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes all = rt_axes_of(r->node, &r->node->shape);
    const float *dy = r->dy + b * all.outer * all.n * all.inner;
    for (int k = 0; k < r->node->inputs; k++) {
        struct rt_axes s = rt_axes_of(r->node, r->in_shape[k]);
        int64_t row = s.n * s.inner;
        for (int64_t o = 0; r->dx[k] && o < s.outer; o++) {
            float *dx = r->dx[k] + (b * s.outer + o) * row;
            const float *from = dy + o * all.n * all.inner;
            for (int64_t i = 0; i < row; i++)
                dx[i] = (r->add[k] ? dx[i] : 0) + from[i];
        }
        dy += row;
    }
}

static void op_concat_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_concat_forward_piece);
}

static void op_concat_backward(struct rt_op_run *r)
{
    rt_each_sample(r, op_concat_backward_piece);
}

const struct rt_op rt_op_concat = {
    .name = "concat",
    .unsaved_x = true,
    .unsaved_y = true,
    .shape = op_concat_shape,
    .forward = op_concat_forward,
    .backward = op_concat_backward,
};
