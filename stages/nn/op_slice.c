/* SPDX-License-Identifier: MIT
 * op_slice: `count` places of one dimension: place i of y is place (begin + i * step) / divisor of
 * x, rounded down. One outside x is, by function: number[0] (fill), the nearest inside (edge),
 * mirrored at the ends (reflect), or counted on from the other end (wrap). Slicing, striding,
 * padding, repeating and enlarging are all this. Reads axis, begin, step, divisor, count, function,
 * number[0]. */
#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/window.h"

#include <string.h>

static const char *const names[] = {"fill", "edge", "reflect", "wrap", NULL};

/* ---- one formula ----
 * Imported networks slice, pad, repeat and enlarge in many ways; as one op there is one gradient to
 * get right, and its text in a model file is six numbers. An op for each would be six files that
 * copy rows. */

static int64_t op_slice_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The place of x, or -1 for one that is filled. */
static int64_t op_slice_source(const struct rt_attr *a, int64_t places, int64_t i)
{
    int64_t at = op_slice_floor_div(a->begin + i * (int64_t)a->step, a->divisor), period;
    switch (a->function) {
    case RT_SLICE_edge: return at < 0 ? 0 : at >= places ? places - 1 : at;
    case RT_SLICE_reflect:
        period = places > 1 ? 2 * (places - 1) : 1;
        at = at - op_slice_floor_div(at, period) * period;
        return at < places ? at : period - at;
    case RT_SLICE_wrap: return at - op_slice_floor_div(at, places) * places;
    default: return at < 0 || at >= places ? -1 : at;
    }
}

/* Zeros become ones here, once, so that text may leave them out and the loops need no case. */
static int op_slice_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                          struct rt_error *e)
{
    (void)g;
    struct rt_attr *a = &n->attr;
    a->axes = 1;
    int err = rt_axes_check(n, in, e);
    a->step = a->step ? a->step : 1;
    a->divisor = a->divisor ? a->divisor : 1;
    if (!err && (a->count < 1 || a->divisor < 1))
        err = rt_error_set(e, RT_ERANGE,
                           "network: node \"%s\" (slice): count %d and divisor %d must be "
                           "at least 1",
                           n->name, a->count, a->divisor);
    n->shape = *in;
    if (!err)
        n->shape.dim[a->axis] = a->count;
    return err;
}

/* ---- rows ----
 * Places of y are copied in order from where the formula says. Backward adds, since a place of x
 * may be taken more than once. */

static void op_slice_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    const float *x = r->x[0] + b * s.outer * s.n * s.inner;
    float *y = r->y + b * s.outer * a->count * s.inner;
    for (int64_t o = 0; o < s.outer; o++, x += s.n * s.inner)
        for (int64_t i = 0; i < a->count; i++, y += s.inner) {
            int64_t from = op_slice_source(a, s.n, i);
            for (int64_t k = 0; from < 0 && k < s.inner; k++)
                y[k] = a->number[0];
            if (from >= 0)
                memcpy(y, x + from * s.inner, (size_t)s.inner * sizeof *y);
        }
}

static void op_slice_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    float *dx = r->dx[0] + b * s.outer * s.n * s.inner;
    const float *dy = r->dy + b * s.outer * a->count * s.inner;
    if (!r->add[0])
        memset(dx, 0, (size_t)(s.outer * s.n * s.inner) * sizeof *dx);
    for (int64_t o = 0; o < s.outer; o++, dx += s.n * s.inner)
        for (int64_t i = 0; i < a->count; i++, dy += s.inner) {
            int64_t from = op_slice_source(a, s.n, i);
            for (int64_t k = 0; from >= 0 && k < s.inner; k++)
                dx[from * s.inner + k] += dy[k];
        }
}

static void op_slice_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_slice_forward_piece);
}

static void op_slice_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_each_sample(r, op_slice_backward_piece);
}

const struct rt_op rt_op_slice = {
    .name = "slice",
    .inputs = 1,
    .functions = names,
    .unsaved_x = true,
    .unsaved_y = true,
    .shape = op_slice_shape,
    .forward = op_slice_forward,
    .backward = op_slice_backward,
};
