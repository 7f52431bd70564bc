/* SPDX-License-Identifier: MIT
 * frozen_flow: nodes that hold graphs, If and Loop, taken in while a graph is frozen: the branch that is taken, and the
 * body once for each turn. So there is nothing to decide when the graph runs, and what a body computes from its turn's
 * number is folded like any other constant. Where only the data decide: frozen_body.c. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TURNED_MAX (1 << 17) /* nodes in loops, once for each turn: loops may hold loops */

static const struct rt_onnx *flow_graph(const struct rt_kernel_call *c, const char *attribute)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(c->node, attribute);
    return a && a->kind == RT_ONNX_GRAPH ? a->graph : NULL;
}

static void flow_need(struct rt_frozen *f, const struct rt_frozen_scope *s, const char *name)
{
    int v = rt_frozen_scope_find(f, s, name);
    if (v >= 0)
        f->value[v].needed = true;
}

/* ---- If ---- */

static int flow_take_branch(struct rt_frozen *f, const struct rt_frozen_scope *s, const struct rt_frozen_step *node,
                            const struct rt_kernel_call *c)
{
    for (int i = 0; i < node->outputs; i++)
        if (node->out[i] >= 0 && f->value[node->out[i]].needed)
            flow_need(f, s, s->graph->output[i].name);
    rt_frozen_scope_mark_needed(f, s);
    RT_TRY(rt_frozen_scope_add(f, s, c->e));
    for (int i = 0; i < node->outputs; i++)
        if (node->out[i] >= 0 && f->value[node->out[i]].needed)
            rt_frozen_alias(f, node->out[i], rt_frozen_scope_find(f, s, s->graph->output[i].name));
    return 0;
}

static int flow_if(struct rt_frozen *f, const struct rt_frozen_scope *around, const struct rt_frozen_step *node,
                   const struct rt_kernel_call *c)
{
    struct rt_frozen_scope s;
    if (!f->value[node->in[0]].known)
        return rt_frozen_take_branches(f, around, node, c, flow_graph(c, "else_branch"), flow_graph(c, "then_branch"));
    const struct rt_tensor *condition = &f->value[node->in[0]].t;
    if (condition->dtype != RT_BOOL || rt_tensor_count(condition) != 1)
        return rt_kernel_refuse(c, RT_EMISMATCH, "its condition is not one bool");
    bool yes = *(const uint8_t *)condition->data != 0;
    const struct rt_onnx *branch = flow_graph(c, yes ? "then_branch" : "else_branch");
    if (!branch || branch->inputs > 0 || branch->outputs != node->outputs)
        return rt_kernel_refuse(c, RT_EFORMAT, "the branch that is taken (%s) is missing, has inputs, or not %d "
                                "outputs", yes ? "then" : "else", node->outputs);
    int rc = rt_frozen_scope_open(f, &s, branch, around);
    rc = rc < 0 ? rt_kernel_refuse(c, rc, "no memory for its values") : flow_take_branch(f, &s, node, c);
    rt_frozen_scope_close(&s);
    return rc;
}

/* ---- Loop ----
 * A turn's values are given by those of the turn before under other names. What the body gives out in each turn is
 * collected at the end, behind one more axis in front. */

struct loop {
    struct rt_frozen *f;
    const struct rt_frozen_scope *around;
    const struct rt_frozen_step *node;
    const struct rt_kernel_call *c;
    const struct rt_onnx *body;
    int64_t most, turns;
    bool go_on;
    bool by_data; /* whether there is another turn is known only when the graph runs */
    int carried, collected;
    int *now;    /* [carried] value numbers */
    int *given;  /* [turns][collected] value numbers */
    size_t room; /* of given */
};

/* Is there another turn? */
static int loop_ask(struct loop *l, int value)
{
    const struct rt_frozen_value *v = &l->f->value[value];
    if (v->t.dtype != RT_BOOL || rt_tensor_count(&v->t) != 1)
        return rt_kernel_refuse(l->c, RT_EMISMATCH, "its condition is not one bool");
    l->by_data = l->by_data || !v->known;
    l->go_on = v->known && *(const uint8_t *)v->t.data != 0;
    return 0;
}

