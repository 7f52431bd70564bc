/* SPDX-License-Identifier: MIT
 * op_take: `count` places of one dimension: place i of y is place (begin + i * step) / share of x,
 * rounded down. One outside x is, by function: number[0] (fill), the nearest inside (edge), mirrored at
 * the ends (reflect), or counted on from the other end (wrap). Slicing, striding, padding, repeating and
 * enlarging are all this. Reads axis, begin, step, share, count, function, number[0]. */
#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/window.h"

#include <string.h>

static const char *const names[] = {"fill", "edge", "reflect", "wrap", NULL};

static int64_t op_take_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The place of x, or -1 for one that is filled. */
static int64_t op_take_source(const struct rt_attr *a, int64_t places, int64_t i)
{
    int64_t at = op_take_floor_div(a->begin + i * (int64_t)a->step, a->share), period;
    switch (a->function) {
    case RT_TAKE_edge: return at < 0 ? 0 : at >= places ? places - 1 : at;
    case RT_TAKE_reflect:
        period = places > 1 ? 2 * (places - 1) : 1;
        at = at - op_take_floor_div(at, period) * period;
        return at < places ? at : period - at;
    case RT_TAKE_wrap: return at - op_take_floor_div(at, places) * places;
    default: return at < 0 || at >= places ? -1 : at;
    }
}

static int op_take_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                         struct rt_error *e)
{
    (void)g;
    struct rt_attr *a = &n->attr;
    a->axes = 1;
    int err = rt_axes_check(n, in, e);
    a->step = a->step ? a->step : 1;
    a->share = a->share ? a->share : 1;
    if (!err && (a->count < 1 || a->share < 1)) {
        err = rt_error_set(e, RT_ERANGE, "network: node \"%s\" (take): count %d and share %d must be "
                           "at least 1", n->name, a->count, a->share);
    }
    n->shape = *in;
    if (!err) {
        n->shape.dim[a->axis] = a->count;
    }
    return err;
}

static void op_take_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    const float *x = r->x[0] + b * s.outer * s.n * s.inner;
    float *y = r->y + b * s.outer * a->count * s.inner;
    for (int64_t o = 0; o < s.outer; o++, x += s.n * s.inner) {
        for (int64_t i = 0; i < a->count; i++, y += s.inner) {
            int64_t from = op_take_source(a, s.n, i);
            for (int64_t k = 0; from < 0 && k < s.inner; k++) {
                y[k] = a->number[0];
            }
            if (from >= 0) {
                memcpy(y, x + from * s.inner, (size_t)s.inner * sizeof *y);
            }
        }
    }
}

static void op_take_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    const struct rt_attr *a = &r->node->attr;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    float *dx = r->dx[0] + b * s.outer * s.n * s.inner;
    const float *dy = r->dy + b * s.outer * a->count * s.inner;
    if (!r->add[0]) {
        memset(dx, 0, (size_t)(s.outer * s.n * s.inner) * sizeof *dx);
    }
    for (int64_t o = 0; o < s.outer; o++, dx += s.n * s.inner) {
        for (int64_t i = 0; i < a->count; i++, dy += s.inner) {
            int64_t from = op_take_source(a, s.n, i);
            for (int64_t k = 0; from >= 0 && k < s.inner; k++) {
                dx[from * s.inner + k] += dy[k];
            }
        }
    }
}

static void op_take_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_take_forward_piece);
}

static void op_take_backward(struct rt_op_run *r)
{
    if (r->dx[0]) {
        rt_each_sample(r, op_take_backward_piece);
    }
}

const struct rt_op rt_op_take = {
    .name = "take",
    .inputs = 1,
    .functions = names,
    .forgets_x = true,
    .forgets_y = true,
    .shape = op_take_shape,
    .forward = op_take_forward,
    .backward = op_take_backward,
};
