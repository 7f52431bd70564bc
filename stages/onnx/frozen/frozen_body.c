/* SPDX-License-Identifier: MIT
 * frozen_body: If and Loop whose condition depends on the data (frozen_flow.c takes in all others): their graphs are
 * frozen by themselves, with what they read around them as further inputs, and run while the graph around them runs. As
 * every shape is fixed, both branches give equal shapes, and what a loop carries keeps its own. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 100000 /* a loop that never ends is an error, not a wait */

struct rt_frozen_body {
    int graphs; /* If: else, then; Loop: its body */
    struct rt_onnx shell[2]; /* the graphs, but for their inputs; the rest is the file's */
    struct rt_onnx_value *input[2];
    struct rt_frozen *frozen[2];
};

/* A body that is being made, for the step that runs it. */
struct making {
    struct rt_frozen *f;
    const struct rt_frozen_scope *around;
    const struct rt_frozen_step *node;
    const struct rt_kernel_call *c;
    struct rt_frozen_step s;
};

void rt_frozen_body_destroy(struct rt_frozen_body *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->graphs; i++) {
        rt_frozen_destroy(b->frozen[i]);
        free(b->input[i]);
    }
    free(b);
}

/* ---- making ----
 * The step reads the node's inputs and then all values around that any of its graphs reads, constants included: so none
 * of them is given back while a graph inside still points to it. */

static int making_values(struct making *m)
{
    const struct rt_onnx_node *n = m->node->node;
    struct rt_frozen_step *s = &m->s;
    s->inputs = m->node->inputs + n->outers;
    s->outputs = m->node->outputs;
    s->in = malloc(((size_t)s->inputs + 1) * sizeof *s->in);
    s->out = malloc(((size_t)s->outputs + 1) * sizeof *s->out);
    s->body = calloc(1, sizeof *s->body);
    if (!s->in || !s->out || !s->body)
        return rt_kernel_refuse(m->c, RT_EMEM, "no memory for its graphs");
    memcpy(s->out, m->node->out, (size_t)s->outputs * sizeof *s->out);
    memcpy(s->in, m->node->in, (size_t)m->node->inputs * sizeof *s->in);
    for (int i = 0; i < n->outers; i++) {
        int v = rt_frozen_scope_find(m->f, m->around, n->outer[i]);
        if (v < 0 || !m->f->value[v].made)
            return rt_kernel_refuse(m->c, RT_EFORMAT, "a graph in it reads '%.100s', which is not there", n->outer[i]);
        s->in[m->node->inputs + i] = v;
    }
    return 0;
}

/* own: the shapes of the graph's own inputs. */
static int making_freeze(struct making *m, const struct rt_onnx *graph, const struct rt_tensor *own)
{
    struct rt_frozen_body *b = m->s.body;
    const struct rt_onnx_node *n = m->node->node;
    int i = b->graphs++, inputs = graph->inputs + n->outers;
    struct rt_tensor *shape = calloc((size_t)inputs + 1, sizeof *shape);
    b->input[i] = calloc((size_t)inputs + 1, sizeof *b->input[i]);
    if (!shape || !b->input[i]) {
        free(shape);
        return rt_kernel_refuse(m->c, RT_EMEM, "no memory for its graphs");
    }
    for (int k = 0; k < inputs; k++) {
        bool here = k < graph->inputs;
        const struct rt_frozen_value *v = here ? NULL : &m->f->value[m->s.in[m->node->inputs + k - graph->inputs]];
        shape[k] = here ? own[k] : v->t; /* with its elements where it is a constant */
        const char *name = here ? graph->input[k].name : n->outer[k - graph->inputs];
        b->input[i][k] = (struct rt_onnx_value){.name = (char *)name, .dtype = shape[k].dtype,
                                                .type = here ? 0 : v->type, .rank = -1};
    }
    b->shell[i] = *graph;
    b->shell[i].input = b->input[i];
    b->shell[i].inputs = inputs;
    struct rt_frozen_options o = {.input = shape, .plain = m->f->plain, .blocks = m->f->blocks};
    int rc = rt_frozen_create(&b->frozen[i], &b->shell[i], m->f->name, &o, m->c->e);
    free(shape);
    return rc;
}

/* Is output i as output k of graph g? The first graph says how it is. */
static bool making_output(struct making *m, int i, int g, int k, bool first)
{
    const struct rt_tensor *t;
    int out = m->s.out[i];
    rt_frozen_output(m->s.body->frozen[g], k, &t);
    if (out < 0)
        return true;
    struct rt_frozen_value *v = &m->f->value[out];
    if (first) {
        v->t = *t;
        v->t.data = NULL;
        v->made = true;
    }
    return v->t.dtype == t->dtype && v->t.rank == t->rank &&
           memcmp(v->t.dim, t->dim, sizeof *t->dim * (size_t)t->rank) == 0;
}

