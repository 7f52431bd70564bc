/* SPDX-License-Identifier: MIT
 * op_softmax: exp(x) / sum of exp(x) over `axes` dimensions from `axis` on, or (function log) the
 * logarithm of that. The largest is taken off first, so nothing overflows. */
#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/window.h"

#include <math.h>

static const char *const names[] = {"plain", "log", NULL};

static int op_softmax_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                            struct rt_error *e)
{
    (void)g;
    n->shape = *in;
    return rt_axes_check(n, in, e);
}

/* ---- one group of numbers ----
 * The sum is in double, the numbers float. The logarithm is x less the log of the sum, never log of
 * the result, which is 0 for what is unlikely. */

/* n numbers, `step` apart. */
static void op_softmax_forward_row(const float *x, float *y, int64_t n, int64_t step, bool log)
{
    float most = x[0];
    double sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = x[i * step] > most ? x[i * step] : most;
    for (int64_t i = 0; i < n; i++) {
        y[i * step] = expf(x[i * step] - most);
        sum += y[i * step];
    }
    float scale = (float)(1 / sum), off = most + (float)logf((float)sum);
    for (int64_t i = 0; i < n; i++)
        y[i * step] = log ? x[i * step] - off : y[i * step] * scale;
}

/* plain: dx = y (dy - sum of y dy); log: dx = dy - exp(y) sum of dy. */
static void op_softmax_backward_row(const float *y, const float *dy, float *dx, int64_t n,
                                    int64_t step, bool log, bool add)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += log ? (double)dy[i * step] : (double)y[i * step] * dy[i * step];
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i * step;
        float d = log ? dy[k] - expf(y[k]) * (float)sum : y[k] * (dy[k] - (float)sum);
        dx[k] = (add ? dx[k] : 0) + d;
    }
}

/* Samples are the pieces; within one, groups follow each other. */
static void op_softmax_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    bool log = r->node->attr.function == RT_SOFTMAX_log;
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t i = 0; i < s.inner; i++) {
            int64_t at = (b * s.outer + o) * s.n * s.inner + i;
            op_softmax_forward_row(r->x[0] + at, r->y + at, s.n, s.inner, log);
        }
}

static void op_softmax_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    bool log = r->node->attr.function == RT_SOFTMAX_log;
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t i = 0; i < s.inner; i++) {
            int64_t at = (b * s.outer + o) * s.n * s.inner + i;
            op_softmax_backward_row(r->y + at, r->dy + at, r->dx[0] + at, s.n, s.inner, log,
                                    r->add[0]);
        }
}

static void op_softmax_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_softmax_forward_piece);
}

static void op_softmax_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_each_sample(r, op_softmax_backward_piece);
}

const struct rt_op rt_op_softmax = {
    .name = "softmax",
    .inputs = 1,
    .functions = names,
    .unsaved_x = true,
    .shape = op_softmax_shape,
    .forward = op_softmax_forward,
    .backward = op_softmax_backward,
};
