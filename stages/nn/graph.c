/* SPDX-License-Identifier: MIT
 * graph: see graph.h. Owns nodes and parameters; each lies in an allocation of its own, so that
 * pointers to them stay valid while the graph grows. Shapes are the ops' business (op_*.c). */
#include "stages/nn/graph.h"

#include "stages/nn/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ----
 * Nodes and parameters are added one by one and pointed to from outside at once, so each is an
 * allocation of its own; one growing array would move them. Parameters have the same order in every
 * run: nothing hashes pointers, and files name them. */

struct param_box {
    struct rt_param p;
    float bound, fill; /* initial values: uniform within +-bound, or fill when bound is 0 */
    bool borrowed;     /* the values are another graph's */
};

struct rt_graph {
    struct rt_node **node;
    int nodes;
    struct param_box **param;
    int params;
    int64_t numbers_left; /* that parameters may still have */
    const struct rt_graph *of; /* whose parameters these are, or NULL: its own */
};

/* No limit of its own: presets are sized by settings, which have ranges. */
int rt_graph_create(struct rt_graph **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return RT_EMEM;
    (*out)->numbers_left = INT64_MAX;
    return 0;
}

int rt_graph_create_view(struct rt_graph **out, const struct rt_graph *of)
{
    RT_TRY(rt_graph_create(out));
    (*out)->of = of;
    return 0;
}

void rt_graph_limit(struct rt_graph *g, int64_t numbers)
{
    g->numbers_left = numbers;
}

/* NULL is fine, as for all that is half made. */
static void param_destroy(struct param_box *b)
{
    if (b && !b->borrowed) {
        free(b->p.value);
        free(b->p.grad);
    }
    free(b);
}

/* Back to `keep` parameters: a node that was refused takes its own with it. */
static void graph_drop_params(struct rt_graph *g, int keep)
{
    while (g->params > keep)
        param_destroy(g->param[--g->params]);
}

void rt_graph_destroy(struct rt_graph *g)
{
    if (!g)
        return;
    graph_drop_params(g, 0);
    for (int i = 0; i < g->nodes; i++)
        free(g->node[i]);
    free(g->param);
    free(g->node);
    free(g);
}

/* Space for one more pointer in a list of n; lists are short, so one at a time is fine. */
static int graph_grow_list(void *list, int n)
{
    void **old = *(void ***)list;
    void **more = realloc(old, ((size_t)n + 1) * sizeof *more);
    if (!more)
        return RT_EMEM;
    *(void ***)list = more;
    return 0;
}

/* ---- nodes ----
 * A graph is checked while it is built, node by node, in words for whoever wrote the recipe or gave
 * the ONNX file: a node that does not fit is not added, and the graph is as before. Names are
 * unique, as parameters are saved under them; they leave space for the longest parameter's name. */

static int graph_node_new(struct rt_graph *g, enum rt_op_id op, const char *name,
                          struct rt_node **out, struct rt_error *e)
{
    if (strlen(name) >= RT_NAME - 17 || !*name)
        return rt_error_set(e, RT_ERANGE, "network: node name \"%s\" must have 1 to %d characters",
                            name, RT_NAME - 18);
    if (rt_graph_find(g, name) >= 0)
        return rt_error_set(e, RT_EUSAGE, "network: there are two nodes named \"%s\"; rename one",
                            name);
    struct rt_node *n = graph_grow_list(&g->node, g->nodes) ? NULL : calloc(1, sizeof *n);
    if (!n)
        return rt_error_set(e, RT_EMEM, "network: out of memory at node \"%s\"", name);
    n->op = op;
    snprintf(n->name, sizeof n->name, "%s", name);
    *out = n;
    return 0;
}

/* Not checked against anything: it is where shapes begin. */
int rt_graph_input(struct rt_graph *g, const char *name, struct rt_shape shape)
{
    if (shape.rank < 1 || shape.rank > RT_NODE_RANK)
        return RT_ERANGE;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] < 1)
            return RT_ERANGE;
    struct rt_node *n = NULL;
    int err = graph_node_new(g, RT_OP_input, name, &n, NULL);
    if (err)
        return err;
    n->shape = shape;
    g->node[g->nodes] = n;
    return g->nodes++;
}

