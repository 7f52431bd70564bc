/* SPDX-License-Identifier: MIT
 * frozen_fuse: several operators that one does better. A row of a table is a function that looks at a step and back at
 * what makes its inputs; where it knows the pattern, the step becomes the one that does it all, and steps before it
 * that nobody else reads are left behind. So a row needs no order of the others, and what comes later finds what came
 * before. Results differ from the file's operators in the last digits only. */
#include "stages/onnx/frozen/frozen_parts.h"
#include "stages/onnx/kernels/fused.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fuse {
    struct rt_frozen *f;
    int values;  /* that the lists have */
    int *maker;  /* [values] step, or -1 */
    int *reads;  /* [values] how often it or another name of it is read, by steps and as an output */
    bool *left;  /* [steps] nobody reads it any more */
};

/* ---- looking back ---- */

static const struct rt_tensor *fuse_tensor(const struct fuse *u, int v)
{
    return &u->f->value[v].t;
}

/* The step that makes a value for one reader alone, if it is of this type; else NULL. */
static struct rt_frozen_step *fuse_maker(const struct fuse *u, int v, const char *type)
{
    int at = v >= 0 && v < u->values ? u->maker[v] : -1;
    struct rt_frozen_step *s = at >= 0 && !u->left[at] ? &u->f->step[at] : NULL;
    return s && u->reads[u->f->value[v].same] == 1 && strcmp(s->op->type, type) == 0 ? s : NULL;
}

/* The same of a value that its pattern reads more than once. */
static struct rt_frozen_step *fuse_maker_of_two(const struct fuse *u, int v, const char *type)
{
    int at = v >= 0 && v < u->values ? u->maker[v] : -1;
    struct rt_frozen_step *s = at >= 0 && !u->left[at] ? &u->f->step[at] : NULL;
    return s && strcmp(s->op->type, type) == 0 ? s : NULL;
}

static bool fuse_is(const struct rt_frozen_step *s, const char *type)
{
    return strcmp(s->op->type, type) == 0;
}

static bool fuse_is_act(const struct rt_frozen_step *s, enum rt_act act)
{
    return s && s->op == &rt_fused_op[RT_FUSED_act] && s->epilogue.act == act;
}

/* A constant number. */
static bool fuse_number(const struct fuse *u, int v, float *number)
{
    if (v < 0 || !u->f->value[v].known || rt_tensor_count(fuse_tensor(u, v)) != 1 ||
        fuse_tensor(u, v)->dtype != RT_F32)
        return false;
    *number = *(const float *)fuse_tensor(u, v)->data;
    return true;
}

static bool fuse_is_number(const struct fuse *u, int v, double want)
{
    float number;
    return fuse_number(u, v, &number) && fabs((double)number - want) <= 1e-6 * fabs(want);
}

/* Of a step of two inputs, the one beside a constant number, which it gives; or -1. */
static int fuse_beside_number(const struct fuse *u, const struct rt_frozen_step *s, float *number)
{
    return fuse_number(u, s->in[1], number) ? s->in[0] : fuse_number(u, s->in[0], number) ? s->in[1] : -1;
}

/* n numbers along the last axis, all other dimensions 1, and known. */
static bool fuse_is_row(const struct fuse *u, int v, int64_t n)
{
    const struct rt_tensor *t = v >= 0 ? fuse_tensor(u, v) : NULL;
    return t && n > 0 && u->f->value[v].known && t->dtype == RT_F32 && t->rank >= 1 && t->dim[t->rank - 1] == n &&
           rt_tensor_count(t) == n;
}

static bool fuse_same_shape(const struct fuse *u, int a, int b)
{
    const struct rt_tensor *x = fuse_tensor(u, a), *y = fuse_tensor(u, b);
    return x->dtype == RT_F32 && y->dtype == RT_F32 && x->rank == y->rank &&
           memcmp(x->dim, y->dim, (size_t)x->rank * sizeof *x->dim) == 0;
}

static int64_t fuse_last_dim(const struct fuse *u, int v)
{
    const struct rt_tensor *t = fuse_tensor(u, v);
    return t->rank > 0 ? t->dim[t->rank - 1] : 0;
}

/* ---- a step becomes another ---- */

