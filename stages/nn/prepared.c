/* SPDX-License-Identifier: MIT
 * prepared: see prepared.h. Folding graphs: graph_fold.c. */
#include "stages/nn/prepared.h"

#include "stages/nn/op.h"
#include "stages/nn/pages.h"

#include <stdlib.h>

/* ---- one piece of memory ----
 * A layer's weights are read from end to end, layer after layer, so they lie one behind another. How they lie is the
 * op's own matter: training lays them out in each step, by the same functions. */

struct rt_prepared {
    int nodes;
    size_t *at; /* [nodes] place in memory; SIZE_MAX: none */
    char *memory;
    size_t bytes;
};

static void prepared_shapes(const struct rt_graph *g, const struct rt_node *n, struct rt_shape *in)
{
    for (int k = 0; k < n->inputs; k++)
        in[k] = rt_graph_at(g, n->input[k])->shape;
}

/* Places all, and says how much scratch memory laying out wants; returns all bytes. */
static size_t prepared_plan(struct rt_prepared *p, const struct rt_graph *g, struct rt_scratch_size *scratch)
{
    size_t end = 0;
    for (int i = 0; i < p->nodes; i++) {
        const struct rt_node *n = rt_graph_at(g, i);
        const struct rt_op *op = rt_op_get(n->op);
        struct rt_shape in[RT_NODE_INPUTS] = {0};
        prepared_shapes(g, n, in);
        size_t bytes = op->prepared_bytes ? op->prepared_bytes(n, in) : 0;
        p->at[i] = bytes ? end : SIZE_MAX;
        end += rt_aligned(bytes);
        if (bytes && op->scratch)
            *scratch = rt_scratch_size_max(*scratch, op->scratch(n, in, 1));
    }
    return end;
}

static void prepared_lay_out(struct rt_prepared *p, struct rt_graph *g, const struct rt_scratch *scratch)
{
    for (int i = 0; i < p->nodes; i++) {
        const struct rt_node *n = rt_graph_at(g, i);
        struct rt_shape in[RT_NODE_INPUTS] = {0};
        struct rt_op_run r = {.node = n, .batch = 1, .scratch = *scratch};
        if (p->at[i] == SIZE_MAX)
            continue;
        prepared_shapes(g, n, in);
        for (int k = 0; k < n->inputs; k++)
            r.in_shape[k] = &in[k];
        for (int k = 0; k < n->params; k++)
            r.param[k] = rt_graph_param(g, n->param[k]);
        rt_op_get(n->op)->prepare(&r, p->memory + p->at[i]);
    }
}

int rt_prepared_create(struct rt_prepared **out, struct rt_graph *g)
{
    struct rt_prepared *p = *out = calloc(1, sizeof *p);
    struct rt_scratch_size size = {0};
    if (!p)
        return RT_EMEM;
    p->nodes = rt_graph_nodes(g);
    p->at = calloc((size_t)p->nodes + 1, sizeof *p->at);
    p->bytes = p->at ? prepared_plan(p, g, &size) : 0;
    p->memory = p->at ? rt_pages_take(p->bytes) : NULL;
    char *scratch = p->memory ? aligned_alloc(64, rt_aligned(size.thread) + 64) : NULL;
    if (!scratch) {
        rt_prepared_destroy(p);
        *out = NULL;
        return RT_EMEM;
    }
    prepared_lay_out(p, g, &(struct rt_scratch){.threads = scratch, .stride = rt_aligned(size.thread)});
    free(scratch);
    return 0;
}

void rt_prepared_destroy(struct rt_prepared *p)
{
    if (!p)
        return;
    free(p->at);
    rt_pages_give(p->memory, p->bytes);
    free(p);
}

const void *rt_prepared_of(const struct rt_prepared *p, int node)
{
    return p && p->at[node] != SIZE_MAX ? p->memory + p->at[node] : NULL;
}