static int making_end(struct making *m, int rc)
{
    if (rc == 0 && (rc = rt_frozen_append(m->f, &m->s)) == 0)
        return 0;
    rt_frozen_step_fini(&m->s);
    return rc == RT_EMEM ? rt_kernel_refuse(m->c, rc, "no memory for its graphs") : rc;
}

/* ---- running ----
 * The memory of a graph's run is made for the run: these nodes are rare, and kernels keep no state. */

struct running {
    const struct rt_frozen *f;
    struct rt_frozen_exec *x;
    const void **data; /* [inputs] */
};

static int running_open(struct running *r, struct rt_kernel_call *c, int graph)
{
    const struct rt_frozen_body *b = c->prepared;
    int inputs = b->shell[graph].inputs, outers = c->node->outers;
    *r = (struct running){.f = b->frozen[graph], .data = calloc((size_t)inputs + 1, sizeof *r->data)};
    if (!r->data || rt_frozen_exec_create(&r->x, r->f) < 0)
        return rt_kernel_refuse(c, RT_EMEM, "no memory to run it");
    for (int i = 0; i < outers; i++)
        r->data[inputs - outers + i] = c->in[c->inputs - outers + i]->data;
    return 0;
}

static void running_close(struct running *r)
{
    rt_frozen_exec_destroy(r->x);
    free(r->data);
}

static void copy_tensor(struct rt_tensor *to, const struct rt_tensor *from)
{
    if (to && rt_tensor_bytes(to) > 0)
        memcpy(to->data, from->data, rt_tensor_bytes(to));
}

static int never_shape(struct rt_kernel_call *c)
{
    return rt_kernel_refuse(c, RT_EUSAGE, "made by frozen_body.c alone");
}

/* ---- If ---- */

static int branches_compute(struct rt_kernel_call *c)
{
    struct running r;
    int rc = running_open(&r, c, *(const uint8_t *)c->in[0]->data != 0);
    if (rc == 0)
        rc = rt_frozen_run(r.x, r.data, c->e);
    for (int i = 0; rc == 0 && i < c->outputs; i++)
        copy_tensor(c->out[i], rt_frozen_result(r.x, i));
    running_close(&r);
    return rc;
}

static const struct rt_kernel kernel_branches = {1, -1, 1, never_shape, branches_compute, NULL, NULL};
static const struct rt_kernel_op op_branches = {"If", 1, RT_ONNX_OPSET_MAX, &kernel_branches, 0, " "};

static int branches_make(struct making *m, const struct rt_onnx *const branch[2])
{
    const struct rt_tensor *yes = &m->f->value[m->node->in[0]].t;
    if (yes->dtype != RT_BOOL || rt_tensor_count(yes) != 1)
        return rt_kernel_refuse(m->c, RT_EMISMATCH, "its condition is not one bool");
    RT_TRY(making_values(m));
    for (int g = 0; g < 2; g++) {
        if (!branch[g] || branch[g]->inputs > 0 || branch[g]->outputs != m->node->outputs)
            return rt_kernel_refuse(m->c, RT_EFORMAT, "a branch is missing, has inputs, or not %d outputs",
                                    m->node->outputs);
        RT_TRY(making_freeze(m, branch[g], NULL));
        for (int i = 0; i < m->node->outputs; i++)
            if (!making_output(m, i, g, i, g == 0))
                return rt_kernel_refuse(m->c, RT_EMISMATCH, "its branches give output %d in different shapes, and "
                                        "which is taken depends on the data", i);
    }
    return 0;
}

int rt_frozen_take_branches(struct rt_frozen *f, const struct rt_frozen_scope *around,
                            const struct rt_frozen_step *node, const struct rt_kernel_call *c,
                            const struct rt_onnx *no, const struct rt_onnx *yes)
{
    struct making m = {f, around, node, c, {.op = &op_branches, .node = node->node}};
    return making_end(&m, branches_make(&m, (const struct rt_onnx *const[]){no, yes}));
}

/* ---- Loop ----
 * What is carried waits between two turns in memory of its own: a run may put its inputs where its results lie. */

struct turns {
    struct running r;
    int64_t turn, most;
    uint8_t go_on;
    int carried;
    void **state; /* [carried] */
};

