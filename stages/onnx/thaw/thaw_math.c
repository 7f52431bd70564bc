/* SPDX-License-Identifier: MIT
 * thaw_math: operators number by number: of one input with constants, of several under broadcasting, or of flags.
 * With a constant of one number they are functions of one number. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"

#include <math.h>
#include <string.h>

/* ---- of one input with constants ----
 * With a constant of one number an operator of two inputs is a function of one: no parameter, no
 * copy for each sample, and an affine function where it is a sum or a product. */

void rt_thaw_relu(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    int node = rt_thaw_node(t, RT_OP_relu, &layout.node, 1, NULL);
    rt_thaw_bind(t, t->step->out[0], node, layout.axis, layout.rank);
}

/* What does nothing to the numbers: Dropout at inference, a cast to floats. */
void rt_thaw_same(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    rt_thaw_bind(t, t->step->out[0], layout.node, layout.axis, layout.rank);
}

/* The layout stays: such a function does not care. */
static void thaw_apply(struct rt_thaw *t, int value, int function, float a, float b)
{
    struct rt_layout layout = rt_thaw_layout(t, value);
    int node = rt_thaw_unary(t, layout.node, function, a, b);
    rt_thaw_bind(t, t->step->out[0], node, layout.axis, layout.rank);
}

/* A bound must be in the file: a computed one would need a gradient of its own. */
void rt_thaw_clip(struct rt_thaw *t, int how)
{
    (void)how;
    float bound[2] = {-INFINITY, INFINITY};
    static const char *const name[] = {"min", "max"};
    for (int i = 0; i < 2; i++) {
        int value = rt_thaw_in(t, i + 1);
        if (t->call.opset < 11)
            bound[i] = (float)rt_kernel_float(&t->call, name[i], (double)bound[i]);
        else if (value >= 0 && !rt_thaw_scalar(t, value, &bound[i]))
            rt_thaw_refuse(t, "%s must be one float in the file", name[i]);
    }
    thaw_apply(t, t->step->in[0], RT_UNARY_clip, bound[0], bound[1]);
}

/* Of exponents only constants, which are what networks have; squares and roots get ops that are
 * exact at 0. */
void rt_thaw_pow(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *p = rt_thaw_tensor(t, t->step->in[1]);
    if (!rt_thaw_constant(t, t->step->in[1]) || rt_tensor_count(p) != 1) {
        rt_thaw_refuse(t, "the exponent must be one number in the file");
        return;
    }
    float exponent = (float)rt_tensor_element(p, 0);
    thaw_apply(t, t->step->in[0],
               exponent == 2      ? RT_UNARY_square
               : exponent == 0.5f ? RT_UNARY_sqrt
                                  : RT_UNARY_pow,
               exponent, 0);
}

static int thaw_pair(struct rt_thaw *t, int function, int u, int v);

/* x times a function of it that lies between 0 and 1 (or -1 and 1): made of nodes, as a student leaves in opset 13,
 * which has neither. */
static void thaw_gate(struct rt_thaw *t, int x, int gate)
{
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    rt_thaw_bind(t, t->step->out[0], thaw_pair(t, RT_BINARY_mul, x, gate), layout.axis, layout.rank);
}

void rt_thaw_gelu(struct rt_thaw *t, int how)
{
    (void)how;
    const float c = 0.7978845608f; /* root of 2 / pi */
    int x = rt_thaw_layout(t, t->step->in[0]).node, inner;
    if (strcmp(rt_kernel_text(&t->call, "approximate", "none"), "tanh") == 0) {
        inner = rt_thaw_unary(t, rt_thaw_unary(t, x, RT_UNARY_square, 0, 0), RT_UNARY_affine, 0.044715f * c, c);
        inner = rt_thaw_unary(t, thaw_pair(t, RT_BINARY_mul, x, inner), RT_UNARY_tanh, 0, 0);
    } else {
        inner = rt_thaw_unary(t, rt_thaw_unary(t, x, RT_UNARY_affine, 0.7071067812f, 0), RT_UNARY_erf, 0, 0);
    }
    thaw_gate(t, x, rt_thaw_unary(t, inner, RT_UNARY_affine, 0.5f, 0.5f));
}