int rt_graph_bag(struct rt_graph *g, const char *name, int buckets)
{
    if (buckets < 1)
        return RT_ERANGE;
    struct rt_node *n = NULL;
    int err = graph_node_new(g, RT_OP_bag, name, &n, NULL);
    if (err)
        return err;
    n->attr.buckets = buckets;
    g->node[g->nodes] = n;
    return g->nodes++;
}

/* attr.function comes from files, too; an op without functions takes 0 alone. */
static bool graph_function_exists(const struct rt_op *o, int function)
{
    int count = 0;
    while (o->functions && o->functions[count])
        count++;
    return function >= 0 && function < (count ? count : 1);
}

/* Everything is checked before the node becomes part of the graph. Bags and dense values do not
 * mix: an embedding bag is the only op that reads one. */
int rt_graph_node(struct rt_graph *g, enum rt_op_id op, const char *name, const int *input,
                  int inputs, const struct rt_attr *attr, struct rt_error *e)
{
    const struct rt_op *o = rt_op_get(op);
    if (!o || !o->shape || inputs < 1 || inputs > RT_NODE_INPUTS ||
        (o->inputs && inputs != o->inputs))
        return rt_error_set(e, RT_EUSAGE, "network: node \"%s\" (%s) takes %d inputs, got %d", name,
                            o ? o->name : "no such op", o ? o->inputs : 0, inputs);
    struct rt_node *n = NULL;
    int err = graph_node_new(g, op, name, &n, e);
    if (err)
        return err;
    struct rt_shape in[RT_NODE_INPUTS] = {0};
    int params = g->params;
    n->inputs = inputs;
    if (attr)
        n->attr = *attr;
    if (!graph_function_exists(o, n->attr.function)) {
        err = rt_error_set(e, RT_ERANGE, "network: node \"%s\" (%s): there is no function %d", name,
                           o->name, n->attr.function);
        goto fail;
    }
    for (int i = 0; i < inputs; i++) {
        if (input[i] < 0 || input[i] >= g->nodes) {
            err = rt_error_set(e, RT_ERANGE, "network: node \"%s\" (%s): input %d is node %d of %d",
                               name, o->name, i, input[i], g->nodes);
            goto fail;
        }
        n->input[i] = input[i];
        in[i] = g->node[input[i]]->shape;
        bool bag = g->node[input[i]]->op == RT_OP_bag;
        if (bag != (op == RT_OP_embeddingbag)) {
            err =
                rt_error_set(e, RT_EMISMATCH, "network: node \"%s\" (%s) reads \"%s\", which is %s",
                             name, o->name, g->node[input[i]]->name, bag ? "a bag" : "no bag");
            goto fail;
        }
    }
    err = o->shape(g, n, in, e);
    if (!err && !rt_shape_valid(&n->shape))
        err = RT_ELARGE;
    if (err && (!e || !e->code)) { /* of memory or size: nobody has said it yet */
        err = rt_error_set(e, err, "network: node \"%s\" (%s): %s", name, o->name,
                           rt_err_words(err));
    }
    if (err)
        goto fail;
    g->node[g->nodes] = n;
    return g->nodes++;

fail:
    graph_drop_params(g, params);
    free(n);
    return err;
}

/* ---- parameters ----
 * Made by the ops' shape functions (rt_op_param), as only they know what an op needs. A file from
 * outside may describe a network of any size, so what it may allocate is limited before, by the
 * weights that are at hand (rt_graph_limit). */

/* Cleared, so that padding behind the last number is zero as well and files have no leftovers of
 * memory. */
