/* SPDX-License-Identifier: MIT
 * frozen_last: keeps pictures and sequences channels last between convolutions. ONNX keeps them [n, c, axes...]; the
 * engine of stages/nn wants the channels of a place beside each other, where registers take them together. So the steps
 * are gone through in order: a convolution takes its input channels last and gives its output so; what can work in
 * either order goes along (the table at the end); everything else gets the file's order back. A value is brought from
 * one order to the other at most once, and where all places are one, or an exporter's Transpose asks for it, it costs
 * nothing. */
#include "stages/onnx/frozen/frozen_parts.h"
#include "stages/onnx/kernels/fused.h"

#include <stdlib.h>
#include <string.h>

struct last {
    struct rt_frozen *f;
    int *of;     /* [known] a value's version with channels last, or -1 */
    bool *first; /* [known] is there one as the file has it? */
    int known;   /* values that there were before */
    const struct rt_onnx_node *node; /* of the step at hand, for steps that it needs */
};

/* ---- values in both orders ---- */

/* A value that is another's under a second name, in the same shape, is that one. */
static int last_value(const struct last *l, int v)
{
    int same = l->f->value[v].same;
    if (same >= l->known)
        return v;
    const struct rt_tensor *a = &l->f->value[v].t, *b = &l->f->value[same].t;
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 ? same : v;
}

static bool last_has(const struct last *l, int v)
{
    return v >= 0 && l->of[last_value(l, v)] >= 0;
}

/* Are both orders the same bytes? */
static bool last_is_flat(const struct rt_tensor *t)
{
    return t->dim[1] == 1 || rt_kernel_span(t, 2, t->rank) == 1;
}

static struct rt_tensor last_shape_of(const struct rt_tensor *t)
{
    struct rt_tensor last = *t;
    last.data = NULL;
    memcpy(last.dim + 1, t->dim + 2, (size_t)(t->rank - 2) * sizeof *t->dim);
    last.dim[t->rank - 1] = t->dim[1];
    return last;
}

static int last_append_move(struct last *l, enum rt_fused which, int from, int to)
{
    struct rt_frozen_step s = {.op = &rt_fused_op[which], .node = l->node, .inputs = 1, .outputs = 1};
    s.in = malloc(sizeof *s.in);
    s.out = malloc(sizeof *s.out);
    if (s.in && s.out) {
        s.in[0] = from;
        s.out[0] = to;
        if (rt_frozen_append(l->f, &s) == 0)
            return 0;
    }
    rt_frozen_step_fini(&s);
    return RT_EMEM;
}

/* Makes the value as the file has it, where there is none yet. */
static int last_need_first(struct last *l, int v)
{
    struct rt_frozen_value *value = l->f->value;
    int root = value[v].same;
    if (root >= l->known || l->first[root])
        return 0;
    l->first[root] = true;
    if (!last_is_flat(&value[root].t))
        return last_append_move(l, RT_FUSED_to_first, l->of[root], root);
    value[root].same = value[l->of[root]].same;
    return 0;
}

/* A constant, with channels last: its dimensions lined up at the right of `rank` ones. */
static int last_constant(struct last *l, int v, int rank)
{
    struct rt_tensor wide = l->f->value[v].t;
    int less = rank - wide.rank, added = rt_frozen_value_add(l->f, l->f->value[v].name);
    memmove(wide.dim + less, wide.dim, (size_t)wide.rank * sizeof *wide.dim);
    for (int i = 0; i < less; i++)
        wide.dim[i] = 1;
    wide.rank = rank;
    struct rt_tensor shape = last_shape_of(&wide);
    if (added < 0 || rt_tensor_init(&l->f->value[added].t, RT_F32, rank, shape.dim) < 0)
        return RT_EMEM;
    l->f->value[added].owned = l->f->value[added].made = l->f->value[added].known = true;
    int64_t places = rt_kernel_span(&wide, 2, rank), one = wide.dim[1] * places;
    for (int64_t n = 0; n < wide.dim[0]; n++)
        rt_swap_axes((const float *)wide.data + n * one, (float *)l->f->value[added].t.data + n * one, wide.dim[1],
                     places);
    return added;
}

/* The number of the value's version with channels last, or RT_EMEM. */
static int last_need_last(struct last *l, int v)
{
    v = last_value(l, v);
    if (l->of[v] >= 0)
        return l->of[v];
    RT_TRY(last_need_first(l, v));
    int added = rt_frozen_value_add(l->f, l->f->value[v].name);
    if (added < 0)
        return RT_EMEM;
    l->of[v] = added;
    struct rt_tensor *t = &l->f->value[v].t;
    bool flat = last_is_flat(t);
    if (flat)
        rt_frozen_alias(l->f, added, v);
    l->f->value[added].t = last_shape_of(t);
    l->f->value[added].made = true;
    return flat ? added : last_append_move(l, RT_FUSED_to_last, v, added) < 0 ? RT_EMEM : added;
}