void rt_thaw_mish(struct rt_thaw *t, int how)
{
    (void)how;
    int x = rt_thaw_layout(t, t->step->in[0]).node;
    thaw_gate(t, x, rt_thaw_unary(t, rt_thaw_unary(t, x, RT_UNARY_softplus, 0, 0), RT_UNARY_tanh, 0, 0));
}

/* x and a number: true when that is a function of x alone. */
static bool thaw_with_number(struct rt_thaw *t, int function)
{
    float number = 0;
    int first = rt_thaw_scalar(t, t->step->in[0], &number);
    int x = t->step->in[first];
    if (!first && !rt_thaw_scalar(t, t->step->in[1], &number))
        return false;
    if (rt_tensor_count(rt_thaw_tensor(t, x)) != rt_tensor_count(rt_thaw_tensor(t, t->step->out[0])) ||
        rt_thaw_tensor(t, x)->rank != rt_thaw_tensor(t, t->step->out[0])->rank)
        return false;
    switch (function) {
    case RT_BINARY_add: thaw_apply(t, x, RT_UNARY_affine, 1, number); return true;
    case RT_BINARY_mul: thaw_apply(t, x, RT_UNARY_affine, number, 0); return true;
    case RT_BINARY_max: thaw_apply(t, x, RT_UNARY_clip, number, INFINITY); return true;
    case RT_BINARY_min: thaw_apply(t, x, RT_UNARY_clip, -INFINITY, number); return true;
    case RT_BINARY_sub:
        thaw_apply(t, x, RT_UNARY_affine, first ? -1 : 1, first ? number : -number);
        return true;
    case RT_BINARY_div:
        if (first && number != 1)
            return false;
        thaw_apply(t, x, first ? RT_UNARY_reciprocal : RT_UNARY_affine, first ? 0 : 1 / number, 0);
        return true;
    default: return false;
    }
}

/* ---- of several, under broadcasting ----
 * All inputs are brought into the layout of the one with most dimensions, so that the largest is
 * never moved. */

/* The order of the result's dimensions: those of the input that has most, as they lie; others first. */
static int thaw_common_order(struct rt_thaw *t, int axis[RT_NODE_RANK])
{
    const struct rt_tensor *y = rt_thaw_tensor(t, t->step->out[0]);
    struct rt_layout most = {.rank = -1};
    int shift = 0, n = 0, order[RT_TENSOR_RANK + RT_NODE_RANK];
    unsigned in = 0;
    for (int i = 0; i < t->step->node->inputs && !t->err; i++) {
        int value = t->step->in[i];
        if (rt_thaw_constant(t, value))
            continue;
        struct rt_layout layout = rt_thaw_layout(t, value);
        if (layout.rank > most.rank) {
            most = layout;
            shift = y->rank - rt_thaw_tensor(t, value)->rank;
        }
    }
    for (int i = 0; i < most.rank; i++)
        in |= 1u << (most.axis[i] + shift);
    for (int i = 0; i < y->rank; i++)
        if (y->dim[i] != 1 && !(in >> i & 1))
            order[n++] = i;
    for (int i = 0; i < most.rank; i++)
        order[n++] = most.axis[i] + shift;
    if (n > RT_NODE_RANK)
        rt_thaw_refuse(t, "more than %d dimensions that are not 1", RT_NODE_RANK);
    for (int i = 0; i < n && i < RT_NODE_RANK; i++)
        axis[i] = order[i];
    return t->err ? 0 : n;
}

/* Input i as the result lies: a dimension that it lacks is one of 1. */
static int thaw_line_up(struct rt_thaw *t, int i, const int *axis, int n)
{
    const struct rt_tensor *y = rt_thaw_tensor(t, t->step->out[0]);
    int shift = y->rank - rt_thaw_tensor(t, t->step->in[i])->rank, own[RT_NODE_RANK];
    for (int k = 0; k < n; k++)
        own[k] = axis[k] < shift ? -1 : axis[k] - shift;
    return rt_thaw_arrange(t, t->step->in[i], own, n);
}

