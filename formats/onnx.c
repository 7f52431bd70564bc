/* SPDX-License-Identifier: MIT
 * onnx: the structs themselves: building, looking up, freeing. Reading lies in onnx_read.c and
 * onnx_tensor.c, writing in onnx_write.c, checking in onnx_check.c. */
#include "formats/onnx.h"
#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>

#define IR_OF_OURS 7 /* what goes with opset 13 */

/* ---- freeing ----
 * Half-built and half-read networks are freed by the same function, so counts are raised only when
 * what they count can be freed. */

static void list_free(char **list, int count)
{
    for (int i = 0; list && i < count; i++)
        free(list[i]);
    free(list);
}

void rt_onnx_node_fini(struct rt_onnx_node *n)
{
    for (int i = 0; i < n->attrs; i++) {
        struct rt_onnx_attr *a = &n->attr[i];
        free(a->name);
        free(a->s);
        free(a->floats);
        free(a->ints);
        list_free(a->strings, a->strings ? a->count : 0);
        rt_tensor_fini(&a->t);
        rt_onnx_destroy(a->graph);
    }
    free(n->attr);
    free(n->name);
    free(n->op);
    list_free(n->input, n->inputs);
    list_free(n->output, n->outputs);
    free(n->outer);
}

static void values_free(struct rt_onnx_value *v, int count)
{
    for (int i = 0; i < count; i++) {
        free(v[i].name);
        for (int k = 0; k < RT_TENSOR_RANK; k++)
            free(v[i].symbol[k]);
    }
    free(v);
}

void rt_onnx_destroy(struct rt_onnx *o)
{
    if (!o)
        return;
    for (int i = 0; i < o->nodes; i++)
        rt_onnx_node_fini(&o->node[i]);
    for (int i = 0; i < o->initializers; i++) {
        free(o->initializer[i].name);
        rt_tensor_fini(&o->initializer[i].tensor);
    }
    for (int i = 0; i < o->texts; i++) {
        free(o->text[i].key);
        free(o->text[i].value);
    }
    values_free(o->input, o->inputs);
    values_free(o->output, o->outputs);
    free(o->node);
    free(o->initializer);
    free(o->text);
    free(o->by_name);
    free(o->producer);
    free(o->producer_version);
    free(o->graph);
    free(o);
}

/* ---- looking up ----
 * Nodes have a few attributes and files a few texts, so these are walks; initialisers, of which
 * there may be thousands, have an index (onnx_check.c). */

const struct rt_onnx_attr *rt_onnx_attr(const struct rt_onnx_node *n, const char *name)
{
    for (int i = 0; i < n->attrs; i++)
        if (!strcmp(n->attr[i].name, name))
            return &n->attr[i];
    return NULL;
}

const char *rt_onnx_text(const struct rt_onnx *o, const char *key)
{
    for (int i = 0; i < o->texts; i++)
        if (!strcmp(o->text[i].key, key))
            return o->text[i].value;
    return NULL;
}

int64_t rt_onnx_time(const struct rt_onnx *o)
{
    const char *text = rt_onnx_text(o, RT_ONNX_TIME);
    char *end = NULL;
    long long n = text ? strtoll(text, &end, 10) : -1;
    return text && end != text && !*end && n > 0 && n <= INT32_MAX ? n : -1;
}

/* ---- building ----
 * Building a network takes dozens of calls, each of which may run out of memory. The first failure
 * is kept in the struct, the calls behind it do nothing, and rt_onnx_write reports it: an exporter
 * reads as a list of nodes. */

/* Keeps the first failure. */
static void onnx_fail(struct rt_onnx *o, int err)
{
    o->err = o->err ? o->err : err;
}

static char *onnx_copy_text(struct rt_onnx *o, const char *text)
{
    size_t size = strlen(text);
    if (rt_utf8_check(text, size) != size) {
        onnx_fail(o, RT_EUSAGE);
        return NULL;
    }
    char *copy = strdup(text);
    if (!copy)
        onnx_fail(o, RT_EMEM);
    return copy;
}

/* A zeroed element at the end of a list, which grows by doubling; NULL after a failure. */
static void *list_append(struct rt_onnx *o, void *list, int *count, size_t size)
{
    char **at = list;
    if (o->err)
        return NULL;
    if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
        char *grown = realloc(*at, (*count ? 2 * (size_t)*count : 1) * size);
        if (!grown) {
            onnx_fail(o, RT_EMEM);
            return NULL;
        }
        *at = grown;
    }
    char *element = *at + (size_t)*count * size;
    memset(element, 0, size);
    (*count)++;
    return element;
}

int rt_onnx_create(struct rt_onnx **out, int opset)
{
    struct rt_onnx *o = calloc(1, sizeof *o);
    if (o) {
        o->opset = opset;
        o->ir = IR_OF_OURS;
        o->producer = onnx_copy_text(o, "retort");
        o->producer_version = onnx_copy_text(o, RT_VERSION);
        o->graph = onnx_copy_text(o, "retort");
    }
    if (o && o->err) {
        rt_onnx_destroy(o);
        o = NULL;
    }
    *out = o;
    return o ? 0 : RT_EMEM;
}

void rt_onnx_set_text(struct rt_onnx *o, const char *key, const char *value)
{
    struct rt_onnx_text *text = NULL;
    for (int i = 0; i < o->texts && !text; i++)
        if (!o->err && !strcmp(o->text[i].key, key))
            text = &o->text[i];
    if (!text && (text = list_append(o, &o->text, &o->texts, sizeof *text)))
        text->key = onnx_copy_text(o, key);
    if (text) {
        free(text->value);
        text->value = onnx_copy_text(o, value);
    }
}

