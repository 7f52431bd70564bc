/* SPDX-License-Identifier: MIT
 * onnx_check: what must hold between the parts of a network, whoever made it: each value is made
 * once, each one read is made, and there is an order of execution, into which the nodes are put. */
#include "formats/onnx.h"
#include "formats/onnx_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE_BEFORE (-1) /* an input or initialiser */

/* A value and the node that makes it. */
struct def {
    const char *name;
    int node;
};

struct check {
    struct rt_onnx *o;
    bool inside; /* a graph of a node, which may read what is made around it */
    const char *name;
    struct rt_error *e;
    struct def *def; /* [defs], by name */
    size_t defs;
    const char **outer; /* [outers] read here, made around */
    size_t outers, outers_room;
    /* ordering */
    uint8_t *colour; /* [nodes] */
    int *stack, *next; /* [nodes]: nodes under way, and which input of each comes next */
    int *order;        /* [nodes] */
};

enum colour { UNTOUCHED, UNDER_WAY, DONE };

const char *rt_onnx_who(char buffer[RT_ONNX_WHO], const struct rt_onnx_node *n, int opset)
{
    const char *name = n->name[0] ? n->name : n->outputs > 0 ? n->output[0] : "";
    snprintf(buffer, RT_ONNX_WHO, "node '%.100s' (%.50s, opset %d)", name, n->op, n->opset ? n->opset : opset);
    return buffer;
}

/* ---- who makes which value ----
 * A sorted list and a binary search: files hold thousands of values, and a hash table would gain
 * nothing that anybody could measure. */

static int def_order(const void *a, const void *b)
{
    return strcmp(((const struct def *)a)->name, ((const struct def *)b)->name);
}

static const struct def *def_find(const struct check *c, const char *name)
{
    struct def key = {name, 0};
    return c->defs ? bsearch(&key, c->def, c->defs, sizeof key, def_order) : NULL;
}

static int defs_collect(struct check *c)
{
    const struct rt_onnx *o = c->o;
    size_t most = (size_t)o->inputs + (size_t)o->initializers;
    for (int i = 0; i < o->nodes; i++)
        most += (size_t)o->node[i].outputs;
    c->def = malloc((most + 1) * sizeof *c->def);
    if (!c->def)
        return rt_error_set(c->e, RT_EMEM, "%s: out of memory for %zu values", c->name, most);
    for (int i = 0; i < o->inputs; i++)
        c->def[c->defs++] = (struct def){o->input[i].name, MADE_BEFORE};
    for (int i = 0; i < o->initializers; i++)
        c->def[c->defs++] = (struct def){o->initializer[i].name, MADE_BEFORE};
    for (int i = 0; i < o->nodes; i++)
        for (int k = 0; k < o->node[i].outputs; k++)
            if (o->node[i].output[k][0])
                c->def[c->defs++] = (struct def){o->node[i].output[k], i};
    qsort(c->def, c->defs, sizeof *c->def, def_order);
    for (size_t i = 0; i < c->defs; i++) {
        if (!c->def[i].name[0])
            return rt_error_set(c->e, RT_EFORMAT, "%s: an input or initialiser has no name",
                                c->name);
        if (i > 0 && !strcmp(c->def[i - 1].name, c->def[i].name))
            return rt_error_set(c->e, RT_EFORMAT, "%s: value '%.100s' is made twice", c->name,
                                c->def[i].name);
    }
    return 0;
}

/* Is it made here, or, of a graph inside, to be looked for around? 1, 0, RT_EMEM. */
static int read_is_known(struct check *c, const char *name)
{
    if (def_find(c, name))
        return 1;
    if (!c->inside)
        return 0;
    if (c->outers == c->outers_room) {
        size_t room = 2 * c->outers_room + 8;
        const char **outer = realloc(c->outer, room * sizeof *outer);
        if (!outer)
            return rt_error_set(c->e, RT_EMEM, "%s: out of memory", c->name);
        c->outer = outer;
        c->outers_room = room;
    }
    c->outer[c->outers++] = name;
    return 1;
}

