/* SPDX-License-Identifier: MIT
 * op_add: the sum of two inputs of one shape; does the relu behind it as well when told to. */
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#include <stdio.h>
#include <string.h>

#define GRAIN 16384 /* floats of one piece */

/* No broadcasting: that is op binary's. */
static int op_add_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                        struct rt_error *e)
{
    (void)g;
    if (in[0].rank != in[1].rank ||
        memcmp(in[0].dim, in[1].dim, (size_t)in[0].rank * sizeof in[0].dim[0]) != 0) {
        char other[48], wanted[96];
        snprintf(wanted, sizeof wanted, "the shape of its other input, %s",
                 rt_shape_text(&in[0], other));
        return rt_shape_refuse(n, &in[1], wanted, e);
    }
    n->shape = in[0];
    return 0;
}

/* ---- loops ----
 * The relu behind a residual block's sum is done in the same pass over memory. Each case is a loop
 * of its own, so that the compiler makes vectors of each. */

RT_SIMD static void op_add_sum(const float *restrict a, const float *restrict b, float *restrict y,
                               int64_t n, bool relu)
{
    if (relu)
        for (int64_t i = 0; i < n; i++) {
            float s = a[i] + b[i];
            y[i] = s < 0 ? 0 : s;
        }
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = a[i] + b[i];
}

/* y NULL: no relu. */
RT_SIMD static void op_add_gradient(const float *restrict y, const float *restrict dy,
                                    float *restrict dx, int64_t n, bool add)
{
    if (y && add)
        for (int64_t i = 0; i < n; i++)
            dx[i] += y[i] > 0 ? dy[i] : 0;
    else if (y)
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] > 0 ? dy[i] : 0;
    else if (add)
        for (int64_t i = 0; i < n; i++)
            dx[i] += dy[i];
    else
        memcpy(dx, dy, (size_t)n * sizeof *dx);
}

/* ---- pieces ----
 * Numbers are independent, so pieces may be cut anywhere; 64 KiB of each operand are enough work
 * for a thread to join. */

static void op_add_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t all = r->batch * rt_shape_count(&r->node->shape), from = (int64_t)i * GRAIN;
    op_add_sum(r->x[0] + from, r->x[1] + from, r->y + from, rt_piece_end(all, GRAIN, i) - from,
               r->relu);
}

/* Both inputs get the same gradient; each may be wanted or not, added or written. */
static void op_add_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t all = r->batch * rt_shape_count(&r->node->shape), from = (int64_t)i * GRAIN;
    for (int k = 0; k < 2; k++)
        if (r->dx[k])
            op_add_gradient(r->relu ? r->y + from : NULL, r->dy + from, r->dx[k] + from,
                            rt_piece_end(all, GRAIN, i) - from, r->add[k]);
}

static void op_add_forward(struct rt_op_run *r)
{
    int64_t all = r->batch * rt_shape_count(&r->node->shape);
    rt_parallel_for(r->parallel, rt_pieces(all, GRAIN), op_add_forward_piece, r);
}

static void op_add_backward(struct rt_op_run *r)
{
    int64_t all = r->batch * rt_shape_count(&r->node->shape);
    rt_parallel_for(r->parallel, rt_pieces(all, GRAIN), op_add_backward_piece, r);
}

const struct rt_op rt_op_add = {
    .name = "add",
    .inputs = 2,
    .fuses_relu = true,
    .unsaved_x = true,
    .unsaved_y = true,
    .shape = op_add_shape,
    .forward = op_add_forward,
    .backward = op_add_backward,
};
