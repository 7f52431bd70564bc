/* SPDX-License-Identifier: MIT
 * op_dropout: while training, zeroes a fraction `rate` of the inputs and scales the rest by
 * 1 / (1 - rate); otherwise copies. Masks follow from (seed, step, node name, sample's row). */
#include "stages/nn/window.h"

#include <string.h>

static int op_dropout_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                            struct rt_error *e)
{
    (void)g;
    if (!(n->attr.rate >= 0 && n->attr.rate < 1))
        return rt_error_set(e, RT_ERANGE,
                            "network: node \"%s\" (dropout) has rate %g; it must be at "
                            "least 0 and below 1",
                            n->name, (double)n->attr.rate);
    n->shape = *in;
    return 0;
}

/* ---- masks ----
 * A mask is drawn, not stored between runs: from the seed, the step, the node's name and the
 * sample's row, so it is the same whatever thread draws it, after a resume, and in a replay. 16
 * bits decide an input, which makes a rate exact to 1/65536 and takes a quarter of the draws. */

/* The factor on every input: 0 or 1 / (1 - rate). */
static size_t op_dropout_saved(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    (void)n;
    return (size_t)batch * (size_t)rt_shape_count(in) * sizeof(float);
}

/* Rows are the pieces and have a stream each, so a batch that is cut otherwise has the same masks.
 */
static void op_dropout_forward_piece(void *self, int row, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t n = rt_shape_count(&r->node->shape);
    float *mask = (float *)r->saved + row * n, *y = r->y + row * n;
    const float *x = r->x[0] + row * n;
    float scale = 1 / (1 - r->node->attr.rate);
    uint32_t drop = (uint32_t)((double)r->node->attr.rate * 65536 + 0.5), bits = 0;
    struct rt_rng rng =
        rt_rng_init(r->seed, r->step, rt_name_hash(r->node->name) + (uint64_t)row, RT_RNG_DROPOUT);
    uint64_t draw = 0;
    for (int64_t i = 0; i < n; i++, draw >>= 16) {
        draw = i % 4 ? draw : rt_rng_u64(&rng); /* four inputs per draw */
        bits = draw & 0xffff;
        mask[i] = bits < drop ? 0 : scale;
        y[i] = x[i] * mask[i];
    }
}

static void op_dropout_forward(struct rt_op_run *r)
{
    if (!r->training) {
        int64_t all = r->batch * rt_shape_count(&r->node->shape);
        memcpy(r->y, r->x[0], (size_t)all * sizeof *r->y);
        return;
    }
    rt_parallel_for(r->parallel, r->batch, op_dropout_forward_piece, r);
}

static void op_dropout_backward(struct rt_op_run *r)
{
    int64_t all = r->batch * rt_shape_count(&r->node->shape);
    const float *mask = r->saved;
    for (int64_t i = 0; r->dx[0] && i < all; i++)
        r->dx[0][i] = (r->add[0] ? r->dx[0][i] : 0) + r->dy[i] * mask[i];
}

const struct rt_op rt_op_dropout = {
    .name = "dropout",
    .inputs = 1,
    .shape = op_dropout_shape,
    .saved_bytes = op_dropout_saved,
    .forward = op_dropout_forward,
    .backward = op_dropout_backward,
};