/* One reader less; a step whose values nobody reads is left, and so on backwards. */
static void fuse_release(struct fuse *u, int v)
{
    if (v < 0 || v >= u->values || --u->reads[u->f->value[v].same] > 0)
        return;
    int at = u->maker[u->f->value[v].same];
    if (at < 0 || u->left[at])
        return;
    u->left[at] = true;
    for (int i = 0; i < u->f->step[at].inputs; i++)
        fuse_release(u, u->f->step[at].in[i]);
}

/* Makes s an `op` of these inputs; node: whose attributes it reads. 1, or RT_EMEM. */
static int fuse_become(struct fuse *u, struct rt_frozen_step *s, const struct rt_kernel_op *op,
                       const struct rt_onnx_node *node, const int *in, int inputs, struct rt_epilogue e)
{
    int *fresh = malloc(((size_t)inputs + 1) * sizeof *fresh), *old = s->in, olds = s->inputs;
    if (!fresh)
        return RT_EMEM;
    memcpy(fresh, in, (size_t)inputs * sizeof *fresh);
    for (int i = 0; i < inputs; i++)
        if (in[i] >= 0 && in[i] < u->values)
            u->reads[u->f->value[in[i]].same]++;
    s->op = op;
    s->node = node;
    s->in = fresh;
    s->inputs = inputs;
    s->outputs = 1;
    s->epilogue = e;
    for (int i = 0; i < olds; i++)
        fuse_release(u, old[i]);
    free(old);
    RT_TRY(rt_frozen_step_shape(u->f, s));
    return 1;
}

/* ---- activations ---- */

/* ONNX's names; settings: attributes, and what they are when left out. */
static const struct {
    const char *type;
    enum rt_act act;
    const char *name[2];
    float value[2];
} acts[] = {
    {"Relu", RT_ACT_relu, {NULL}, {0}},
    {"LeakyRelu", RT_ACT_leaky_relu, {"alpha"}, {0.01f}},
    {"Sigmoid", RT_ACT_sigmoid, {NULL}, {0}},
    {"HardSigmoid", RT_ACT_hard_sigmoid, {"alpha", "beta"}, {0.2f, 0.5f}},
    {"HardSwish", RT_ACT_hard_swish, {NULL}, {0}},
    {"Tanh", RT_ACT_tanh, {NULL}, {0}},
    {"Erf", RT_ACT_erf, {NULL}, {0}},
    {"Exp", RT_ACT_exp, {NULL}, {0}},
    {"Gelu", RT_ACT_gelu, {NULL}, {0}},
    {"Clip", RT_ACT_clip, {"min", "max"}, {-INFINITY, INFINITY}},
};

/* From attributes, or, as Clip since opset 11, from constants behind the first input. */
static int fuse_act(struct fuse *u, struct rt_frozen_step *s)
{
    size_t i = 0;
    while (i < sizeof acts / sizeof *acts && !fuse_is(s, acts[i].type))
        i++;
    if (i == sizeof acts / sizeof *acts || fuse_tensor(u, s->in[0])->dtype != RT_F32)
        return 0;
    const struct rt_onnx_attr *way = rt_onnx_attr(s->node, "approximate"); /* Gelu's */
    bool tanh = acts[i].act == RT_ACT_gelu && way && strcmp(way->s, "tanh") == 0;
    struct rt_epilogue e = {.act = tanh ? RT_ACT_gelu_tanh : acts[i].act};
    float *setting[2] = {&e.a, &e.b};
    for (int k = 0; k < 2; k++) {
        const struct rt_onnx_attr *a = acts[i].name[k] ? rt_onnx_attr(s->node, acts[i].name[k]) : NULL;
        *setting[k] = a ? a->f : acts[i].value[k];
        if (k + 1 < s->inputs && s->in[k + 1] >= 0 && !fuse_number(u, s->in[k + 1], setting[k]))
            return 0;
    }
    return fuse_become(u, s, &rt_fused_op[RT_FUSED_act], s->node, s->in, 1, e);
}

/* x sigmoid(x), x hard_sigmoid(x). */
static int fuse_gate(struct fuse *u, struct rt_frozen_step *s)
{
    for (int i = 0; fuse_is(s, "Mul") && i < 2; i++) {
        const struct rt_frozen_step *gate = fuse_maker(u, s->in[i], "Activation");
        if (!gate || gate->in[0] != s->in[1 - i])
            continue;
        bool hard = fuse_is_act(gate, RT_ACT_hard_sigmoid) && fabsf(gate->epilogue.a * 6 - 1) < 1e-6f &&
                    gate->epilogue.b == 0.5f;
        if (hard || fuse_is_act(gate, RT_ACT_sigmoid))
            return fuse_become(u, s, &rt_fused_op[RT_FUSED_act], s->node, gate->in, 1,
                               (struct rt_epilogue){.act = hard ? RT_ACT_hard_swish : RT_ACT_silu});
    }
    return 0;
}

