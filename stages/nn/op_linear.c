/* SPDX-License-Identifier: MIT
 * op_linear: y = x W' + b. Reads units, bias. Threads share blocks of units (forward, weights) and
 * of inputs (dx), so that no sum is split. */
#include "stages/nn/blas.h"
#include "stages/nn/conv.h"
#include "stages/nn/window.h"

#include <string.h>

#define BLOCK 64 /* units or inputs of one piece */

static int op_linear_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    int64_t units = n->attr.units;
    int err = rt_units_shape(g, n, in, e);
    if (!err && n->attr.bias)
        err = rt_op_param(g, n, "bias", 1, &units, in->dim[0], 0, false, false);
    return err;
}

/* ---- products in blocks ----
 * Cut along units (forward, weights) or inputs (dx), never along the batch or along what is summed:
 * OpenBLAS then sums each number in one go, and no two threads write to one. */

static void op_linear_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, c = r->in_shape[0]->dim[0];
    int64_t from = (int64_t)i * BLOCK, n = rt_piece_end(units, BLOCK, i) - from;
    bool bias = r->node->attr.bias;
    for (int b = 0; bias && b < r->batch; b++)
        memcpy(r->y + b * units + from, r->param[1]->value + from, (size_t)n * sizeof(float));
    rt_gemm(0, 1, r->batch, n, c, r->x[0], c, r->param[0]->value + from * c, c, bias, r->y + from,
            units);
}

static void op_linear_forward(struct rt_op_run *r)
{
    if (r->prepared)
        rt_linear_prepared_forward(r);
    else
        rt_parallel_for(r->parallel, rt_pieces(r->node->attr.units, BLOCK), op_linear_forward_piece, r);
}

/* The bias comes along: dy of these units is in cache. */
static void op_linear_weight_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, c = r->in_shape[0]->dim[0];
    int64_t from = (int64_t)i * BLOCK, end = rt_piece_end(units, BLOCK, i);
    rt_gemm(1, 0, end - from, c, r->batch, r->dy + from, units, r->x[0], c, 1,
            r->param[0]->grad + from * c, c);
    for (int b = 0; r->node->attr.bias && b < r->batch; b++)
        for (int64_t u = from; u < end; u++)
            r->param[1]->grad[u] += r->dy[b * units + u];
}

static void op_linear_input_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, c = r->in_shape[0]->dim[0];
    int64_t block = 4 * BLOCK, from = i * block;
    rt_gemm(0, 0, r->batch, rt_piece_end(c, block, i) - from, units, r->dy, units,
            r->param[0]->value + from, c, r->add[0], r->dx[0] + from, c);
}

static void op_linear_backward(struct rt_op_run *r)
{
    if (r->param[0]->grad)
        rt_parallel_for(r->parallel, rt_pieces(r->node->attr.units, BLOCK), op_linear_weight_piece,
                        r);
    if (r->dx[0])
        rt_parallel_for(r->parallel, rt_pieces(r->in_shape[0]->dim[0], 4 * BLOCK),
                        op_linear_input_piece, r);
}

const struct rt_op rt_op_linear = {
    .name = "linear",
    .inputs = 1,
    .shape = op_linear_shape,
    .prepared_bytes = rt_linear_prepared,
    .prepare = rt_linear_prepare,
    .prepared_scratch = rt_linear_prepared_scratch,
    .forward = op_linear_forward,
    .backward = op_linear_backward,
};