static int node_check_reads(struct check *c, const struct rt_onnx_node *n)
{
    char who[RT_ONNX_WHO];
    for (int k = 0; k < n->inputs + n->outers; k++) {
        const char *name = k < n->inputs ? n->input[k] : n->outer[k - n->inputs];
        int known = name[0] ? read_is_known(c, name) : 1;
        if (known == 0 && k >= n->inputs)
            return rt_error_set(c->e, RT_EFORMAT, "%s: %s: a graph in it reads '%.100s', which nothing makes", c->name,
                                rt_onnx_who(who, n, c->o->opset), name);
        if (known == 0)
            return rt_error_set(c->e, RT_EFORMAT, "%s: %s: input %d '%.100s' is no input, initialiser or output of a "
                                "node", c->name, rt_onnx_who(who, n, c->o->opset), k, name);
        if (known < 0)
            return known;
    }
    return 0;
}

static int reads_check(struct check *c)
{
    char who[RT_ONNX_WHO];
    const struct rt_onnx *o = c->o;
    for (int i = 0; i < o->nodes; i++) {
        const struct rt_onnx_node *n = &o->node[i];
        int made = 0;
        for (int k = 0; k < n->outputs; k++)
            made += n->output[k][0] != '\0';
        if (!made)
            return rt_error_set(c->e, RT_EFORMAT, "%s: %s makes nothing", c->name,
                                rt_onnx_who(who, n, o->opset));
        RT_TRY(node_check_reads(c, n));
    }
    if (o->outputs < 1)
        return rt_error_set(c->e, RT_EFORMAT, "%s: the network has no output", c->name);
    for (int i = 0; i < o->outputs; i++) {
        int known = read_is_known(c, o->output[i].name);
        if (known == 0)
            return rt_error_set(c->e, RT_EFORMAT, "%s: output '%.100s' is made by nothing", c->name,
                                o->output[i].name);
        if (known < 0)
            return known;
    }
    return 0;
}

/* ---- an order of execution ----
 * ONNX demands that nodes stand in order, and not all programs do it. Sorting costs little and also
 * finds circles. Depth may be as large as the number of nodes, which a file decides: a stack of our
 * own, no recursion. */

/* Depth first from one node, without recursion; what a node reads comes before it. */
static int node_visit(struct check *c, int first, int *ordered)
{
    char who[RT_ONNX_WHO];
    int depth = 0;
    c->stack[0] = first;
    c->next[0] = 0;
    c->colour[first] = UNDER_WAY;
    while (depth >= 0) {
        int i = c->stack[depth];
        const struct rt_onnx_node *n = &c->o->node[i];
        if (c->next[depth] == n->inputs + n->outers) {
            c->colour[i] = DONE;
            c->order[(*ordered)++] = i;
            depth--;
            continue;
        }
        int next = c->next[depth]++;
        const char *read = next < n->inputs ? n->input[next] : n->outer[next - n->inputs];
        const struct def *made = def_find(c, read); /* NULL: left out, or made around this graph */
        int maker = made ? made->node : MADE_BEFORE;
        if (maker == MADE_BEFORE || c->colour[maker] == DONE)
            continue;
        if (c->colour[maker] == UNDER_WAY)
            return rt_error_set(c->e, RT_EFORMAT,
                                "%s: %s reads '%.100s', which follows from its own output: the "
                                "network is cyclic",
                                c->name, rt_onnx_who(who, n, c->o->opset), read);
        c->colour[maker] = UNDER_WAY;
        c->stack[++depth] = maker;
        c->next[depth] = 0;
    }
    return 0;
}

static int nodes_sort(struct check *c)
{
    size_t n = (size_t)c->o->nodes;
    int rc = 0, ordered = 0;
    struct rt_onnx_node *sorted = malloc((n + 1) * sizeof *sorted);
    c->colour = calloc(n + 1, 1);
    c->stack = malloc((n + 1) * sizeof *c->stack);
    c->next = malloc((n + 1) * sizeof *c->next);
    c->order = malloc((n + 1) * sizeof *c->order);
    if (!sorted || !c->colour || !c->stack || !c->next || !c->order)
        rc = rt_error_set(c->e, RT_EMEM, "%s: out of memory for %zu nodes", c->name, n);
    for (int i = 0; !rc && i < c->o->nodes; i++)
        if (c->colour[i] == UNTOUCHED)
            rc = node_visit(c, i, &ordered);
    for (int i = 0; !rc && i < c->o->nodes; i++)
        sorted[i] = c->o->node[c->order[i]];
    if (!rc && n > 0)
        memcpy(c->o->node, sorted, n * sizeof *sorted);
    free(sorted);
    return rc;
}

