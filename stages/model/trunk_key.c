/* SPDX-License-Identifier: MIT
 * trunk_key: what outputs of another program's network are kept under (trunk.h): all that they follow from, weights,
 * nodes and how the input is read. Names of values count, too, so the same network exported anew is another teacher;
 * to find out that it is not would need running both. */
#include "stages/model/trunk.h"

#include <string.h>

static struct rt_key128 key_of_text(const char *text, struct rt_key128 key)
{
    return rt_key128_of(text, strlen(text) + 1, key);
}

/* Attributes count, too: equal weights may be put together in another way. */
static struct rt_key128 key_of_graph(const struct rt_onnx *m, struct rt_key128 key);

static struct rt_key128 key_of_node(const struct rt_onnx_node *n, struct rt_key128 key)
{
    key = key_of_text(n->op, key);
    for (int i = 0; i < n->inputs; i++)
        key = key_of_text(n->input[i], key);
    for (int i = 0; i < n->outputs; i++)
        key = key_of_text(n->output[i], key);
    for (int i = 0; i < n->attrs; i++) {
        const struct rt_onnx_attr *a = &n->attr[i];
        key = key_of_text(a->name, key);
        key = rt_key128_of(&a->f, sizeof a->f, key);
        key = rt_key128_of(&a->i, sizeof a->i, key);
        if (a->s)
            key = key_of_text(a->s, key);
        if (a->floats)
            key = rt_key128_of(a->floats, (size_t)a->count * sizeof *a->floats, key);
        if (a->ints)
            key = rt_key128_of(a->ints, (size_t)a->count * sizeof *a->ints, key);
        if (a->t.data)
            key = rt_key128_of(a->t.data, rt_tensor_bytes(&a->t), key);
        if (a->graph)
            key = key_of_graph(a->graph, key);
    }
    return key;
}

static struct rt_key128 key_of_graph(const struct rt_onnx *m, struct rt_key128 key)
{
    for (int i = 0; i < m->initializers; i++) {
        const struct rt_tensor *w = &m->initializer[i].tensor;
        key = key_of_text(m->initializer[i].name, key);
        key = rt_key128_of(w->dim, sizeof w->dim, key);
        if (w->data)
            key = rt_key128_of(w->data, rt_tensor_bytes(w), key);
    }
    for (int i = 0; i < m->nodes; i++)
        key = key_of_node(&m->node[i], key);
    for (int i = 0; i < m->outputs; i++)
        key = key_of_text(m->output[i].name, key);
    return key;
}

struct rt_key128 rt_trunk_key(const struct rt_trunk *t)
{
    const struct rt_onnx *m = t->model;
    struct rt_key128 key = key_of_text(t->about, (struct rt_key128){0, 0});
    key = key_of_text(t->front_text, key);
    return key_of_graph(m, rt_key128_of(&m->opset, sizeof m->opset, key));
}
