/* SPDX-License-Identifier: MIT
 * onnx_constants: some exporters (Paddle's) write no initialisers: each weight is a node Constant. Whoever looks for a
 * file's weights, to train them or to copy its classifier, would find none. So in a file without initialisers of more
 * than one number its Constants of more than one are its weights. Elsewhere they are masks, scales and tables, and stay
 * what they are. */
#include "formats/onnx_parts.h"

#include <stdlib.h>
#include <string.h>

static bool tensor_is_weight(const struct rt_tensor *t)
{
    return t->dtype == RT_F32 && rt_tensor_count(t) > 1;
}

static bool onnx_has_output(const struct rt_onnx *o, const char *name)
{
    for (int i = 0; i < o->outputs; i++)
        if (strcmp(o->output[i].name, name) == 0)
            return true;
    return false;
}

/* The attribute that holds the weight, or NULL. */
static struct rt_onnx_attr *node_weight(const struct rt_onnx *o, const struct rt_onnx_node *n)
{
    bool constant = strcmp(n->op, "Constant") == 0 && n->attrs == 1 && n->outputs == 1;
    if (!constant || n->attr->kind != RT_ONNX_TENSOR || !tensor_is_weight(&n->attr->t))
        return NULL;
    return onnx_has_output(o, n->output[0]) ? NULL : n->attr;
}

int rt_onnx_adopt_constants(struct rt_onnx *o)
{
    size_t weights = 0;
    for (int i = 0; i < o->initializers; i++)
        if (tensor_is_weight(&o->initializer[i].tensor))
            return 0;
    for (int i = 0; i < o->nodes; i++)
        weights += node_weight(o, &o->node[i]) != NULL;
    if (weights == 0)
        return 0;
    struct rt_onnx_initializer *list =
        realloc(o->initializer, ((size_t)o->initializers + weights) * sizeof *list);
    if (!list)
        return RT_EMEM;
    o->initializer = list;
    free(o->by_name); /* its pointers may have moved */
    o->by_name = NULL;
    int kept = 0;
    for (int i = 0; i < o->nodes; i++) {
        struct rt_onnx_node *n = &o->node[i];
        struct rt_onnx_attr *a = node_weight(o, n);
        if (!a) {
            o->node[kept++] = *n;
            continue;
        }
        list[o->initializers++] =
            (struct rt_onnx_initializer){.name = n->output[0], .tensor = a->t, .type = a->type};
        n->output[0] = NULL;
        a->t = (struct rt_tensor){0};
        rt_onnx_node_fini(n);
    }
    o->nodes = kept;
    return 0;
}
