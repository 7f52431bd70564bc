/* SPDX-License-Identifier: MIT
 * graph_fold: a graph made anew for answers alone (prepared.h). */
#include "stages/nn/prepared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is left ----
 * A node is kept when an end needs it. Batch-norm with running statistics is y = scale x + shift for each channel, so
 * behind a layer of weights it is that layer with other weights: one pass over memory less, and the layer's own bias
 * and relu are done while its sums are still in cache. The new graph is built in the old one's order; a layer that
 * awaits its batch-norm is built when that is reached. */

struct fold {
    struct rt_graph *g, *out;
    int nodes;
    bool *needed;
    int *readers; /* [nodes] among those needed and the ends */
    int *to;      /* [nodes] its number in `out`; -1: none (yet) */
};

static void fold_find_needed(struct fold *f, const int *end, int ends)
{
    for (int i = 0; i < ends; i++) {
        f->needed[end[i]] = true;
        f->readers[end[i]]++;
    }
    for (int i = f->nodes - 1; i >= 0; i--) {
        const struct rt_node *n = rt_graph_at(f->g, i);
        for (int k = 0; f->needed[i] && k < n->inputs; k++) {
            f->needed[n->input[k]] = true;
            f->readers[n->input[k]]++;
        }
    }
}

static bool fold_has_weights(const struct rt_node *n)
{
    return n->op == RT_OP_conv1d || n->op == RT_OP_conv2d || n->op == RT_OP_linear;
}

/* The layer that batch-norm n is folded into, or NULL. */
static const struct rt_node *fold_layer_before(const struct fold *f, const struct rt_node *n)
{
    if (n->op != RT_OP_batchnorm || f->readers[n->input[0]] != 1)
        return NULL;
    const struct rt_node *before = rt_graph_at(f->g, n->input[0]);
    return fold_has_weights(before) ? before : NULL;
}

static bool fold_awaits_norm(const struct fold *f, int i)
{
    if (!fold_has_weights(rt_graph_at(f->g, i)) || f->readers[i] != 1)
        return false;
    for (int k = i + 1; k < f->nodes; k++) {
        const struct rt_node *n = rt_graph_at(f->g, k);
        if (f->needed[k] && n->op == RT_OP_batchnorm && n->input[0] == i)
            return true;
    }
    return false;
}

/* n's twin, with its weights; bias: it gets one. Its number or RT_E... */
static int fold_copy(struct fold *f, const struct rt_node *n, bool bias)
{
    if (n->inputs == 0)
        return n->op == RT_OP_bag ? rt_graph_bag(f->out, n->name, n->attr.buckets)
                                  : rt_graph_input(f->out, n->name, n->shape);
    struct rt_attr attr = n->attr;
    int input[RT_NODE_INPUTS];
    attr.frozen = true;
    attr.bias |= bias;
    for (int k = 0; k < n->inputs; k++)
        input[k] = f->to[n->input[k]];
    int made = rt_graph_node(f->out, n->op, n->name, input, n->inputs, &attr, NULL);
    if (made < 0)
        return made;
    const struct rt_node *twin = rt_graph_at(f->out, made);
    for (int k = 0; k < n->params; k++) {
        const struct rt_param *from = rt_graph_param(f->g, n->param[k]);
        memcpy(rt_graph_param(f->out, twin->param[k])->value, from->value, (size_t)from->count * sizeof(float));
    }
    return made;
}

/* y = scale (w x + b - mean) + beta, in double: rounded once. */
static int fold_norm(struct fold *f, const struct rt_node *layer, const struct rt_node *norm)
{
    int made = fold_copy(f, layer, true);
    if (made < 0)
        return made;
    const struct rt_node *twin = rt_graph_at(f->out, made);
    struct rt_param *w = rt_graph_param(f->out, twin->param[0]), *b = rt_graph_param(f->out, twin->param[1]);
    const float *gamma = rt_graph_param(f->g, norm->param[0])->value;
    const float *beta = rt_graph_param(f->g, norm->param[1])->value;
    const float *mean = rt_graph_param(f->g, norm->param[2])->value;
    const float *var = rt_graph_param(f->g, norm->param[3])->value;
    double epsilon = norm->attr.epsilon > 0 ? norm->attr.epsilon : 1e-5;
    int64_t row = w->count / b->count;
    for (int64_t u = 0; u < b->count; u++) {
        double scale = gamma[u] / sqrt((double)var[u] + epsilon);
        double own = layer->attr.bias ? (double)b->value[u] : 0;
        for (int64_t k = 0; k < row; k++)
            w->value[u * row + k] = (float)(w->value[u * row + k] * scale);
        b->value[u] = (float)((own - mean[u]) * scale + beta[u]);
    }
    return made;
}

static int fold_build(struct fold *f)
{
    for (int i = 0; i < f->nodes; i++) {
        const struct rt_node *n = rt_graph_at(f->g, i), *layer = fold_layer_before(f, n);
        if (!f->needed[i] || fold_awaits_norm(f, i))
            continue;
        f->to[i] = n->op == RT_OP_dropout ? f->to[n->input[0]]
                   : layer                ? fold_norm(f, layer, n)
                                          : fold_copy(f, n, false);
        if (f->to[i] < 0)
            return f->to[i];
    }
    return 0;
}

int rt_graph_fold(struct rt_graph **out, struct rt_graph *g, int *end, int ends)
{
    struct fold f = {.g = g, .nodes = rt_graph_nodes(g)};
    size_t nodes = (size_t)f.nodes;
    f.needed = calloc(nodes, sizeof *f.needed);
    f.readers = calloc(nodes, sizeof *f.readers);
    f.to = malloc(nodes * sizeof *f.to);
    int rc = f.needed && f.readers && f.to ? rt_graph_create(&f.out) : RT_EMEM;
    if (rc == 0) {
        fold_find_needed(&f, end, ends);
        rc = fold_build(&f);
    }
    for (int i = 0; rc == 0 && i < ends; i++)
        end[i] = f.to[end[i]];
    if (rc < 0) {
        rt_graph_destroy(f.out);
        f.out = NULL;
    }
    *out = f.out;
    free(f.needed);
    free(f.readers);
    free(f.to);
    return rc;
}
