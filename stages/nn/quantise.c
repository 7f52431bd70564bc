/* SPDX-License-Identifier: MIT
 * quantise: see quantise.h. */
#include "stages/nn/quantise.h"

#include "stages/nn/functions.h"
#include "stages/nn/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 255
#define BIAS_MOST 1073741824.0f /* 2^30: the sum it is added to needs room as well */

/* ---- one row of weights ---- */

float rt_quantise_row(int32_t *q, const float *w, int64_t n, float bias, float input)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabsf(w[i]) > most ? fabsf(w[i]) : most;
    float scale = most / RT_QUANTISE_MOST, room = input > 0 ? fabsf(bias) / input / BIAS_MOST : 0;
    scale = scale > room ? scale : room;
    scale = scale > 0 ? scale : 1;
    for (int64_t i = 0; i < n; i++) {
        float r = rintf(w[i] / scale);
        q[i] = r >= RT_QUANTISE_MOST ? RT_QUANTISE_MOST : r > -RT_QUANTISE_MOST ? (int32_t)r : -RT_QUANTISE_MOST;
    }
    return scale;
}

/* ---- places ----
 * What a layer reads has to be narrow for the layer to be done in integers, and what a convolution gives for its sums
 * not to leave them: programs that run such files look for just this pattern. A bag has nothing to round: its layer
 * has narrow weights only. */

struct quantise {
    struct rt_graph *g, *out;
    int nodes, places;
    bool *place; /* [nodes] its value is rounded */
    int *to;     /* [nodes] the number of its value in `out` */
    int *probe;  /* [2 * nodes] in `out`: extremes */
};

static bool node_is_conv(const struct rt_node *n)
{
    return n->op == RT_OP_conv1d || n->op == RT_OP_conv2d;
}

/* The node that alone reads node i, or NULL. */
static const struct rt_node *node_reader(const struct rt_graph *g, int nodes, int i, int *at)
{
    const struct rt_node *reader = NULL;
    for (int k = i + 1, readers = 0; k < nodes; k++)
        for (int j = 0; j < rt_graph_at(g, k)->inputs; j++)
            if (rt_graph_at(g, k)->input[j] == i) {
                *at = k;
                reader = readers++ ? NULL : rt_graph_at(g, k);
            }
    return reader;
}

static void quantise_find_places(struct quantise *q)
{
    int end = q->nodes - 1, at = 0;
    for (int i = 0; i < q->nodes; i++) {
        const struct rt_node *n = rt_graph_at(q->g, i), *reader = node_reader(q->g, q->nodes, i, &at);
        if (node_is_conv(n) || n->op == RT_OP_linear)
            q->place[n->input[0]] = true;
        if (node_is_conv(n))
            q->place[reader && reader->op == RT_OP_relu ? at : i] = true;
    }
    q->place[end] = false;
    for (int i = 0; i < q->nodes; i++)
        q->places += q->place[i];
}

static int quantise_init(struct quantise *q, struct rt_graph *g, struct rt_error *e)
{
    *q = (struct quantise){.g = g, .nodes = rt_graph_nodes(g)};
    size_t nodes = (size_t)q->nodes;
    q->place = calloc(nodes + 1, sizeof *q->place);
    q->to = malloc((nodes + 1) * sizeof *q->to);
    q->probe = malloc((2 * nodes + 1) * sizeof *q->probe);
    if (!q->place || !q->to || !q->probe || rt_graph_create(&q->out) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for a network");
    quantise_find_places(q);
    return 0;
}

/* The graph goes to *out, or, after a failure, nowhere. */
static int quantise_fini(struct quantise *q, struct rt_graph **out, int rc, struct rt_error *e)
{
    free(q->place);
    free(q->to);
    free(q->probe);
    if (rc < 0)
        rt_graph_destroy(q->out);
    *out = rc < 0 ? NULL : q->out;
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "a network in 8 bits: %s", rt_err_words(rc)) : rc < 0 ? rc : 0;
}

/* ---- the graph anew ---- */

/* Node i with its weights, reading what stands for its inputs. */
static int node_copy(struct quantise *q, int i, const char *name, struct rt_error *e)
{
    const struct rt_node *n = rt_graph_at(q->g, i);
    int input[RT_NODE_INPUTS];
    if (n->inputs == 0 && n->op == RT_OP_bag)
        return rt_graph_bag(q->out, name, n->attr.buckets);
    if (n->op == RT_OP_input)
        return rt_graph_input(q->out, name, n->shape);
    for (int k = 0; k < n->inputs; k++)
        input[k] = q->to[n->input[k]];
    int made = rt_graph_node(q->out, n->op, name, input, n->inputs, &n->attr, e);
    if (made < 0)
        return made;
    const struct rt_node *twin = rt_graph_at(q->out, made);
    for (int k = 0; k < n->params; k++) {
        const struct rt_param *from = rt_graph_param(q->g, n->param[k]);
        memcpy(rt_graph_param(q->out, twin->param[k])->value, from->value, (size_t)from->count * sizeof(float));
    }
    return made;
}