static float *graph_floats_new(int64_t count)
{
    size_t bytes = rt_aligned((size_t)count * sizeof(float));
    float *p = aligned_alloc(64, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

/* The values of a view are those of the graph that it is of, found by their place: nodes come in one order. One that
 * has another name or shape there is a weight that does not serve this view. */
static int param_borrow(const struct rt_graph *g, struct param_box *b)
{
    const struct rt_param *p = rt_graph_param((struct rt_graph *)g->of, g->params);
    if (!p || strcmp(p->name, b->p.name) != 0 || p->rank != b->p.rank ||
        memcmp(p->dim, b->p.dim, (size_t)p->rank * sizeof *p->dim) != 0)
        return RT_EMISMATCH;
    b->borrowed = true;
    b->p.value = p->value;
    b->p.trainable = false;
    return 0;
}

static int param_own(struct rt_graph *g, struct param_box *b)
{
    struct rt_param *p = &b->p;
    if (p->count > g->numbers_left)
        return RT_ELARGE;
    g->numbers_left -= p->count;
    p->value = graph_floats_new(p->count);
    p->grad = p->trainable ? graph_floats_new(p->count) : NULL;
    if (!p->value || (p->trainable && !p->grad))
        return RT_EMEM;
    for (int64_t i = 0; b->bound == 0 && i < p->count; i++)
        p->value[i] = b->fill;
    return 0;
}

/* Called by shape(), so it may fail half-way through an op's list: the node's parameters are then
 * dropped with the node. */
int rt_op_param(struct rt_graph *g, struct rt_node *n, const char *what, int rank,
                const int64_t *dim, int64_t fan_in, float fill, bool decay, bool statistic)
{
    size_t bytes;
    struct param_box *b = calloc(1, sizeof *b);
    if (!b || n->params == RT_NODE_PARAMS) {
        free(b);
        return RT_EMEM;
    }
    struct rt_param *p = &b->p;
    snprintf(p->name, sizeof p->name, "%.46s.%.16s", n->name, what);
    int err =
        rank < 0 || rank > 4 ? RT_ERANGE : rt_tensor_size(RT_F32, rank, dim, &p->count, &bytes);
    if (err) {
        free(b);
        return err;
    }
    p->rank = rank;
    memcpy(p->dim, dim, (size_t)rank * sizeof *dim);
    p->trainable = !statistic && !n->attr.frozen;
    p->statistic = statistic && !n->attr.frozen;
    p->decay = decay;
    b->bound = fan_in > 0 ? (float)(1 / sqrt((double)fan_in)) : 0;
    b->fill = fill;
    err = g->of ? param_borrow(g, b) : param_own(g, b);
    if (!err)
        err = graph_grow_list(&g->param, g->params);
    if (err) {
        param_destroy(b);
        return err;
    }
    g->param[g->params] = b;
    n->param[n->params++] = g->params++;
    return 0;
}

/* ---- reading a graph ----
 * Lists are short, some hundred entries, and are searched at start only: plain loops. */

int rt_graph_nodes(const struct rt_graph *g)
{
    return g->nodes;
}

const struct rt_node *rt_graph_at(const struct rt_graph *g, int node)
{
    return node >= 0 && node < g->nodes ? g->node[node] : NULL;
}

int rt_graph_find(const struct rt_graph *g, const char *name)
{
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i]->name, name) == 0)
            return i;
    return -1;
}

int rt_graph_params(const struct rt_graph *g)
{
    return g->params;
}

struct rt_param *rt_graph_param(struct rt_graph *g, int i)
{
    return i >= 0 && i < g->params ? &g->param[i]->p : NULL;
}

struct rt_param *rt_graph_param_named(struct rt_graph *g, const char *name)
{
    for (int i = 0; i < g->params; i++)
        if (strcmp(g->param[i]->p.name, name) == 0)
            return &g->param[i]->p;
    return NULL;
}

/* What is trained, so statistics and frozen layers do not count. */
int64_t rt_graph_weights(const struct rt_graph *g)
{
    int64_t sum = 0;
    for (int i = 0; i < g->params; i++)
        sum += g->param[i]->p.trainable ? g->param[i]->p.count : 0;
    return sum;
}

/* One loop over all weights, however uneven the layers: without it the update of one wide layer was
 * a piece that all threads waited for. */
int rt_graph_parts(struct rt_part **out, const struct rt_graph *g, int64_t grain)
{
    int parts = 0;
    *out = calloc((size_t)(rt_graph_weights(g) / grain + g->params + 1), sizeof **out);
    for (int i = 0; *out && i < g->params; i++) {
        int64_t count = g->param[i]->p.trainable ? g->param[i]->p.count : 0;
        for (int64_t from = 0; from < count; from += grain) {
            int64_t left = count - from;
            (*out)[parts++] = (struct rt_part){i, from, left < grain ? left : grain};
        }
    }
    return *out ? parts : RT_EMEM;
}

