/* SPDX-License-Identifier: MIT
 * op_relu: max(0, x), NaN stays NaN. Behind batch-norm or add it is done by those (fuses_relu). */
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#define GRAIN 16384 /* floats of one piece */

static int op_relu_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                         struct rt_error *e)
{
    (void)g;
    (void)e;
    n->shape = *in;
    return 0;
}

/* ---- loops ----
 * Only relus that nobody fuses come here, as behind a linear layer or an embedding bag. Comparisons
 * are written so that NaN comes through; fmaxf(0, x) would hide it. */

RT_SIMD static void op_relu_clip(const float *restrict x, float *restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

/* By the output, which is positive exactly where the input was. */
RT_SIMD static void op_relu_clip_back(const float *restrict y, const float *restrict dy,
                                      float *restrict dx, int64_t n, bool add)
{
    if (add)
        for (int64_t i = 0; i < n; i++)
            dx[i] += y[i] > 0 ? dy[i] : 0;
    else
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void op_relu_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t all = r->batch * rt_shape_count(&r->node->shape), from = (int64_t)i * GRAIN;
    op_relu_clip(r->x[0] + from, r->y + from, rt_piece_end(all, GRAIN, i) - from);
}

static void op_relu_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t all = r->batch * rt_shape_count(&r->node->shape), from = (int64_t)i * GRAIN;
    op_relu_clip_back(r->y + from, r->dy + from, r->dx[0] + from,
                      rt_piece_end(all, GRAIN, i) - from, r->add[0]);
}

static void op_relu_forward(struct rt_op_run *r)
{
    int64_t all = r->batch * rt_shape_count(&r->node->shape);
    rt_parallel_for(r->parallel, rt_pieces(all, GRAIN), op_relu_forward_piece, r);
}

static void op_relu_backward(struct rt_op_run *r)
{
    int64_t all = r->batch * rt_shape_count(&r->node->shape);
    if (r->dx[0])
        rt_parallel_for(r->parallel, rt_pieces(all, GRAIN), op_relu_backward_piece, r);
}

const struct rt_op rt_op_relu = {
    .name = "relu",
    .inputs = 1,
    .shape = op_relu_shape,
    .forward = op_relu_forward,
    .backward = op_relu_backward,
};