/* 1 + erf(x / sqrt 2): x, or -1. */
static int fuse_gelu_inside(const struct fuse *u, int v)
{
    const struct rt_frozen_step *add = fuse_maker(u, v, "Add");
    float one = 0, by = 0;
    int inner = add ? fuse_beside_number(u, add, &one) : -1;
    const struct rt_frozen_step *erf = fuse_maker(u, inner, "Activation");
    if (one != 1 || !fuse_is_act(erf, RT_ACT_erf))
        return -1;
    const struct rt_frozen_step *div = fuse_maker(u, erf->in[0], "Div"), *mul = fuse_maker(u, erf->in[0], "Mul");
    if (div && fuse_is_number(u, div->in[1], 1.4142135623730951))
        return div->in[0];
    int x = mul ? fuse_beside_number(u, mul, &by) : -1;
    return fabsf(by - 0.70710678f) < 1e-6f ? x : -1;
}

/* Three factors, multiplied in whatever order: x, 1/2, and 1 + erf(x / sqrt 2). */
static int fuse_gelu(struct fuse *u, struct rt_frozen_step *s)
{
    for (int i = 0; fuse_is(s, "Mul") && i < 2; i++) {
        const struct rt_frozen_step *m = fuse_maker(u, s->in[i], "Mul");
        int factor[3] = {s->in[1 - i], m ? m->in[0] : -1, m ? m->in[1] : -1};
        for (int k = 0; m && k < 6; k++) {
            int x = factor[k / 2], a = factor[(k / 2 + 1 + k % 2) % 3], b = factor[(k / 2 + 2 - k % 2) % 3];
            if (fuse_is_number(u, a, 0.5) && fuse_gelu_inside(u, b) == x && x >= 0)
                return fuse_become(u, s, &rt_fused_op[RT_FUSED_act], s->node, &x, 1,
                                   (struct rt_epilogue){.act = RT_ACT_gelu});
        }
    }
    return 0;
}

/* ---- layer-norm ---- */

/* ReduceMean over the last axis alone, which stays as 1: its input, or -1. */
static int fuse_mean_of(const struct fuse *u, int v)
{
    const struct rt_frozen_step *s = fuse_maker(u, v, "ReduceMean");
    const struct rt_onnx_attr *a = s ? rt_onnx_attr(s->node, "axes") : NULL;
    if (!s || fuse_tensor(u, v)->rank != fuse_tensor(u, s->in[0])->rank || fuse_last_dim(u, s->in[0]) < 1)
        return -1;
    int64_t axis = 0;
    if (a)
        axis = a->count == 1 ? a->ints[0] : 0;
    else if (s->inputs > 1 && s->in[1] >= 0 && u->f->value[s->in[1]].known &&
             rt_tensor_count(fuse_tensor(u, s->in[1])) == 1)
        axis = (int64_t)rt_tensor_element(fuse_tensor(u, s->in[1]), 0);
    return axis == -1 || axis == fuse_tensor(u, s->in[0])->rank - 1 ? s->in[0] : -1;
}

/* x - mean(x): x, or -1. */
static int fuse_centred(const struct fuse *u, int v)
{
    const struct rt_frozen_step *s = fuse_maker_of_two(u, v, "Sub");
    return s && fuse_mean_of(u, s->in[1]) == s->in[0] ? s->in[0] : -1;
}

/* sqrt(mean((x - mean(x))^2) + epsilon): x, or -1. */
static int fuse_deviation(const struct fuse *u, int v, float *epsilon)
{
    const struct rt_frozen_step *root = fuse_maker(u, v, "Sqrt");
    const struct rt_frozen_step *add = root ? fuse_maker(u, root->in[0], "Add") : NULL;
    int square = add ? fuse_mean_of(u, fuse_beside_number(u, add, epsilon)) : -1;
    const struct rt_frozen_step *pow = fuse_maker(u, square, "Pow"), *mul = fuse_maker(u, square, "Mul");
    if (pow && fuse_is_number(u, pow->in[1], 2))
        return fuse_centred(u, pow->in[0]);
    return mul && mul->in[0] == mul->in[1] ? fuse_centred(u, mul->in[0]) : -1;
}

