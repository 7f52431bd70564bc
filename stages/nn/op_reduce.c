/* SPDX-License-Identifier: MIT
 * op_reduce: one number for all places of `axes` dimensions from `axis` on, which go: their sum, mean,
 * largest, smallest, l2 norm or sum of squares. Reads function, axis, axes. */
#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"sum", "mean", "max", "min", "l2", "sum_square", NULL};
const char *const rt_reduce_onnx[RT_REDUCES] = {"ReduceSum", "ReduceMean", "ReduceMax",
                                                "ReduceMin", "ReduceL2", "ReduceSumSquare"};

/* The axes go; when none is left the output is one number, of rank 1. */
static int op_reduce_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    (void)g;
    int err = rt_axes_check(n, in, e);
    for (int i = 0; !err && i < in->rank; i++)
        if (i < n->attr.axis || i >= n->attr.axis + n->attr.axes)
            n->shape.dim[n->shape.rank++] = in->dim[i];
    if (!err && n->shape.rank == 0)
        n->shape = (struct rt_shape){1, {1}};
    return err;
}

/* ---- rows of what remains ----
 * [outer, n, inner] again: n rows of inner numbers are folded into one, so the inner loop is over
 * numbers that do not depend on each other. With inner = 1, a reduction over the last dimension,
 * that loop is one number long: rare in networks whose channels are last. */

/* The largest (or smallest); the first of equals, and NaN wins. */
static bool op_reduce_wins(int function, float x, float than)
{
    return x != x || (function == RT_REDUCE_max ? x > than : x < than);
}

/* Adds a row of x to the sums. */
RT_SIMD static void op_reduce_add_row(int function, const float *restrict x, float *restrict y,
                                      int64_t n)
{
    switch (function) {
    case RT_REDUCE_sum:
    case RT_REDUCE_mean:
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i];
        break;
    case RT_REDUCE_max:
    case RT_REDUCE_min:
        for (int64_t i = 0; i < n; i++)
            y[i] = op_reduce_wins(function, x[i], y[i]) ? x[i] : y[i];
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i] * x[i];
    }
}

static void op_reduce_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int function = r->node->attr.function;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    const float *x = r->x[0] + b * s.outer * s.n * s.inner;
    float *y = r->y + b * s.outer * s.inner;
    bool extreme = function == RT_REDUCE_max || function == RT_REDUCE_min;
    for (int64_t o = 0; o < s.outer; o++, y += s.inner) {
        for (int64_t i = 0; i < s.inner; i++)
            y[i] = extreme ? x[i] : 0;
        for (int64_t k = 0; k < s.n; k++, x += s.inner)
            op_reduce_add_row(function, x, y, s.inner);
        for (int64_t i = 0; i < s.inner; i++)
            y[i] = function == RT_REDUCE_mean ? y[i] / (float)s.n
                   : function == RT_REDUCE_l2 ? sqrtf(y[i])
                                              : y[i];
    }
}

/* ---- gradients ----
 * Of a largest or smallest number the gradient goes to the first place that has it, as in PyTorch;
 * found again here, since these are rare enough not to save it. */

/* dy times d y / d x for every x of a row; x, y and dy stand at the row. */
static void op_reduce_row_gradient(int function, int64_t places, const float *x, const float *y,
                                   const float *dy, float *dx, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        switch (function) {
        case RT_REDUCE_sum: dx[i] += dy[i]; break;
        case RT_REDUCE_mean: dx[i] += dy[i] / (float)places; break;
        case RT_REDUCE_l2: dx[i] += y[i] > 0 ? dy[i] * x[i] / y[i] : 0; break;
        case RT_REDUCE_sum_square: dx[i] += 2 * dy[i] * x[i]; break;
        default: break;
        }
    }
}

static void op_reduce_extreme_gradient(const float *x, const float *dy, float *dx, struct rt_axes s,
                                       int function)
{
    for (int64_t i = 0; i < s.inner; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < s.n; k++)
            best = op_reduce_wins(function, x[k * s.inner + i], x[best * s.inner + i]) ? k : best;
        dx[best * s.inner + i] += dy[i];
    }
}

static void op_reduce_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int function = r->node->attr.function;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    int64_t in = s.n * s.inner, from = b * s.outer;
    const float *x = r->x[0] + from * in;
    float *dx = r->dx[0] + from * in;
    if (!r->add[0])
        memset(dx, 0, (size_t)(s.outer * in) * sizeof *dx);
    for (int64_t o = 0; o < s.outer; o++, x += in, dx += in) {
        const float *y = r->y + (from + o) * s.inner, *dy = r->dy + (from + o) * s.inner;
        if (function == RT_REDUCE_max || function == RT_REDUCE_min) {
            op_reduce_extreme_gradient(x, dy, dx, s, function);
            continue;
        }
        for (int64_t k = 0; k < s.n; k++)
            op_reduce_row_gradient(function, s.n, x + k * s.inner, y, dy, dx + k * s.inner,
                                   s.inner);
    }
}

static void op_reduce_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_reduce_forward_piece);
}

static void op_reduce_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_each_sample(r, op_reduce_backward_piece);
}

const struct rt_op rt_op_reduce = {
    .name = "reduce",
    .inputs = 1,
    .functions = names,
    .shape = op_reduce_shape,
    .forward = op_reduce_forward,
    .backward = op_reduce_backward,
};