static void value_set(struct rt_onnx *o, struct rt_onnx_value *v, const char *name,
                      enum rt_dtype dtype, int rank, const int64_t *dim, const char *batch)
{
    if (!v)
        return;
    v->name = onnx_copy_text(o, name);
    v->dtype = dtype;
    v->rank = rank;
    for (int i = 0; i < rank; i++)
        v->dim[i] = dim[i] < 0 ? -1 : dim[i];
    if (rank > 0 && dim[0] < 0 && batch)
        v->symbol[0] = onnx_copy_text(o, batch);
}

void rt_onnx_add_input(struct rt_onnx *o, const char *name, enum rt_dtype dtype, int rank,
                       const int64_t *dim, const char *batch)
{
    value_set(o, list_append(o, &o->input, &o->inputs, sizeof *o->input), name, dtype, rank, dim,
              batch);
}

void rt_onnx_open_input(struct rt_onnx *o, int axis, const char *symbol)
{
    if (o->inputs == 0)
        return;
    struct rt_onnx_value *v = &o->input[o->inputs - 1];
    v->dim[axis] = -1;
    v->symbol[axis] = onnx_copy_text(o, symbol);
}

void rt_onnx_add_output(struct rt_onnx *o, const char *name, enum rt_dtype dtype, int rank,
                        const int64_t *dim, const char *batch)
{
    value_set(o, list_append(o, &o->output, &o->outputs, sizeof *o->output), name, dtype, rank, dim,
              batch);
}

static void tensor_copy(struct rt_onnx *o, struct rt_tensor *to, const struct rt_tensor *t)
{
    int rc = rt_tensor_init_unset(to, t->dtype, t->rank, t->dim);
    if (rc)
        onnx_fail(o, rc);
    else if (rt_tensor_bytes(t) > 0)
        memcpy(to->data, t->data, rt_tensor_bytes(t));
}

void rt_onnx_add_narrow(struct rt_onnx *o, const char *name, const struct rt_tensor *t, enum rt_onnx_element element)
{
    struct rt_onnx_initializer *w =
        list_append(o, &o->initializer, &o->initializers, sizeof *o->initializer);
    if (!w)
        return;
    free(o->by_name); /* its pointers may have moved */
    o->by_name = NULL;
    w->name = onnx_copy_text(o, name);
    w->element = element;
    tensor_copy(o, &w->tensor, t);
}

void rt_onnx_add_initializer(struct rt_onnx *o, const char *name, const struct rt_tensor *t)
{
    rt_onnx_add_narrow(o, name, t, RT_ONNX_AS_IT_IS);
}

static char **list_copy(struct rt_onnx *o, const char *const *list, int *count)
{
    int n = 0;
    while (list[n])
        n++;
    char **copy = calloc((size_t)n + 1, sizeof *copy);
    if (!copy)
        onnx_fail(o, RT_EMEM);
    for (*count = 0; copy && *count < n && !o->err; (*count)++)
        copy[*count] = onnx_copy_text(o, list[*count]);
    return copy;
}

struct rt_onnx_node *rt_onnx_add_node(struct rt_onnx *o, const char *op, const char *name,
                                      const char *const *input, const char *const *output)
{
    struct rt_onnx_node *n = list_append(o, &o->node, &o->nodes, sizeof *o->node);
    if (!n)
        return NULL;
    n->op = onnx_copy_text(o, op);
    n->name = onnx_copy_text(o, name);
    n->input = list_copy(o, input, &n->inputs);
    n->output = list_copy(o, output, &n->outputs);
    return o->err ? NULL : n;
}

static struct rt_onnx_attr *attr_add(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                                     enum rt_onnx_kind kind)
{
    struct rt_onnx_attr *a = n ? list_append(o, &n->attr, &n->attrs, sizeof *n->attr) : NULL;
    if (a) {
        a->name = onnx_copy_text(o, name);
        a->kind = kind;
    }
    return a;
}

/* ---- attributes: one function a kind, so that the compiler checks the value ---- */

void rt_onnx_attr_int(struct rt_onnx *o, struct rt_onnx_node *n, const char *name, int64_t value)
{
    struct rt_onnx_attr *a = attr_add(o, n, name, RT_ONNX_INT);
    if (a)
        a->i = value;
}

void rt_onnx_attr_float(struct rt_onnx *o, struct rt_onnx_node *n, const char *name, float value)
{
    struct rt_onnx_attr *a = attr_add(o, n, name, RT_ONNX_FLOAT);
    if (a)
        a->f = value;
}

void rt_onnx_attr_string(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                         const char *value)
{
    struct rt_onnx_attr *a = attr_add(o, n, name, RT_ONNX_STRING);
    if (a)
        a->s = onnx_copy_text(o, value);
}

void rt_onnx_attr_ints(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                       const int64_t *value, int count)
{
    struct rt_onnx_attr *a = attr_add(o, n, name, RT_ONNX_INTS);
    if (!a)
        return;
    a->ints = malloc(((size_t)count + 1) * sizeof *a->ints);
    if (!a->ints) {
        onnx_fail(o, RT_EMEM);
        return;
    }
    memcpy(a->ints, value, (size_t)count * sizeof *a->ints);
    a->count = count;
}

void rt_onnx_attr_tensor(struct rt_onnx *o, struct rt_onnx_node *n, const char *name,
                         const struct rt_tensor *t)
{
    struct rt_onnx_attr *a = attr_add(o, n, name, RT_ONNX_TENSOR);
    if (a)
        tensor_copy(o, &a->t, t);
}
