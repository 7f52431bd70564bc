/* SPDX-License-Identifier: MIT
 * thaw: see thaw.h. Here the graph, step by step, and which constants are trained. How values lie in the network:
 * thaw_value.c. The operators: thaw_math.c, thaw_layer.c, thaw_move.c, thaw_resize.c. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"

#include <stdlib.h>
#include <string.h>

/* ---- operators ----
 * thaw.def first, then the functions of one number that nn/unary.def names by their ONNX operator.
 */

static const struct rt_thaw_op ops[] = {
#define RT_THAW(type, make, how) {#type, rt_thaw_##make, how},
#include "stages/onnx/thaw/thaw.def"
#undef RT_THAW
};

/* NULL where a function of one number, or nothing, is meant. */
static const struct rt_thaw_op *thaw_find_op(const char *type)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].type, type) == 0)
            return &ops[i];
    return NULL;
}

static int thaw_find_unary(const char *type)
{
    for (int i = 0; i < RT_UNARIES; i++)
        if (rt_unary_onnx[i].type && strcmp(rt_unary_onnx[i].type, type) == 0)
            return i;
    return -1;
}

/* For whoever has to say beforehand whether a file can be trained. */
bool rt_thaw_known(const char *type)
{
    return thaw_find_op(type) || thaw_find_unary(type) >= 0;
}

/* ---- which constants are trained ----
 * Float initialisers, and constants that are computed from them (a weight that an exporter scales
 * or reshapes). Constant nodes hold epsilons, scales, masks: not trained (those of a file
 * without initialisers were made some: formats/onnx_constants.c). */

/* Which values are made of float weights alone. */
static void thaw_mark_weights(struct rt_thaw *t)
{
    const struct rt_onnx *m = t->f->model;
    for (int i = 0; i < m->initializers; i++) /* they are the first values */
        t->weight[i] = m->initializer[i].tensor.dtype == RT_F32;
    for (int i = 0; i < m->nodes; i++) {
        const struct rt_onnx_node *n = &m->node[i];
        bool weight = false;
        for (int k = 0; k < n->inputs; k++) {
            int v = rt_frozen_find(t->f, n->input[k]);
            weight = weight || (v >= 0 && t->weight[v]);
        }
        for (int k = 0; k < n->outputs; k++) {
            int v = rt_frozen_find(t->f, n->output[k]);
            if (v >= 0)
                t->weight[v] = weight && t->f->value[v].known;
        }
    }
}

/* ---- the graph ----
 * Steps of the frozen graph in their order. Operators without a gradient are looked for in all of
 * it before any node is made, so that a file is refused at once and by the first of them. */

/* Outputs that somebody needs must be floats or flags; whole numbers are shapes and were folded. */
static void thaw_make_step(struct rt_thaw *t)
{
    const struct rt_onnx_node *n = t->step->node;
    const struct rt_thaw_op *op = thaw_find_op(n->op);
    int function = op ? -1 : thaw_find_unary(n->op);
    for (int i = 0; i < n->outputs; i++) {
        enum rt_dtype made = t->step->out[i] < 0 ? RT_F32 : rt_thaw_tensor(t, t->step->out[i])->dtype;
        if (made != RT_F32 && made != RT_BOOL && t->f->value[t->step->out[i]].needed)
            rt_thaw_refuse(t, "a student computes in floats and flags only");
    }
    if (t->err)
        return;
    if (op) {
        op->make(t, op->how);
    } else if (function >= 0) {
        const struct rt_unary_onnx *u = &rt_unary_onnx[function];
        struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
        float number[2];
        for (int i = 0; i < 2; i++)
            number[i] = u->attribute[i]
                            ? (float)rt_kernel_float(&t->call, u->attribute[i], (double)u->value[i])
                            : 0;
        int node = rt_thaw_unary(t, layout.node, function, number[0], number[1]);
        rt_thaw_bind(t, t->step->out[0], node, layout.axis, layout.rank);
    } else {
        rt_thaw_refuse(t, "this operator has no gradient here, so a student cannot hold it");
    }
}