static int fuse_layer_norm(struct fuse *u, struct rt_frozen_step *s)
{
    if (!fuse_is(s, "Add"))
        return 0;
    for (int i = 0; i < 4; i++) {
        int beta = s->in[i % 2];
        const struct rt_frozen_step *mul = fuse_maker(u, s->in[1 - i % 2], "Mul");
        if (!mul)
            continue;
        int gamma = mul->in[i / 2];
        const struct rt_frozen_step *div = fuse_maker(u, mul->in[1 - i / 2], "Div");
        struct rt_epilogue e = {0};
        int x = div ? fuse_centred(u, div->in[0]) : -1;
        if (x >= 0 && fuse_deviation(u, div->in[1], &e.number) == x && fuse_is_row(u, gamma, fuse_last_dim(u, x)) &&
            fuse_is_row(u, beta, fuse_last_dim(u, x)) && fuse_same_shape(u, x, s->out[0]))
            return fuse_become(u, s, &rt_fused_op[RT_FUSED_layer_rows], s->node, (int[]){x, gamma, beta}, 3, e);
    }
    return 0;
}

/* ONNX's own, over the last axis. */
static int fuse_layer_norm_whole(struct fuse *u, struct rt_frozen_step *s)
{
    const struct rt_onnx_attr *axis = rt_onnx_attr(s->node, "axis"), *e = rt_onnx_attr(s->node, "epsilon");
    int rank = fuse_tensor(u, s->in[0])->rank;
    if (s->op == &rt_fused_op[RT_FUSED_layer_rows] || !fuse_is(s, "LayerNormalization") || s->inputs < 3 ||
        (axis && axis->i != -1 && axis->i != rank - 1) || !fuse_is_row(u, s->in[1], fuse_last_dim(u, s->in[0])) ||
        !fuse_is_row(u, s->in[2], fuse_last_dim(u, s->in[0])))
        return 0;
    for (int i = 1; i < s->outputs; i++)
        if (s->out[i] >= 0)
            return 0;
    return fuse_become(u, s, &rt_fused_op[RT_FUSED_layer_rows], s->node, s->in, 3,
                       (struct rt_epilogue){.number = e ? e->f : 1e-5f});
}

/* ---- products with constant weights ---- */

static int64_t fuse_int(const struct rt_frozen_step *s, const char *name, int64_t otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(s->node, name);
    return a && a->kind == RT_ONNX_INT ? a->i : otherwise;
}

static float fuse_float(const struct rt_frozen_step *s, const char *name, float otherwise)
{
    const struct rt_onnx_attr *a = rt_onnx_attr(s->node, name);
    return a && a->kind == RT_ONNX_FLOAT ? a->f : otherwise;
}

static int fuse_linear(struct fuse *u, struct rt_frozen_step *s)
{
    bool gemm = fuse_is(s, "Gemm");
    if (!gemm && !fuse_is(s, "MatMul"))
        return 0;
    const struct rt_tensor *x = fuse_tensor(u, s->in[0]), *w = fuse_tensor(u, s->in[1]);
    bool bias = s->inputs > 2 && s->in[2] >= 0;
    if (x->rank < 2 || w->rank != 2 || !u->f->value[s->in[1]].known || rt_tensor_count(w) == 0 ||
        rt_tensor_count(x) == 0 || rt_tensor_count(x) >= INT32_MAX || x->dtype != RT_F32 ||
        rt_tensor_count(fuse_tensor(u, s->out[0])) >= INT32_MAX)
        return 0;
    if (gemm && (fuse_int(s, "transA", 0) || fuse_float(s, "alpha", 1) != 1 ||
                 (bias && (fuse_float(s, "beta", 1) != 1 || !fuse_is_row(u, s->in[2], fuse_last_dim(u, s->out[0]))))))
        return 0;
    return fuse_become(u, s, &rt_fused_op[RT_FUSED_linear], s->node, s->in, bias ? 3 : 2, (struct rt_epilogue){0});
}

/* ---- softmax and attention ---- */