/* How often at most, and whether at all. */
static int loop_read(struct loop *l)
{
    const struct rt_frozen_step *n = l->node;
    l->body = flow_graph(l->c, "body");
    l->carried = n->inputs - 2;
    l->collected = l->body ? l->body->outputs - 1 - l->carried : -1;
    bool whole = n->inputs >= 2;
    for (int i = 2; i < n->inputs; i++)
        whole = whole && n->in[i] >= 0;
    if (!whole || l->collected < 0 || l->body->inputs != l->carried + 2 || n->outputs > l->carried + l->collected)
        return rt_kernel_refuse(l->c, RT_EFORMAT, "its body has not the inputs and outputs that %d carried values "
                                "need", l->carried);
    l->most = INT64_MAX;
    l->go_on = true;
    if (n->in[0] >= 0) {
        const struct rt_frozen_value *v = &l->f->value[n->in[0]];
        if (v->t.dtype != RT_I64 || rt_tensor_count(&v->t) != 1)
            return rt_kernel_refuse(l->c, RT_EMISMATCH, "its number of turns is not one whole number (int64)");
        l->by_data = !v->known;
        l->most = v->known ? *(const int64_t *)v->t.data : 0;
    }
    RT_TRY(n->in[1] >= 0 ? loop_ask(l, n->in[1]) : 0);
    l->now = calloc((size_t)l->carried + 1, sizeof *l->now);
    for (int i = 0; l->now && i < l->carried; i++)
        l->now[i] = n->in[2 + i];
    return l->now ? 0 : rt_kernel_refuse(l->c, RT_EMEM, "no memory for its values");
}

/* A constant of no dimensions. */
static int loop_set(struct loop *l, int value, enum rt_dtype dtype, int64_t number)
{
    struct rt_frozen_value *v = &l->f->value[value];
    if (rt_tensor_init(&v->t, dtype, 0, NULL) < 0)
        return rt_kernel_refuse(l->c, RT_EMEM, "no memory for its values");
    v->owned = v->known = v->made = true;
    if (dtype == RT_I64)
        *(int64_t *)v->t.data = number;
    else
        *(uint8_t *)v->t.data = (uint8_t)number;
    return 0;
}

static int loop_room(struct loop *l)
{
    size_t want = (size_t)(l->turns + 1) * (size_t)l->collected + 1;
    if (want <= l->room)
        return 0;
    int *given = realloc(l->given, 2 * want * sizeof *given);
    if (!given)
        return rt_kernel_refuse(l->c, RT_EMEM, "no memory for its values");
    l->given = given;
    l->room = 2 * want;
    return 0;
}

static int loop_turn_in(struct loop *l, const struct rt_frozen_scope *s)
{
    struct rt_frozen *f = l->f;
    RT_TRY(loop_room(l));
    RT_TRY(loop_set(l, s->input, RT_I64, l->turns));
    RT_TRY(loop_set(l, s->input + 1, RT_BOOL, 1));
    for (int i = 0; i < l->carried; i++)
        rt_frozen_alias(f, s->input + 2 + i, l->now[i]);
    for (int i = 0; i < l->body->outputs; i++)
        flow_need(f, s, l->body->output[i].name);
    rt_frozen_scope_mark_needed(f, s);
    RT_TRY(rt_frozen_scope_add(f, s, l->c->e));
    RT_TRY(loop_ask(l, rt_frozen_scope_find(f, s, l->body->output[0].name)));
    for (int i = 0; i < l->carried; i++)
        l->now[i] = rt_frozen_scope_find(f, s, l->body->output[1 + i].name);
    for (int i = 0; i < l->collected; i++)
        l->given[l->turns * l->collected + i] =
            rt_frozen_scope_find(f, s, l->body->output[1 + l->carried + i].name);
    l->turns++;
    return 0;
}

static int loop_turn(struct loop *l)
{
    struct rt_frozen_scope s;
    if ((l->f->turned += l->body->nodes + 1) > TURNED_MAX)
        return rt_kernel_refuse(l->c, RT_ELARGE, "the turns of its loops come to more than %d nodes", TURNED_MAX);
    int rc = rt_frozen_scope_open(l->f, &s, l->body, l->around);
    rc = rc < 0 ? rt_kernel_refuse(l->c, rc, "no memory for its values") : loop_turn_in(l, &s);
    rt_frozen_scope_close(&s);
    return rc;
}

/* Never asked: the step is laid out with its shape. */
static int stack_shape(struct rt_kernel_call *c)
{
    return rt_kernel_refuse(c, RT_EUSAGE, "its shape is that of its turns");
}

static int stack_compute(struct rt_kernel_call *c)
{
    size_t one = rt_tensor_bytes(c->in[0]);
    for (int i = 0; i < c->inputs && one > 0; i++)
        memcpy((char *)c->out[0]->data + (size_t)i * one, c->in[i]->data, one);
    return 0;
}

