/* SPDX-License-Identifier: MIT
 * op_transpose: the dimensions in another order: y's dimension i is x's dimension order[i]. */
#include "stages/nn/axes.h"
#include "stages/nn/walk.h"
#include "stages/nn/window.h"

/* An order that names a dimension twice would lose numbers; it comes from files, too. */
static int op_transpose_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                              struct rt_error *e)
{
    (void)g;
    unsigned seen = 0;
    n->shape.rank = in->rank;
    for (int i = 0; i < in->rank; i++) {
        int from = n->attr.order[i];
        if (from < 0 || from >= in->rank || seen & 1u << from)
            return rt_shape_refuse(n, in, "every dimension once in its order", e);
        seen |= 1u << from;
        n->shape.dim[i] = in->dim[from];
    }
    return 0;
}

struct sample {
    const float *from;
    float *to;
    bool add;
};

/* ---- a walk ----
 * Samples are walked as y lies, so writes are in order and reads jump: of the two, stray writes
 * cost more. Most transposes of imported networks are never run, since onnx/thaw/ only renames
 * dimensions. */

static void op_transpose_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct sample *s = self;
    const float *from = s->from + at[1];
    float *to = s->to + at[0];
    for (int64_t i = 0; i < n; i++) {
        float *y = &to[i * step[0]];
        *y = (s->add ? *y : 0) + from[i * step[1]];
    }
}

/* Walks a sample as y lies; x and y are operands `x` and 1 - x. */
static void op_transpose_move(const struct rt_op_run *r, struct sample s, int x)
{
    struct rt_walk w;
    int rank = r->node->shape.rank;
    int64_t dim[RT_NODE_RANK], step[RT_NODE_RANK] = {0}, next = 1;
    for (int i = rank - 1; i >= 0; i--) {
        dim[i] = r->node->shape.dim[i];
        step[i] = next;
        next *= r->in_shape[0]->dim[i];
    }
    rt_walk_init(&w, 2, rank, dim);
    rt_walk_dense(&w, 1 - x, rank, dim);
    for (int i = 0; i < rank; i++)
        w.step[x][i] = step[r->node->attr.order[i]];
    rt_walk_run(&w, op_transpose_row, &s);
}

static void op_transpose_forward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t n = rt_shape_count(&r->node->shape);
    op_transpose_move(r, (struct sample){r->x[0] + b * n, r->y + b * n, false}, 1);
}

/* The same walk with x and y in each other's place. */
static void op_transpose_backward_piece(void *self, int b, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t n = rt_shape_count(&r->node->shape);
    op_transpose_move(r, (struct sample){r->dy + b * n, r->dx[0] + b * n, r->add[0]}, 0);
}

static void op_transpose_forward(struct rt_op_run *r)
{
    rt_each_sample(r, op_transpose_forward_piece);
}

static void op_transpose_backward(struct rt_op_run *r)
{
    if (r->dx[0])
        rt_each_sample(r, op_transpose_backward_piece);
}

const struct rt_op rt_op_transpose = {
    .name = "transpose",
    .inputs = 1,
    .unsaved_x = true,
    .unsaved_y = true,
    .shape = op_transpose_shape,
    .forward = op_transpose_forward,
    .backward = op_transpose_backward,
};
