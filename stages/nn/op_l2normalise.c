/* SPDX-License-Identifier: MIT
 * op_l2normalise: y = x / max(|x|, epsilon), epsilon 1e-12 unless set, as PyTorch's normalize. */
#include "stages/nn/window.h"

#include <math.h>

static float op_l2normalise_epsilon(const struct rt_node *n)
{
    return n->attr.epsilon > 0 ? n->attr.epsilon : 1e-12f;
}

static int op_l2normalise_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                                struct rt_error *e)
{
    (void)g;
    if (in->rank != 1)
        return rt_shape_refuse(n, in, "[c]; put a flatten before it", e);
    n->shape = *in;
    return 0;
}

static size_t op_l2normalise_saved(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    (void)n;
    (void)in;
    return (size_t)batch * sizeof(float);
}

/* ---- one row after the other ----
 * Rows are short and few, so threads would cost more than they do. The sum of squares is in double:
 * a float one loses digits with many small numbers. */

static void op_l2normalise_forward(struct rt_op_run *r)
{
    int64_t c = r->in_shape[0]->dim[0];
    for (int b = 0; b < r->batch; b++) {
        const float *x = r->x[0] + b * c;
        double sum = 0;
        for (int64_t i = 0; i < c; i++)
            sum += (double)x[i] * x[i];
        /* fmax would turn NaN into epsilon. */
        float norm = (float)sqrt(sum);
        norm =
            norm < op_l2normalise_epsilon(r->node) ? op_l2normalise_epsilon(r->node) : norm;
        for (int64_t i = 0; i < c; i++)
            r->y[b * c + i] = x[i] / norm;
        if (r->training)
            ((float *)r->saved)[b] = norm;
    }
}

/* dx = (dy - y (y . dy)) / |x|; below epsilon the norm is constant: dx = dy / epsilon. */
static void op_l2normalise_backward(struct rt_op_run *r)
{
    int64_t c = r->in_shape[0]->dim[0];
    for (int b = 0; r->dx[0] && b < r->batch; b++) {
        const float *y = r->y + b * c, *dy = r->dy + b * c;
        float *dx = r->dx[0] + b * c, norm = ((float *)r->saved)[b];
        double dot = 0;
        for (int64_t i = 0; i < c && norm > op_l2normalise_epsilon(r->node); i++) {
            dot += (double)y[i] * dy[i];
        }
        for (int64_t i = 0; i < c; i++)
            dx[i] = (r->add[0] ? dx[i] : 0) + (dy[i] - y[i] * (float)dot) / norm;
    }
}

const struct rt_op rt_op_l2normalise = {
    .name = "l2normalise",
    .inputs = 1,
    .shape = op_l2normalise_shape,
    .saved_bytes = op_l2normalise_saved,
    .forward = op_l2normalise_forward,
    .backward = op_l2normalise_backward,
};
