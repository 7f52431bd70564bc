/* SPDX-License-Identifier: MIT
 * op_normalise: (x - mean) / sqrt(biased variance + epsilon) over `axes` dimensions from `axis` on of each
 * sample, epsilon 1e-5 unless set: layer-norm over the last, instance-norm over the places. Scale and
 * shift are ops of their own. */
#include "stages/nn/axes.h"
#include "stages/nn/window.h"

#include <math.h>

static int op_normalise_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                              struct rt_error *e)
{
    (void)g;
    n->shape = *in;
    return rt_axes_check(n, in, e);
}

/* 1 / deviation of every group. */
static size_t op_normalise_saved(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    struct rt_axes s = rt_axes_of(n, in);
    return (size_t)batch * (size_t)(s.outer * s.inner) * sizeof(float);
}

/* ---- one group of numbers ----
 * Mean and variance in double, in two passes over numbers that are in cache: sums in one pass
 * cancel when the mean is large. Groups may lie with a step between their numbers, so layer-norm
 * and instance-norm are the same code. */

static float op_normalise_forward_row(const float *x, float *y, int64_t n, int64_t step,
                                      float epsilon)
{
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i * step];
    float mean = (float)(sum / (double)n);
    for (int64_t i = 0; i < n; i++) {
        double d = x[i * step] - mean;
        square += d * d;
    }
    float scale = (float)(1 / sqrt(square / (double)n + epsilon));
    for (int64_t i = 0; i < n; i++)
        y[i * step] = (x[i * step] - mean) * scale;
    return scale;
}

/* dx = (dy - mean of dy - y * mean of dy y) / deviation */
static void op_normalise_backward_row(const float *y, const float *dy, float *dx, int64_t n,
                                      int64_t step, float scale, bool add)
{
    double sum = 0, dot = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += dy[i * step];
        dot += (double)dy[i * step] * y[i * step];
    }
    float mean = (float)(sum / (double)n), along = (float)(dot / (double)n);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i * step;
        dx[k] = (add ? dx[k] : 0) + (dy[k] - mean - y[k] * along) * scale;
    }
}

/* 1 / deviation is saved for backward, which has no mean: y is enough. */
static void op_normalise_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    float epsilon = r->node->attr.epsilon > 0 ? r->node->attr.epsilon : 1e-5f;
    for (int64_t o = b * s.outer; o < (b + 1) * s.outer; o++)
        for (int64_t i = 0; i < s.inner; i++) {
            int64_t at = o * s.n * s.inner + i;
            float scale = op_normalise_forward_row(r->x[0] + at, r->y + at, s.n, s.inner, epsilon);
            if (r->training)
                ((float *)r->saved)[o * s.inner + i] = scale;
        }
}

static void op_normalise_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    struct rt_axes s = rt_axes_of(r->node, r->in_shape[0]);
    const float *scale = r->saved;
    for (int64_t o = b * s.outer; o < (b + 1) * s.outer; o++)
        for (int64_t i = 0; i < s.inner; i++) {
            int64_t at = o * s.n * s.inner + i;
            op_normalise_backward_row(r->y + at, r->dy + at, r->dx[0] + at, s.n, s.inner,
                                      scale[o * s.inner + i], r->add[0]);
        }
}

static void op_normalise_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_normalise_forward_piece);
}

static void op_normalise_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_each_sample(r, op_normalise_backward_piece);
}

const struct rt_op rt_op_normalise = {
    .name = "normalise",
    .inputs = 1,
    .unsaved_x = true,
    .shape = op_normalise_shape,
    .saved_bytes = op_normalise_saved,
    .forward = op_normalise_forward,
    .backward = op_normalise_backward,
};