/* ---- steps ----
 * Each row of the table takes a step over (1), leaves it as it is (0), or has no memory. */

/* The step with this operator; in[i] already are the versions that it wants. */
static int last_take(struct last *l, struct rt_frozen_step *s, const struct rt_kernel_op *op)
{
    int out = s->out[0], added = rt_frozen_value_add(l->f, l->f->value[out].name);
    if (added < 0)
        return RT_EMEM;
    l->of[out] = added;
    l->first[out] = false;
    s->op = op;
    s->out[0] = added;
    s->outputs = 1;
    RT_TRY(rt_frozen_step_shape(l->f, s));
    RT_TRY(rt_frozen_append(l->f, s));
    *s = (struct rt_frozen_step){0};
    return 1;
}

static int last_take_with(struct last *l, struct rt_frozen_step *s, const struct rt_kernel_op *op)
{
    int x = last_need_last(l, s->in[0]);
    if (x < 0)
        return x;
    s->in[0] = x;
    return last_take(l, s, op);
}

static int last_conv(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_tensor *in[3] = {0};
    struct rt_tensor *out[1] = {&l->f->value[s->out[0]].t};
    struct rt_kernel_call c = {.op = s->op, .node = s->node, .opset = rt_frozen_opset(l->f, s->node),
                               .inputs = s->inputs, .outputs = 1, .in = in, .out = out};
    for (int i = 0; i < s->inputs; i++)
        in[i] = s->in[i] < 0 ? NULL : &l->f->value[s->in[i]].t;
    return rt_last_conv_takes(&c) ? last_take_with(l, s, &rt_fused_op[RT_FUSED_last_conv]) : 0;
}

static int last_same(struct last *l, struct rt_frozen_step *s)
{
    return last_has(l, s->in[0]) ? last_take_with(l, s, s->op) : 0;
}

static int last_pool(struct last *l, struct rt_frozen_step *s, enum rt_fused which)
{
    bool fits = last_has(l, s->in[0]) && l->f->value[s->in[0]].t.rank <= 4 && (s->outputs < 2 || s->out[1] < 0);
    return fits ? last_take_with(l, s, &rt_fused_op[which]) : 0;
}

static int last_max_pool(struct last *l, struct rt_frozen_step *s)
{
    return last_pool(l, s, RT_FUSED_last_max);
}

static int last_average_pool(struct last *l, struct rt_frozen_step *s)
{
    return last_pool(l, s, RT_FUSED_last_average);
}

static int last_mean(struct last *l, struct rt_frozen_step *s)
{
    return last_pool(l, s, RT_FUSED_last_mean);
}

/* Over all axes behind the channels it is a GlobalAveragePool. The axes are an attribute or, later, an input. */
static int last_reduce_mean(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(s->node, "axes");
    const struct rt_frozen_value *v = s->inputs > 1 && s->in[1] >= 0 ? &l->f->value[s->in[1]] : NULL;
    bool known = v && v->known && v->t.dtype == RT_I64;
    const int64_t *axis = a ? a->ints : known ? v->t.data : NULL;
    int count = a ? a->count : known ? (int)rt_tensor_count(&v->t) : 0, rank = l->f->value[s->in[0]].t.rank, all = 0;
    for (int i = 0; i < count; i++)
        all |= 1 << (axis[i] < 0 ? axis[i] + rank : axis[i]);
    if (count != rank - 2 || all != (1 << rank) - 4 || !last_has(l, s->in[0]))
        return 0;
    s->inputs = 1;
    return last_take_with(l, s, &rt_fused_op[RT_FUSED_last_mean]);
}

static int last_batch_norm(struct last *l, struct rt_frozen_step *s)
{
    bool known = last_has(l, s->in[0]) && (s->outputs < 2 || s->out[1] < 0);
    for (int i = 1; i < 5; i++)
        known = known && l->f->value[s->in[i]].known;
    return known ? last_take_with(l, s, &rt_fused_op[RT_FUSED_last_affine]) : 0;
}

static int last_concat(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_tensor *y = &l->f->value[s->out[0]].t;
    const struct rt_onnx_attr *axis = rt_onnx_attr(s->node, "axis");
    bool any = false;
    if (!axis || (axis->i != 1 && axis->i != 1 - y->rank))
        return 0;
    for (int i = 0; i < s->inputs; i++) {
        any = any || last_has(l, s->in[i]);
        if (l->f->value[s->in[i]].known)
            return 0;
    }
    for (int i = 0; any && i < s->inputs; i++)
        if ((s->in[i] = last_need_last(l, s->in[i])) < 0)
            return RT_EMEM;
    return any ? last_take(l, s, &rt_fused_op[RT_FUSED_last_concat]) : 0;
}