static int turns_open(struct turns *t, struct rt_kernel_call *c)
{
    t->carried = c->inputs - c->node->outers - 2;
    t->most = c->in[0] ? *(const int64_t *)c->in[0]->data : INT64_MAX;
    t->go_on = c->in[1] ? *(const uint8_t *)c->in[1]->data != 0 : 1;
    t->state = calloc((size_t)t->carried + 1, sizeof *t->state);
    for (int i = 0; t->state && i < t->carried; i++) {
        size_t bytes = rt_tensor_bytes(c->in[2 + i]);
        if (!(t->state[i] = malloc(bytes + 1)))
            return rt_kernel_refuse(c, RT_EMEM, "no memory to run it");
        if (bytes > 0)
            memcpy(t->state[i], c->in[2 + i]->data, bytes);
    }
    return t->state ? running_open(&t->r, c, 0) : rt_kernel_refuse(c, RT_EMEM, "no memory to run it");
}

static int turns_run(struct turns *t, struct rt_kernel_call *c)
{
    for (; t->go_on && t->turn < t->most; t->turn++) {
        if (t->turn == TURNS_MAX)
            return rt_kernel_refuse(c, RT_ERANGE, "more than %d turns", TURNS_MAX);
        t->r.data[0] = &t->turn;
        t->r.data[1] = &t->go_on;
        for (int i = 0; i < t->carried; i++)
            t->r.data[2 + i] = t->state[i];
        RT_TRY(rt_frozen_run(t->r.x, t->r.data, c->e));
        for (int i = 0; i < t->carried; i++) {
            const struct rt_tensor *v = rt_frozen_result(t->r.x, 1 + i);
            if (rt_tensor_bytes(v) > 0)
                memcpy(t->state[i], v->data, rt_tensor_bytes(v));
        }
        t->go_on = *(const uint8_t *)rt_frozen_result(t->r.x, 0)->data != 0;
    }
    return 0;
}

static int turns_compute(struct rt_kernel_call *c)
{
    struct turns t = {0};
    int rc = turns_open(&t, c);
    if (rc == 0)
        rc = turns_run(&t, c);
    for (int i = 0; rc == 0 && i < c->outputs; i++)
        if (c->out[i] && rt_tensor_bytes(c->out[i]) > 0)
            memcpy(c->out[i]->data, t.state[i], rt_tensor_bytes(c->out[i]));
    for (int i = 0; t.state && i < t.carried; i++)
        free(t.state[i]);
    free(t.state);
    running_close(&t.r);
    return rc;
}

static const struct rt_kernel kernel_turns = {0, -1, 1, never_shape, turns_compute, NULL, NULL};
static const struct rt_kernel_op op_turns = {"Loop", 1, RT_ONNX_OPSET_MAX, &kernel_turns, 0, " "};

static int turns_check(struct making *m, const struct rt_tensor *own, int carried)
{
    const struct rt_tensor *go_on;
    rt_frozen_output(m->s.body->frozen[0], 0, &go_on);
    if (go_on->dtype != RT_BOOL || rt_tensor_count(go_on) != 1)
        return rt_kernel_refuse(m->c, RT_EMISMATCH, "its condition is not one bool");
    for (int i = 0; i < carried; i++) {
        const struct rt_tensor *t, *was = &own[2 + i];
        rt_frozen_output(m->s.body->frozen[0], 1 + i, &t);
        if (t->dtype != was->dtype || t->rank != was->rank ||
            memcmp(t->dim, was->dim, sizeof *t->dim * (size_t)t->rank) != 0)
            return rt_kernel_refuse(m->c, RT_EMISMATCH, "carried value %d changes its shape, and the number of turns "
                                    "depends on the data", i);
        if (i < m->s.outputs)
            making_output(m, i, 0, 1 + i, true);
    }
    return 0;
}

static int turns_make(struct making *m, const struct rt_onnx *body)
{
    int carried = m->node->inputs - 2;
    if (body->outputs != 1 + carried)
        return rt_kernel_refuse(m->c, RT_EMISMATCH, "it collects a value of each turn, and the number of turns depends "
                                "on the data");
    struct rt_tensor *own = calloc((size_t)carried + 2, sizeof *own);
    if (!own)
        return rt_kernel_refuse(m->c, RT_EMEM, "no memory for its graphs");
    own[0].dtype = RT_I64;
    own[1].dtype = RT_BOOL;
    for (int i = 0; i < carried; i++) {
        own[2 + i] = m->f->value[m->node->in[2 + i]].t;
        own[2 + i].data = NULL;
    }
    int rc = making_values(m);
    if (rc == 0)
        rc = making_freeze(m, body, own);
    if (rc == 0)
        rc = turns_check(m, own, carried);
    free(own);
    return rc;
}

int rt_frozen_take_turns(struct rt_frozen *f, const struct rt_frozen_scope *around,
                         const struct rt_frozen_step *node, const struct rt_kernel_call *c, const struct rt_onnx *body)
{
    struct making m = {f, around, node, c, {.op = &op_turns, .node = node->node}};
    return making_end(&m, turns_make(&m, body));
}