static int node_add_quantise(struct quantise *q, int i, struct rt_range r, struct rt_error *e)
{
    char name[RT_NAME];
    float least = r.least < 0 ? r.least : 0, most = r.most > 0 ? r.most : 0;
    float scale = most > least ? (most - least) / STEPS : 1;
    struct rt_attr attr = {.function = RT_UNARY_quantise, .number = {scale, rintf(-least / scale)}};
    snprintf(name, sizeof name, "%.50s.int8", rt_graph_at(q->g, i)->name);
    return rt_graph_node(q->out, RT_OP_unary, name, &q->to[i], 1, &attr, e);
}

int rt_quantise_graph(struct rt_graph **out, struct rt_graph *g, const struct rt_range *range, struct rt_error *e)
{
    struct quantise q;
    int rc = quantise_init(&q, g, e), place = 0;
    for (int i = 0; rc >= 0 && i < q.nodes; i++) {
        rc = q.to[i] = node_copy(&q, i, i + 1 < q.nodes ? rt_graph_at(g, i)->name : "embedding", e);
        if (rc >= 0 && q.place[i])
            rc = q.to[i] = node_add_quantise(&q, i, range[place++], e);
    }
    return quantise_fini(&q, out, rc, e);
}

/* ---- the probe ----
 * Extremes are found by nodes of the network itself: so whatever runs networks (in batches, whole recordings, on all
 * cores) calibrates this one, and brings back a row of numbers for each sample. */

static int probe_add(struct quantise *q, enum rt_op_id op, const int *input, int inputs, struct rt_attr attr,
                     const char *named, struct rt_error *e)
{
    char name[RT_NAME];
    snprintf(name, sizeof name, "probe.%d", rt_graph_nodes(q->out));
    return rt_graph_node(q->out, op, named ? named : name, input, inputs, &attr, e);
}

/* Over the places first, then over the channels: rows of many numbers are quicker than many rows. */
static int probe_add_extreme(struct quantise *q, int value, enum rt_reduce which, struct rt_error *e)
{
    int rank = rt_graph_at(q->out, value)->shape.rank;
    if (rank > 1)
        RT_TRY(value = probe_add(q, RT_OP_reduce, &value, 1, (struct rt_attr){.function = (int)which, .axes = rank - 1},
                                 NULL, e));
    return probe_add(q, RT_OP_reduce, &value, 1, (struct rt_attr){.function = (int)which, .axes = 1}, NULL, e);
}

/* As many at one time as a node may read, the row so far first. */
static int probe_join(struct quantise *q, int count, struct rt_error *e)
{
    int input[RT_NODE_INPUTS], inputs = 0, at = 0;
    while (at < count) {
        while (at < count && inputs < RT_NODE_INPUTS)
            input[inputs++] = q->probe[at++];
        RT_TRY(input[0] = probe_add(q, RT_OP_concat, input, inputs, (struct rt_attr){0},
                                    at == count ? "embedding" : NULL, e));
        inputs = 1;
    }
    return 0;
}

int rt_quantise_probe(struct rt_graph **out, struct rt_graph *g, int *places, struct rt_error *e)
{
    struct quantise q;
    int rc = quantise_init(&q, g, e), count = 0;
    if (rc == 0 && q.places == 0)
        rc = rt_error_set(e, RT_ENODATA, "the network has no convolution or linear layer whose input could be rounded");
    *places = q.places;
    for (int i = 0; rc >= 0 && i + 1 < q.nodes; i++)
        rc = q.to[i] = node_copy(&q, i, rt_graph_at(g, i)->name, e);
    for (int i = 0; rc >= 0 && i + 1 < q.nodes; i++) {
        if (!q.place[i])
            continue;
        rc = q.probe[count++] = probe_add_extreme(&q, q.to[i], RT_REDUCE_min, e);
        if (rc >= 0)
            rc = q.probe[count++] = probe_add_extreme(&q, q.to[i], RT_REDUCE_max, e);
    }
    if (rc >= 0)
        rc = probe_join(&q, count, e);
    return quantise_fini(&q, out, rc, e);
}

/* ---- what is quantised ---- */

float rt_quantise_scale(const struct rt_node *n)
{
    return n->op == RT_OP_unary && n->attr.function == RT_UNARY_quantise ? n->attr.number[0] : 0;
}

bool rt_quantise_is_done(const struct rt_graph *g)
{
    for (int i = 0; i < rt_graph_nodes(g); i++)
        if (rt_quantise_scale(rt_graph_at(g, i)) > 0)
            return true;
    return false;
}