/* Over the last axis; before opset 13 the axes from one on were meant. */
static int fuse_softmax(struct fuse *u, struct rt_frozen_step *s)
{
    const struct rt_tensor *x = fuse_tensor(u, s->in[0]);
    if (s->op == &rt_fused_op[RT_FUSED_softmax_rows] || !fuse_is(s, "Softmax") || x->dtype != RT_F32 || x->rank < 1)
        return 0;
    int64_t axis = fuse_int(s, "axis", rt_frozen_opset(u->f, s->node) < 13 ? 1 : -1);
    if (axis != -1 && axis != x->rank - 1)
        return 0;
    return fuse_become(u, s, &rt_fused_op[RT_FUSED_softmax_rows], s->node, s->in, 1,
                       (struct rt_epilogue){.number = 1});
}

/* A Transpose of these four axes: its input, and true. */
static bool fuse_turned(const struct fuse *u, int *v, const int64_t *perm)
{
    const struct rt_frozen_step *s = fuse_maker(u, *v, "Transpose");
    const struct rt_onnx_attr *a = s ? rt_onnx_attr(s->node, "perm") : NULL;
    if (!a || a->count != 4 || memcmp(a->ints, perm, 4 * sizeof *perm) != 0)
        return false;
    *v = s->in[0];
    return true;
}

/* Scores behind their scale and mask: the product of queries and keys, or NULL. */
static const struct rt_frozen_step *fuse_scores(const struct fuse *u, int v, int *mask, float *scale)
{
    const struct rt_frozen_step *add = fuse_maker(u, v, "Add");
    *mask = -1;
    *scale = 1;
    for (int i = 0; add && i < 2 && *mask < 0; i++)
        if (fuse_maker(u, add->in[1 - i], "Mul") || fuse_maker(u, add->in[1 - i], "Div") ||
            fuse_maker(u, add->in[1 - i], "MatMul")) {
            *mask = add->in[i];
            v = add->in[1 - i];
        }
    const struct rt_frozen_step *mul = fuse_maker(u, v, "Mul"), *div = fuse_maker(u, v, "Div");
    if (mul)
        v = fuse_beside_number(u, mul, scale);
    if (div && fuse_number(u, div->in[1], scale)) {
        v = div->in[0];
        *scale = 1 / *scale;
    }
    return fuse_maker(u, v, "MatMul");
}

/* A mask [1 or b, 1 or heads, 1 or queries, keys]. */
static bool fuse_mask_fits(const struct fuse *u, int mask, const struct rt_tensor *scores)
{
    const struct rt_tensor *m = mask < 0 ? NULL : fuse_tensor(u, mask);
    if (!m)
        return true;
    bool fits = m->dtype == RT_F32 && m->rank >= 1 && m->rank <= 4 && m->dim[m->rank - 1] == scores->dim[3];
    for (int i = 0; fits && i < m->rank; i++)
        fits = m->dim[i] == 1 || m->dim[i] == scores->dim[4 - m->rank + i];
    return fits;
}

/* Softmax of scores times values; heads may stand behind places before it. */
static int fuse_attention(struct fuse *u, struct rt_frozen_step *s)
{
    static const int64_t swap[] = {0, 2, 1, 3}, swap_turn[] = {0, 2, 3, 1}, turn[] = {0, 1, 3, 2};
    const struct rt_frozen_step *soft = fuse_is(s, "MatMul") ? fuse_maker(u, s->in[0], "Softmax") : NULL;
    struct rt_epilogue e = {0};
    int mask;
    if (!soft || soft->op != &rt_fused_op[RT_FUSED_softmax_rows])
        return 0;
    const struct rt_frozen_step *product = fuse_scores(u, soft->in[0], &mask, &e.number);
    if (!product)
        return 0;
    const struct rt_tensor *scores = fuse_tensor(u, product->out[0]);
    int in[4] = {product->in[0], product->in[1], s->in[1], mask};
    for (int i = 0; i < 3; i++)
        if (in[i] < 0 || fuse_tensor(u, in[i])->rank != 4 || fuse_tensor(u, in[i])->dim[0] != scores->dim[0] ||
            fuse_tensor(u, in[i])->dim[1] != scores->dim[1] || rt_tensor_count(fuse_tensor(u, in[i])) == 0)
            return 0;
    if (!fuse_mask_fits(u, mask, scores))
        return 0;
    e.bits |= fuse_turned(u, &in[0], swap) ? RT_ATTENTION_QUERIES : 0;
    e.bits |= fuse_turned(u, &in[2], swap) ? RT_ATTENTION_VALUES : 0;
    if (fuse_turned(u, &in[1], swap_turn))
        e.bits |= RT_ATTENTION_KEYS;
    else if (fuse_turned(u, &in[1], turn))
        e.bits |= fuse_turned(u, &in[1], swap) ? RT_ATTENTION_KEYS : 0;
    else
        e.bits |= RT_ATTENTION_KEYS_TURNED;
    return fuse_become(u, s, &rt_fused_op[RT_FUSED_attention], s->node, in, mask < 0 ? 3 : 4, e);
}

