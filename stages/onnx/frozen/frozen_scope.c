/* SPDX-License-Identifier: MIT
 * frozen_scope: the values of a frozen graph by name: numbering them, finding them, and marking those that are needed.
 * A scope is one graph's names; what it does not know is looked for around it. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- values by name ----
 * Every name in a graph gets a number, once; from then on steps and plans know numbers only. A
 * sorted list is enough: networks have some thousand names. The body of a loop has its names anew in each turn, so
 * scopes come and go while values only grow. */

/* For qsort_r, which passes the values along. */
static int scope_compare_names(const void *a, const void *b, void *self)
{
    const struct rt_frozen_value *v = self;
    return strcmp(v[*(const int *)a].name, v[*(const int *)b].name);
}

static int scope_find_here(const struct rt_frozen *f, const struct rt_frozen_scope *s, const char *name)
{
    int low = 0, high = s->names;
    while (low < high) {
        int middle = low + (high - low) / 2, order;
        order = strcmp(f->value[s->by_name[middle]].name, name);
        if (order == 0)
            return s->by_name[middle];
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

/* "" is what a node writes for an input it leaves out: no value. */
int rt_frozen_scope_find(const struct rt_frozen *f, const struct rt_frozen_scope *s, const char *name)
{
    int found = -1;
    for (; s && found < 0 && name[0]; s = s->around)
        found = scope_find_here(f, s, name);
    return found;
}

int rt_frozen_find(const struct rt_frozen *f, const char *name)
{
    return rt_frozen_scope_find(f, &f->scope, name);
}

static char nothing;

/* A tensor without elements has no address to tell that it is known: any will do. */
void rt_frozen_value_known(struct rt_frozen_value *v)
{
    v->known = true;
    if (!v->t.data) {
        v->t.data = &nothing;
        v->owned = false;
    }
}

static void scope_add_value(struct rt_frozen *f, const char *name)
{
    f->value[f->values] = (struct rt_frozen_value){.name = name, .same = f->values, .first = -1};
    f->values++;
}

int rt_frozen_value_add(struct rt_frozen *f, const char *name)
{
    if (f->values == f->values_room) {
        size_t room = (size_t)f->values + (size_t)f->values / 2 + 16;
        struct rt_frozen_value *value = room <= INT32_MAX ? realloc(f->value, room * sizeof *value) : NULL;
        if (!value)
            return -1;
        f->value = value;
        f->values_room = (int)room;
    }
    f->value[f->values] = (struct rt_frozen_value){.name = name, .same = f->values, .first = -1};
    return f->values++;
}

static int scope_make_room(struct rt_frozen *f, struct rt_frozen_scope *s)
{
    const struct rt_onnx *g = s->graph;
    size_t count = (size_t)g->initializers + (size_t)g->inputs;
    for (int i = 0; i < g->nodes; i++)
        count += (size_t)g->node[i].outputs;
    s->by_name = malloc((count + 1) * sizeof *s->by_name);
    size_t room = (size_t)f->values + count + 1;
    if (s->by_name && room > (size_t)f->values_room) {
        room += s->around ? room / 2 : 0;
        struct rt_frozen_value *value = room <= INT32_MAX ? realloc(f->value, room * sizeof *value) : NULL;
        if (!value)
            return RT_EMEM;
        f->value = value;
        f->values_room = (int)room;
    }
    return s->by_name ? 0 : RT_EMEM;
}

/* Initialisers come first, in the file's order (thaw.c relies on it), then inputs, then what nodes
 * make. */
int rt_frozen_scope_open(struct rt_frozen *f, struct rt_frozen_scope *s, const struct rt_onnx *graph,
                         const struct rt_frozen_scope *around)
{
    *s = (struct rt_frozen_scope){.graph = graph, .around = around, .first = f->values};
    RT_TRY(scope_make_room(f, s));
    for (int i = 0; i < graph->initializers; i++) {
        scope_add_value(f, graph->initializer[i].name);
        f->value[f->values - 1].t = graph->initializer[i].tensor;
        f->value[f->values - 1].type = graph->initializer[i].type;
        f->value[f->values - 1].made = true;
        rt_frozen_value_known(&f->value[f->values - 1]);
    }
    s->input = f->values;
    for (int i = 0; i < graph->inputs; i++)
        scope_add_value(f, graph->input[i].name);
    for (int i = 0; i < graph->nodes; i++)
        for (int k = 0; k < graph->node[i].outputs; k++)
            if (graph->node[i].output[k][0])
                scope_add_value(f, graph->node[i].output[k]);
    for (s->names = 0; s->names < f->values - s->first; s->names++)
        s->by_name[s->names] = s->first + s->names;
    qsort_r(s->by_name, (size_t)s->names, sizeof *s->by_name, scope_compare_names, f->value);
    return 0;
}

void rt_frozen_scope_close(struct rt_frozen_scope *s)
{
    free(s->by_name);
    s->by_name = NULL;
}

/* ---- what is needed ---- */

/* One wanted output is enough. */
bool rt_frozen_scope_needs(const struct rt_frozen *f, const struct rt_frozen_scope *s, const struct rt_onnx_node *n)
{
    for (int i = 0; i < n->outputs; i++) {
        int v = rt_frozen_scope_find(f, s, n->output[i]);
        if (v >= 0 && f->value[v].needed)
            return true;
    }
    return false;
}

/* Backwards from the wanted outputs, so that a trunk's embedding costs nothing behind it. Of a node with graphs, all
 * that any of them reads: which is taken is not known yet. */
void rt_frozen_scope_mark_needed(struct rt_frozen *f, const struct rt_frozen_scope *s)
{
    for (int i = s->graph->nodes - 1; i >= 0; i--) {
        const struct rt_onnx_node *n = &s->graph->node[i];
        if (!rt_frozen_scope_needs(f, s, n))
            continue;
        for (int k = 0; k < n->inputs + n->outers; k++) {
            int v = rt_frozen_scope_find(f, s, k < n->inputs ? n->input[k] : n->outer[k - n->inputs]);
            if (v >= 0)
                f->value[v].needed = true;
        }
    }
}

/* ---- another name ----
 * Its memory is the other's, also where that is a constant: frozen.c keeps what a needed value is the same as. */
void rt_frozen_alias(struct rt_frozen *f, int to, int from)
{
    struct rt_frozen_value *v = &f->value[to], *of = &f->value[from];
    v->t = of->t;
    v->type = of->type;
    v->made = of->made;
    v->known = of->known;
    v->same = of->same;
}
