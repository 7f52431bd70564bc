/* SPDX-License-Identifier: MIT
 * op_embeddingbag: weighted sum of the rows of its table that a sparse sample names; an empty bag
 * gives zeros. Reads units. Buckets outside the table are the reader's fault and are checked there;
 * here they are skipped. Threads share blocks of columns, so no two add to one number. */
#include "stages/nn/window.h"

#include <string.h>

#define BLOCK 64 /* columns of one piece */

/* The table's size is the bag's, so that text of a model has it in one place. */
static int op_embeddingbag_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                                 struct rt_error *e)
{
    (void)in;
    if (n->attr.units < 1)
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" needs units of at least 1, not %d",
                            n->name, n->attr.units);
    int64_t dim[] = {rt_graph_at(g, n->input[0])->attr.buckets, n->attr.units};
    n->attr.buckets = (int)dim[0];
    n->shape = (struct rt_shape){1, {n->attr.units}};
    return rt_op_param(g, n, "weight", 2, dim, dim[1], 0, true, false);
}

/* ---- pieces of columns ----
 * A batch names the same buckets again and again, so pieces of samples would add to the same rows
 * of the gradient. Blocks of columns never meet, and every thread goes over all bags in their
 * order. The gradient is dense although a step touches few rows: AdamW moves every weight in each
 * step anyway. */

static void op_embeddingbag_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, from = (int64_t)i * BLOCK;
    int64_t n = rt_piece_end(units, BLOCK, i) - from;
    for (int b = 0; b < r->batch; b++) {
        float *y = r->y + b * units + from;
        memset(y, 0, (size_t)n * sizeof *y);
        for (int32_t k = r->bags->offset[b]; k < r->bags->offset[b + 1]; k++) {
            int64_t bucket = r->bags->bucket[k];
            if (bucket < 0 || bucket >= r->node->attr.buckets)
                continue;
            const float *row = r->param[0]->value + bucket * units + from;
            float weight = r->bags->weight[k];
            for (int64_t u = 0; u < n; u++)
                y[u] += weight * row[u];
        }
    }
}

static void op_embeddingbag_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct rt_op_run *r = self;
    int64_t units = r->node->attr.units, from = (int64_t)i * BLOCK;
    int64_t n = rt_piece_end(units, BLOCK, i) - from;
    for (int b = 0; b < r->batch; b++) {
        const float *dy = r->dy + b * units + from;
        for (int32_t k = r->bags->offset[b]; k < r->bags->offset[b + 1]; k++) {
            int64_t bucket = r->bags->bucket[k];
            if (bucket < 0 || bucket >= r->node->attr.buckets)
                continue;
            float *row = r->param[0]->grad + bucket * units + from;
            float weight = r->bags->weight[k];
            for (int64_t u = 0; u < n; u++)
                row[u] += weight * dy[u];
        }
    }
}

static void op_embeddingbag_forward(struct rt_op_run *r)
{
    rt_parallel_for(r->parallel, rt_pieces(r->node->attr.units, BLOCK),
                    op_embeddingbag_forward_piece, r);
}

static void op_embeddingbag_backward(struct rt_op_run *r)
{
    if (r->param[0]->grad)
        rt_parallel_for(r->parallel, rt_pieces(r->node->attr.units, BLOCK),
                        op_embeddingbag_backward_piece, r);
}

const struct rt_op rt_op_embeddingbag = {
    .name = "embeddingbag",
    .inputs = 1,
    .shape = op_embeddingbag_shape,
    .forward = op_embeddingbag_forward,
    .backward = op_embeddingbag_backward,
};