/* Its output with heads behind places. */
static int fuse_attention_out(struct fuse *u, struct rt_frozen_step *s)
{
    static const int64_t swap[] = {0, 2, 1, 3};
    int v = s->out[0];
    const struct rt_onnx_attr *a = fuse_is(s, "Transpose") ? rt_onnx_attr(s->node, "perm") : NULL;
    const struct rt_frozen_step *p = a ? fuse_maker(u, s->in[0], "Attention") : NULL;
    if (!p || v < 0 || a->count != 4 || memcmp(a->ints, swap, sizeof swap) != 0 ||
        p->epilogue.bits & RT_ATTENTION_OUT)
        return 0;
    struct rt_epilogue e = p->epilogue;
    e.bits |= RT_ATTENTION_OUT;
    return fuse_become(u, s, p->op, p->node, p->in, p->inputs, e);
}

/* ---- behind sums ---- */

/* A convolution or product that makes a value for one reader. */
static struct rt_frozen_step *fuse_sums(const struct fuse *u, int v)
{
    struct rt_frozen_step *s = fuse_maker(u, v, "Conv");
    s = s ? s : fuse_maker(u, v, "Linear");
    return s && (s->op == &rt_fused_op[RT_FUSED_last_conv] || s->op == &rt_fused_op[RT_FUSED_linear]) ? s : NULL;
}

/* A new constant, [n] zeros or a copy of v. */
static int fuse_constant(struct fuse *u, int v, int64_t n)
{
    int added = rt_frozen_value_add(u->f, "");
    const struct rt_tensor *t = v < 0 ? NULL : fuse_tensor(u, v);
    if (added < 0 || rt_tensor_init(&u->f->value[added].t, RT_F32, t ? t->rank : 1, t ? t->dim : &n) < 0)
        return -1;
    struct rt_frozen_value *c = &u->f->value[added];
    c->owned = c->known = c->made = true;
    if (t)
        memcpy(c->t.data, t->data, rt_tensor_bytes(&c->t));
    else
        memset(c->t.data, 0, rt_tensor_bytes(&c->t));
    return added;
}

/* Behind sums, a factor and a term for each unit: they go into the weights. */
static int fuse_scale(struct fuse *u, struct rt_frozen_step *s, const struct rt_frozen_step *p, int factor, int term)
{
    int64_t units = fuse_last_dim(u, s->out[0]);
    int in[3] = {p->in[0], p->in[1], p->inputs > 2 ? p->in[2] : -1};
    in[2] = fuse_constant(u, in[2], units);
    in[1] = factor >= 0 && in[2] >= 0 ? fuse_constant(u, in[1], 0) : in[1];
    if (in[2] < 0 || in[1] < 0)
        return RT_EMEM;
    const float *by = factor >= 0 ? fuse_tensor(u, factor)->data : NULL;
    const float *plus = term >= 0 ? fuse_tensor(u, term)->data : NULL;
    float *bias = fuse_tensor(u, in[2])->data, *weight = fuse_tensor(u, in[1])->data;
    int64_t count = rt_tensor_count(fuse_tensor(u, in[1])), apart = count / units;
    bool rows = p->op != &rt_fused_op[RT_FUSED_linear] || fuse_int(p, "transB", 0);
    for (int64_t i = 0; by && i < count; i++)
        weight[i] *= by[rows ? i / apart : i % units];
    for (int64_t i = 0; i < units; i++)
        bias[i] = bias[i] * (by ? by[i] : 1) + (plus ? plus[i] : 0);
    return fuse_become(u, s, p->op, p->node, in, 3, p->epilogue);
}