static const struct rt_kernel kernel_stack = {1, -1, 1, stack_shape, stack_compute, NULL, NULL};
static const struct rt_kernel_op op_stack = {"Loop", 1, RT_ONNX_OPSET_MAX, &kernel_stack, 0, " body "};

/* One step that puts a value of all turns into one tensor. */
static int loop_append_stack(struct loop *l, int k, int out)
{
    struct rt_frozen *f = l->f;
    struct rt_frozen_step s = {.op = &op_stack, .node = l->node->node, .inputs = (int)l->turns, .outputs = 1};
    s.in = malloc((size_t)l->turns * sizeof *s.in + 1);
    s.out = malloc(sizeof *s.out);
    int rc = s.in && s.out ? 0 : RT_EMEM;
    for (int i = 0; rc == 0 && i < s.inputs; i++)
        s.in[i] = l->given[i * l->collected + k];
    if (rc == 0)
        s.out[0] = out;
    f->value[out].made = true;
    rc = rc < 0 ? rc : rt_frozen_append(f, &s);
    if (rc == 0)
        return 0;
    free(s.in);
    free(s.out);
    return rt_kernel_refuse(l->c, rc, "no memory for its outputs");
}

static int loop_collect(struct loop *l, int k, int out)
{
    struct rt_frozen *f = l->f;
    const struct rt_tensor *one = l->turns ? &f->value[l->given[k]].t : NULL;
    if (!one)
        return rt_kernel_refuse(l->c, RT_EMISMATCH, "it makes no turn, so the shape of its output %d is unknown",
                                l->carried + k);
    for (int64_t i = 1; i < l->turns; i++) {
        const struct rt_tensor *t = &f->value[l->given[i * l->collected + k]].t;
        if (t->dtype != one->dtype || t->rank != one->rank ||
            memcmp(t->dim, one->dim, sizeof *t->dim * (size_t)t->rank) != 0)
            return rt_kernel_refuse(l->c, RT_EMISMATCH, "what it collects (output %d) has another shape in turn %"
                                    PRId64, l->carried + k, i);
    }
    int64_t dim[RT_TENSOR_RANK + 1] = {l->turns};
    if (one->rank == RT_TENSOR_RANK)
        return rt_kernel_refuse(l->c, RT_ERANGE, "its output %d has more than %d dimensions", l->carried + k,
                                RT_TENSOR_RANK);
    memcpy(dim + 1, one->dim, sizeof *dim * (size_t)one->rank);
    struct rt_kernel_call shape = *l->c;
    struct rt_tensor *to[] = {&f->value[out].t};
    shape.out = to;
    shape.outputs = 1;
    RT_TRY(rt_kernel_out(&shape, 0, one->dtype, one->rank + 1, dim));
    return loop_append_stack(l, k, out);
}

static int loop_run(struct loop *l)
{
    const struct rt_frozen_step *n = l->node;
    int before = l->f->steps;
    RT_TRY(loop_read(l));
    while (!l->by_data && l->go_on && l->turns < l->most)
        RT_TRY(loop_turn(l));
    while (l->by_data && l->f->steps > before) /* turns that were laid out before that was found */
        rt_frozen_step_fini(&l->f->step[--l->f->steps]);
    if (l->by_data)
        return rt_frozen_take_turns(l->f, l->around, n, l->c, l->body);
    for (int i = 0; i < n->outputs; i++) {
        if (n->out[i] < 0 || !l->f->value[n->out[i]].needed)
            continue;
        if (i < l->carried)
            rt_frozen_alias(l->f, n->out[i], l->now[i]);
        else
            RT_TRY(loop_collect(l, i - l->carried, n->out[i]));
    }
    return 0;
}

static int flow_loop(struct rt_frozen *f, const struct rt_frozen_scope *around, const struct rt_frozen_step *node,
                     const struct rt_kernel_call *c)
{
    struct loop l = {.f = f, .around = around, .node = node, .c = c};
    int rc = loop_run(&l);
    free(l.now);
    free(l.given);
    return rc;
}

bool rt_frozen_holds_graphs(const struct rt_kernel *k)
{
    return k == &rt_kernel_if || k == &rt_kernel_loop;
}

int rt_frozen_take_in(struct rt_frozen *f, const struct rt_frozen_scope *around, const struct rt_frozen_step *node,
                      const struct rt_kernel_call *c)
{
    return c->op->kernel == &rt_kernel_if ? flow_if(f, around, node, c) : flow_loop(f, around, node, c);
}