static bool thaw_same_shape(const struct rt_shape *a, const struct rt_shape *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

/* Both are in one layout by now. */
static int thaw_pair(struct rt_thaw *t, int function, int u, int v)
{
    return rt_thaw_node(t, RT_OP_binary, (int[]){u, v}, 2, &(struct rt_attr){.function = function});
}

/* All inputs by one function of two, one after the other. */
static int thaw_fold(struct rt_thaw *t, int function, const int *axis, int n)
{
    int y = thaw_line_up(t, 0, axis, n);
    for (int i = 1; i < t->step->node->inputs && !t->err; i++) {
        int next = thaw_line_up(t, i, axis, n);
        bool add = function == RT_BINARY_add && !t->err &&
                   thaw_same_shape(rt_thaw_shape(t, y), rt_thaw_shape(t, next));
        y = add ? rt_thaw_node(t, RT_OP_add, (int[]){y, next}, 2, NULL)
                : thaw_pair(t, function, y, next);
    }
    return y;
}

/* Sums of equal shapes become op add, which batch-norm can do on the way. */
void rt_thaw_binary(struct rt_thaw *t, int function)
{
    int axis[RT_NODE_RANK];
    if (t->step->node->inputs == 2 && thaw_with_number(t, function))
        return;
    int n = thaw_common_order(t, axis), y = thaw_fold(t, function, axis, n);
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* The function of the second input and the first. */
void rt_thaw_swapped(struct rt_thaw *t, int function)
{
    int axis[RT_NODE_RANK], n = thaw_common_order(t, axis);
    int u = thaw_line_up(t, 0, axis, n), v = thaw_line_up(t, 1, axis, n);
    rt_thaw_bind(t, t->step->out[0], thaw_pair(t, function, v, u), axis, n);
}

/* A sum, divided by the number of inputs. */
void rt_thaw_mean(struct rt_thaw *t, int how)
{
    (void)how;
    int axis[RT_NODE_RANK], n = thaw_common_order(t, axis),
                            y = thaw_fold(t, RT_BINARY_add, axis, n);
    y = rt_thaw_unary(t, y, RT_UNARY_affine, 1 / (float)t->step->node->inputs, 0);
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* ---- flags: numbers that are 0 or 1 ----
 * The network computes in floats, so a flag is 0 or 1, and logic is arithmetic: a product is And, a
 * maximum Or. */

static int thaw_opposite(struct rt_thaw *t, int x)
{
    return rt_thaw_unary(t, x, RT_UNARY_affine, -1, 1);
}

/* 1 - x. */
void rt_thaw_not(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    rt_thaw_bind(t, t->step->out[0], thaw_opposite(t, layout.node), layout.axis, layout.rank);
}

/* Flags that differ: not equal. */
void rt_thaw_xor(struct rt_thaw *t, int how)
{
    (void)how;
    int axis[RT_NODE_RANK], n = thaw_common_order(t, axis),
                            y = thaw_opposite(t, thaw_fold(t, RT_BINARY_equal, axis, n));
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* To floats nothing changes; to flags, what is not 0 becomes 1. */
void rt_thaw_cast(struct rt_thaw *t, int how)
{
    const struct rt_tensor *x = rt_thaw_tensor(t, t->step->in[0]), *y = rt_thaw_tensor(t, t->step->out[0]);
    if (y->dtype != RT_BOOL || x->dtype == RT_BOOL) {
        rt_thaw_same(t, how);
        return;
    }
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    int zero = rt_thaw_unary(t, layout.node, RT_UNARY_affine, 0, 0);
    rt_thaw_bind(t, t->step->out[0],
                 thaw_opposite(t, thaw_pair(t, RT_BINARY_equal, layout.node, zero)), layout.axis,
                 layout.rank);
}

/* Not products with the condition: infinity times 0 is no number. */
void rt_thaw_where(struct rt_thaw *t, int how)
{
    (void)how;
    int axis[RT_NODE_RANK], n = thaw_common_order(t, axis), flag = thaw_line_up(t, 0, axis, n);
    int a = thaw_pair(t, RT_BINARY_gate, thaw_line_up(t, 1, axis, n), flag);
    int b = thaw_pair(t, RT_BINARY_gate, thaw_line_up(t, 2, axis, n), thaw_opposite(t, flag));
    rt_thaw_bind(t, t->step->out[0], thaw_pair(t, RT_BINARY_add, a, b), axis, n);
}