/* Kernels' own readers of attributes and small inputs are used while translating, and they want a
 * call. */
static int thaw_open_step(struct rt_thaw *t, struct rt_frozen_step *s)
{
    t->step = s;
    if (rt_frozen_call_init(&t->call, t->f, s, t->e) < 0)
        return rt_error_set(t->e, RT_EMEM, "%s: out of memory", t->f->name);
    for (int i = 0; i < s->node->inputs; i++)
        t->call.in[i] = s->in[i] < 0 ? NULL : &t->f->value[s->in[i]].t;
    for (int i = 0; i < s->node->outputs; i++)
        t->call.out[i] = s->out[i] < 0 ? NULL : &t->f->value[s->out[i]].t;
    return 0;
}

/* The first step that has no gradient is refused before any is made. */
static int thaw_check_steps(struct rt_thaw *t)
{
    for (int i = 0; i < t->f->steps && !t->err; i++) {
        struct rt_kernel_call c = {.node = t->f->step[i].node, .model = t->f->name,
                                   .opset = t->f->model->opset, .e = t->e};
        c.opset = c.node->opset ? c.node->opset : c.opset;
        if (!rt_thaw_known(c.node->op))
            t->err = rt_kernel_refuse(&c, RT_EMISMATCH, "this operator has no gradient here, so a "
                                      "student cannot hold it");
    }
    return t->err;
}

/* One row of numbers, whatever dimensions of 1 the file has around it. */
static int thaw_find_output(struct rt_thaw *t, int *node)
{
    int value = t->f->output[0];
    const struct rt_tensor *x = rt_thaw_tensor(t, value);
    t->step = NULL;
    if (!t->err && (rt_thaw_constant(t, value) || x->dtype != RT_F32))
        return rt_error_set(t->e, RT_EMISMATCH, "%s: '%.100s' does not depend on the input, or is not "
                            "of floats", t->f->name, t->f->value[value].name);
    struct rt_layout layout = t->err ? (struct rt_layout){0} : rt_thaw_layout(t, value);
    if (!t->err && layout.rank > 1)
        return rt_error_set(t->e, RT_EMISMATCH, "%s: '%.100s' has %d dimensions that are not 1; an "
                            "embedding is one row of numbers", t->f->name, t->f->value[value].name,
                            layout.rank);
    *node = layout.node;
    return t->err;
}

/* Nodes made before an error stay in g, which the caller then throws away. */
int rt_thaw(struct rt_graph *g, const struct rt_frozen *f, const struct rt_thaw_input *input, int *node,
            struct rt_error *e)
{
    struct rt_thaw t = {.g = g, .f = f, .input = input->node, .e = e};
    if (!f->plain)
        return rt_error_set(e, RT_EUSAGE, "%s: its operators are fused; freeze it plain", f->name);
    t.layout = malloc(((size_t)f->values + 1) * sizeof *t.layout);
    t.weight = calloc((size_t)f->values + 1, sizeof *t.weight);
    if (!t.layout || !t.weight) {
        t.err = rt_error_set(e, RT_EMEM, "%s: no memory for its values", f->name);
        goto done;
    }
    for (int i = 0; i < f->values; i++)
        t.layout[i] = (struct rt_layout){.node = -1};
    thaw_mark_weights(&t);
    if (thaw_check_steps(&t))
        goto done;
    rt_thaw_bind(&t, f->scope.input, input->node, input->axis,
                 rt_graph_at(g, input->node)->shape.rank);
    for (int i = 0; i < f->steps && !t.err; i++) {
        t.err = thaw_open_step(&t, &f->step[i]);
        if (!t.err)
            thaw_make_step(&t);
        rt_frozen_call_fini(&t.call);
    }
    if (!t.err)
        t.err = thaw_find_output(&t, node);
done:
    free(t.layout);
    free(t.weight);
    return t.err;
}
