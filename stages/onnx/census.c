/* SPDX-License-Identifier: MIT
 * census: see census.h. */
#include "stages/onnx/census.h"

#include "stages/onnx/kernels/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- operators ---- */

static struct rt_census_op *census_find(struct rt_census *c, const char *type)
{
    for (int i = 0; i < c->ops; i++)
        if (strcmp(c->op[i].type, type) == 0)
            return &c->op[i];
    return NULL;
}

static int census_add_node(struct rt_census *c, const struct rt_onnx *m, const struct rt_onnx_node *n)
{
    struct rt_census_op *op = census_find(c, n->op);
    if (!op) {
        op = realloc(c->op, ((size_t)c->ops + 1) * sizeof *op);
        if (!op)
            return RT_EMEM;
        c->op = op;
        op = &c->op[c->ops++];
        *op = (struct rt_census_op){.type = n->op};
    }
    op->count++;
    c->nodes++;
    int opset = n->opset ? n->opset : m->opset;
    opset = opset < RT_ONNX_OPSET_MIN ? RT_ONNX_OPSET_MIN : opset > RT_ONNX_OPSET_MAX ? RT_ONNX_OPSET_MAX : opset;
    if (!op->node && !rt_kernel_find(n->op, opset)) {
        op->node = n->name[0] ? n->name : n->outputs ? n->output[0] : "";
        rt_kernel_missing(op->missing, sizeof op->missing, n->op);
        c->missing++;
    }
    return 0;
}

/* ---- weights ----
 * What was learnt: floats, whatever their number of bits in the file. Of whole numbers only those of layers in 8 bits,
 * which the reader has as U8 or I32; a matrix of them is such a layer's, a list is a shape or an index. */

static int64_t weights_in(const struct rt_tensor *t)
{
    bool narrow = (t->dtype == RT_U8 || t->dtype == RT_I32) && t->rank > 1;
    bool learnt = t->dtype == RT_F32 || t->dtype == RT_F64 || narrow;
    return t->data && learnt ? rt_tensor_count(t) : 0;
}

static int census_add_graph(struct rt_census *c, const struct rt_onnx *m)
{
    for (int i = 0; i < m->initializers; i++)
        c->weights += weights_in(&m->initializer[i].tensor);
    for (int i = 0; i < m->nodes; i++) {
        const struct rt_onnx_node *n = &m->node[i];
        RT_TRY(census_add_node(c, m, n));
        for (int k = 0; k < n->attrs; k++) {
            if (n->attr[k].kind == RT_ONNX_GRAPH)
                RT_TRY(census_add_graph(c, n->attr[k].graph));
            if (n->attr[k].kind == RT_ONNX_TENSOR && strcmp(n->op, "Constant") == 0)
                c->weights += weights_in(&n->attr[k].t);
        }
    }
    return 0;
}

static int op_order(const void *a, const void *b)
{
    const struct rt_census_op *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : strcmp(x->type, y->type);
}

int rt_census_take(struct rt_census *c, const struct rt_onnx *m)
{
    *c = (struct rt_census){0};
    RT_TRY(census_add_graph(c, m));
    if (c->ops > 0)
        qsort(c->op, (size_t)c->ops, sizeof *c->op, op_order);
    return 0;
}

void rt_census_fini(struct rt_census *c)
{
    free(c->op);
    *c = (struct rt_census){0};
}