/* Two inputs that broadcast: of the same rank, or constants. */
static int last_broadcast(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_frozen_value *value = l->f->value;
    int rank = value[s->out[0]].t.rank;
    bool any = false;
    for (int i = 0; i < s->inputs; i++) {
        const struct rt_frozen_value *v = &value[s->in[i]];
        any = any || last_has(l, s->in[i]);
        if (v->t.dtype != RT_F32 || (!v->known && v->t.rank != rank))
            return 0;
    }
    for (int i = 0; any && i < s->inputs; i++) {
        const struct rt_frozen_value *v = &l->f->value[s->in[i]];
        if (v->known && rt_tensor_count(&v->t) == 1)
            continue;
        s->in[i] = v->known ? last_constant(l, s->in[i], rank) : last_need_last(l, s->in[i]);
        if (s->in[i] < 0)
            return RT_EMEM;
    }
    return any ? last_take(l, s, s->op) : 0;
}

/* To channels last: the value is there already. From channels last: its input is that version of its output. */
static int last_transpose(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_tensor *x = &l->f->value[s->in[0]].t;
    const struct rt_onnx_attr *perm = rt_onnx_attr(s->node, "perm");
    int rank = x->rank, last = 0, first = 0;
    for (int i = 0; perm && i < rank; i++) {
        last += perm->ints[i] == (i == 0 ? 0 : i == rank - 1 ? 1 : i + 1);
        first += perm->ints[i] == (i == 0 ? 0 : i == 1 ? rank - 1 : i - 1);
    }
    if (x->dtype != RT_F32)
        return 0;
    if (last == rank && last_has(l, s->in[0])) {
        rt_frozen_alias(l->f, s->out[0], l->of[last_value(l, s->in[0])]);
        return 1;
    }
    if (first != rank)
        return 0;
    RT_TRY(last_need_first(l, s->in[0]));
    l->of[s->out[0]] = s->in[0];
    l->first[s->out[0]] = false;
    return 1;
}

/* By the names of the steps' operators. */
static const struct {
    const char *type;
    int (*take)(struct last *l, struct rt_frozen_step *s);
} rows[] = {
    {"Conv", last_conv},
    {"Activation", last_same},
    {"MaxPool", last_max_pool},
    {"AveragePool", last_average_pool},
    {"GlobalAveragePool", last_mean},
    {"ReduceMean", last_reduce_mean},
    {"BatchNormalization", last_batch_norm},
    {"Concat", last_concat},
    {"Add", last_broadcast},
    {"Sub", last_broadcast},
    {"Mul", last_broadcast},
    {"Div", last_broadcast},
    {"PRelu", last_broadcast},
    {"Transpose", last_transpose},
};

static int last_step(struct last *l, struct rt_frozen_step *s)
{
    const struct rt_tensor *y = s->out[0] >= 0 ? &l->f->value[s->out[0]].t : NULL;
    int rank = s->in && s->inputs && s->in[0] >= 0 ? l->f->value[s->in[0]].t.rank : 0;
    l->node = s->node;
    for (size_t i = 0; y && y->dtype == RT_F32 && rank >= 3 && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].type, s->op->type) == 0) {
            int rc = rows[i].take(l, s);
            if (rc != 0)
                return rc < 0 ? rc : 0;
        }
    for (int i = 0; i < s->inputs; i++)
        if (s->in[i] >= 0)
            RT_TRY(last_need_first(l, s->in[i]));
    RT_TRY(rt_frozen_append(l->f, s));
    *s = (struct rt_frozen_step){0};
    return 0;
}

/* ---- all ---- */

static int last_run(struct last *l, struct rt_frozen_step *old, int steps)
{
    struct rt_frozen *f = l->f;
    l->of = malloc(((size_t)l->known + 1) * sizeof *l->of);
    l->first = malloc(((size_t)l->known + 1) * sizeof *l->first);
    if (!l->of || !l->first)
        return RT_EMEM;
    for (int i = 0; i < l->known; i++) {
        l->of[i] = -1;
        l->first[i] = true;
    }
    for (int i = 0; i < steps; i++)
        RT_TRY(last_step(l, &old[i]));
    for (int i = 0; i < f->outputs; i++)
        RT_TRY(last_need_first(l, f->output[i]));
    for (int i = 0; i < f->values; i++)
        while (f->value[f->value[i].same].same != f->value[i].same)
            f->value[i].same = f->value[f->value[i].same].same;
    return 0;
}

int rt_frozen_channels_last(struct rt_frozen *f)
{
    struct last l = {.f = f, .known = f->values};
    struct rt_frozen_step *old = f->step;
    int steps = f->steps;
    f->step = NULL;
    f->steps = f->steps_room = 0;
    int rc = last_run(&l, old, steps);
    for (int i = 0; i < steps; i++)
        rt_frozen_step_fini(&old[i]);
    free(old);
    free(l.of);
    free(l.first);
    return rc;
}