/* ---- initialisers by name ---- */

static int initializer_order(const void *a, const void *b)
{
    const struct rt_onnx_initializer *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

int rt_onnx_index(struct rt_onnx *o, const char *name, struct rt_error *e)
{
    free(o->by_name);
    o->by_name = malloc(((size_t)o->initializers + 1) * sizeof *o->by_name);
    if (!o->by_name)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    for (int i = 0; i < o->initializers; i++)
        o->by_name[i] = &o->initializer[i];
    qsort(o->by_name, (size_t)o->initializers, sizeof *o->by_name, initializer_order);
    return 0;
}

/* ---- graphs inside of nodes ----
 * A branch or a body reads values around it by name, which are inputs of its node in all but form: kept with the node
 * (outer), they order the nodes here, and whoever runs the network need not look inside to know what a node reads. */

static int check_all(struct check *c);

static void check_fini(struct check *c)
{
    free(c->def);
    free(c->outer);
    free(c->colour);
    free(c->stack);
    free(c->next);
    free(c->order);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds what one graph of a node reads around it; each name once. */
static int node_add_outer(const struct check *c, struct rt_onnx_node *n, const struct check *inside)
{
    const char **outer = realloc(n->outer, ((size_t)n->outers + inside->outers + 1) * sizeof *outer);
    int kept = 0;
    if (!outer)
        return rt_error_set(c->e, RT_EMEM, "%s: out of memory", c->name);
    n->outer = outer;
    if (inside->outers > 0)
        memcpy(outer + n->outers, inside->outer, inside->outers * sizeof *outer);
    n->outers += (int)inside->outers;
    qsort(outer, (size_t)n->outers, sizeof *outer, name_order);
    for (int i = 0; i < n->outers; i++)
        if (i == 0 || strcmp(outer[kept - 1], outer[i]))
            outer[kept++] = outer[i];
    n->outers = kept;
    return 0;
}

static int graphs_check(const struct check *c)
{
    for (int i = 0; i < c->o->nodes; i++) {
        struct rt_onnx_node *n = &c->o->node[i];
        n->outers = 0;
        for (int k = 0; k < n->attrs; k++) {
            struct check inside = {.o = n->attr[k].graph, .inside = true, .name = c->name, .e = c->e};
            if (n->attr[k].kind != RT_ONNX_GRAPH)
                continue;
            int rc = check_all(&inside);
            rc = rc ? rc : node_add_outer(c, n, &inside);
            check_fini(&inside);
            RT_TRY(rc);
        }
    }
    return 0;
}

static int check_all(struct check *c)
{
    RT_TRY(graphs_check(c));
    RT_TRY(defs_collect(c));
    RT_TRY(reads_check(c));
    RT_TRY(nodes_sort(c));
    return rt_onnx_index(c->o, c->name, c->e);
}

int rt_onnx_check(struct rt_onnx *o, const char *name, struct rt_error *e)
{
    struct check c = {.o = o, .name = name, .e = e};
    int rc = check_all(&c);
    check_fini(&c);
    return rc;
}

const struct rt_tensor *rt_onnx_initializer(const struct rt_onnx *o, const char *name)
{
    struct rt_onnx_initializer wanted = {.name = (char *)name}, *key = &wanted;
    struct rt_onnx_initializer **found = NULL;
    if (o->by_name && o->initializers)
        found = bsearch(&key, o->by_name, (size_t)o->initializers, sizeof key, initializer_order);
    for (int i = 0; !o->by_name && i < o->initializers; i++)
        if (!strcmp(o->initializer[i].name, name))
            return &o->initializer[i].tensor;
    return found ? &(*found)->tensor : NULL;
}