/* ---- initial weights ----
 * Every parameter has a random stream of its own, from the seed and its name: a layer that is added
 * or taken away leaves the initial weights of all others as they were, so two architectures can be
 * compared with the same start. */

/* FNV-1a: the number of a parameter's random stream, so that adding a layer leaves others alone. */
uint64_t rt_name_hash(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h;
}

/* Uniform within the bound, or constant; the order of numbers is that of the parameter, whatever
 * the threads. */
static void param_init(const struct param_box *b, uint64_t seed)
{
    struct rt_rng r = rt_rng_init(seed, 0, rt_name_hash(b->p.name), RT_RNG_INIT);
    for (int64_t k = 0; k < b->p.count; k++)
        b->p.value[k] = b->bound > 0 ? (float)rt_rng_range(&r, -b->bound, b->bound) : b->fill;
}

void rt_graph_init(struct rt_graph *g, uint64_t seed)
{
    for (int i = 0; i < g->params; i++)
        param_init(g->param[i], seed);
}

/* For a layer that is added to a network whose other weights come from a file. */
void rt_graph_init_node(struct rt_graph *g, int node, uint64_t seed)
{
    for (int i = 0; i < g->node[node]->params; i++)
        param_init(g->param[g->node[node]->param[i]], seed);
}

/* ---- weights in files ----
 * Under "PREFIXnode.what". A file of another network is refused before anything of it is used, with
 * the name and both shapes. */

static void param_full_name(char *out, size_t size, const char *prefix, const struct rt_param *p)
{
    snprintf(out, size, "%s%s", prefix, p->name);
}

int rt_graph_save(const struct rt_graph *g, struct rt_safetensors *s, const char *prefix)
{
    for (int i = 0; i < g->params; i++) {
        const struct rt_param *p = &g->param[i]->p;
        char name[2 * RT_NAME];
        param_full_name(name, sizeof name, prefix, p);
        struct rt_tensor t = rt_tensor_view(RT_F32, p->rank, p->dim, p->value);
        int err = rt_safetensors_add(s, name, &t);
        if (err)
            return err;
    }
    return 0;
}

static void param_dims_text(char *out, size_t size, int rank, const int64_t *dim)
{
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%lld", i ? "," : "", (long long)dim[i]);
    if (at < size)
        snprintf(out + at, size - at, "]");
}

/* Type, rank and every dimension: a transposed matrix of the same size must not pass. */
static int param_fits(const struct rt_param *p, const struct rt_tensor *t, const char *name,
                      struct rt_error *e)
{
    if (!t)
        return rt_error_set(e, RT_EMISMATCH,
                            "weights: \"%s\" is missing; was the file made by another network?",
                            name);
    if (t->dtype != RT_F32 || t->rank != p->rank ||
        memcmp(t->dim, p->dim, (size_t)p->rank * sizeof *p->dim) != 0) {
        char have[128], want[128];
        param_dims_text(have, sizeof have, t->rank, t->dim);
        param_dims_text(want, sizeof want, p->rank, p->dim);
        return rt_error_set(e, RT_EMISMATCH,
                            "weights: \"%s\" has shape %s, the network needs F32 %s; use the "
                            "settings the weights were made with",
                            name, have, want);
    }
    return 0;
}

int rt_graph_load(struct rt_graph *g, const struct rt_safetensors *s, const char *prefix,
                  struct rt_error *e)
{
    char name[2 * RT_NAME];
    /* All are checked before any is copied: a refused file changes nothing. */
    for (int copy = 0; copy < 2; copy++)
        for (int i = 0; i < g->params; i++) {
            struct rt_param *p = &g->param[i]->p;
            param_full_name(name, sizeof name, prefix, p);
            const struct rt_tensor *t = rt_safetensors_get(s, name);
            int err = copy ? 0 : param_fits(p, t, name, e);
            if (err)
                return err;
            if (copy)
                memcpy(p->value, t->data, (size_t)p->count * sizeof *p->value);
        }
    return 0;
}