static int fuse_row_behind(struct fuse *u, struct rt_frozen_step *s)
{
    bool mul = fuse_is(s, "Mul");
    for (int i = 0; (mul || fuse_is(s, "Add")) && i < 2; i++) {
        const struct rt_frozen_step *p = fuse_sums(u, s->in[i]);
        int row = s->in[1 - i];
        if (p && !p->epilogue.act && !p->epilogue.other && fuse_is_row(u, row, fuse_last_dim(u, s->in[i])) &&
            fuse_same_shape(u, s->in[i], s->out[0]))
            return fuse_scale(u, s, p, mul ? row : -1, mul ? -1 : row);
    }
    return 0;
}

/* Another tensor of the same shape: by the later of two that could. */
static int fuse_add_behind(struct fuse *u, struct rt_frozen_step *s)
{
    const struct rt_frozen_step *best = NULL;
    int other = -1;
    for (int i = 0; fuse_is(s, "Add") && i < 2; i++) {
        const struct rt_frozen_step *p = fuse_sums(u, s->in[i]);
        if (p && p > best && !p->epilogue.act && !p->epilogue.other && s->in[0] != s->in[1] &&
            fuse_same_shape(u, s->in[0], s->in[1])) {
            best = p;
            other = s->in[1 - i];
        }
    }
    if (!best)
        return 0;
    int in[4] = {best->in[0], best->in[1], best->inputs > 2 ? best->in[2] : -1, other};
    struct rt_epilogue e = best->epilogue;
    e.other = 3;
    return fuse_become(u, s, best->op, best->node, in, 4, e);
}

static int fuse_act_behind(struct fuse *u, struct rt_frozen_step *s)
{
    const struct rt_frozen_step *p = fuse_is(s, "Activation") ? fuse_sums(u, s->in[0]) : NULL;
    p = p ? p : fuse_is(s, "Activation") ? fuse_maker(u, s->in[0], "Affine") : NULL;
    if (!p || p->epilogue.act)
        return 0;
    struct rt_epilogue e = p->epilogue;
    e.act = s->epilogue.act;
    e.a = s->epilogue.a;
    e.b = s->epilogue.b;
    return fuse_become(u, s, p->op, p->node, p->in, p->inputs, e);
}

/* ---- the tables ---- */

typedef int fuse_row(struct fuse *u, struct rt_frozen_step *s); /* 1: done; 0: another pattern; RT_EMEM */

static fuse_row *const patterns[] = {fuse_act, fuse_gate, fuse_gelu, fuse_layer_norm, fuse_layer_norm_whole,
                                     fuse_linear, fuse_softmax, fuse_attention, fuse_attention_out, NULL};
static fuse_row *const behind[] = {fuse_row_behind, fuse_add_behind, fuse_act_behind, NULL};

static void fuse_count(struct fuse *u)
{
    const struct rt_frozen *f = u->f;
    for (int i = 0; i < u->values; i++)
        u->maker[i] = -1;
    for (int k = 0; k < f->steps; k++) {
        for (int i = 0; i < f->step[k].outputs; i++)
            if (f->step[k].out[i] >= 0)
                u->maker[f->step[k].out[i]] = k;
        for (int i = 0; i < f->step[k].inputs; i++)
            if (f->step[k].in[i] >= 0)
                u->reads[f->value[f->step[k].in[i]].same]++;
    }
    for (int i = 0; i < f->outputs; i++)
        u->reads[f->value[f->output[i]].same]++;
}

/* Each step once, and again for as long as it becomes something new. */
static int fuse_all(struct rt_frozen *f, fuse_row *const *row)
{
    struct fuse u = {.f = f, .values = f->values};
    int rc = RT_EMEM;
    u.maker = malloc(((size_t)f->values + 1) * sizeof *u.maker);
    u.reads = calloc((size_t)f->values + 1, sizeof *u.reads);
    u.left = calloc((size_t)f->steps + 1, sizeof *u.left);
    if (!u.maker || !u.reads || !u.left)
        goto out;
    fuse_count(&u);
    rc = 0;
    for (int k = 0; k < f->steps && rc >= 0; k++)
        for (int i = 0; row[i] && rc >= 0 && f->step[k].out[0] >= 0 && f->step[k].inputs > 0; i++) {
            rc = row[i](&u, &f->step[k]);
            i = rc == 1 ? -1 : i;
        }
    rc = rc < 0 ? rc : 0;
out:
    free(u.maker);
    free(u.reads);
    free(u.left);
    return rc;
}

int rt_frozen_fuse(struct rt_frozen *f)
{
    return fuse_all(f, patterns);
}

int rt_frozen_fuse_behind(struct rt_frozen *f)
{
    return fuse_all(f, behind);
}
