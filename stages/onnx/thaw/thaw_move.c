/* SPDX-License-Identifier: MIT
 * thaw_move: operators that only move numbers. A Transpose renames dimensions; the others take places
 * of one dimension after the other, or put inputs behind each other. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"

#include <string.h>

/* ---- places of dimensions ----
 * A Transpose changes which dimension is which, and no number. All others are op slice, once for
 * each dimension that changes: the frozen graph has checked the lists and knows the result's shape,
 * so only begin and step are left to find. */

void rt_thaw_transpose(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    int rank = rt_thaw_tensor(t, t->step->in[0])->rank;
    int64_t order[RT_TENSOR_RANK];
    int n = rt_kernel_ints(&t->call, "perm", order, RT_TENSOR_RANK), axis[RT_NODE_RANK] = {0};
    for (int i = 0; i < layout.rank; i++)
        for (int k = 0; k < rank; k++)
            if ((n ? order[k] : rank - 1 - k) == layout.axis[i])
                axis[i] = k;
    rt_thaw_bind(t, t->step->out[0], layout.node, axis, layout.rank);
}

/* A dimension of 1 is in no layout, so one that is to grow has to be brought in first. */
struct rt_sliced rt_thaw_sliced(struct rt_thaw *t, int value, unsigned grows)
{
    struct rt_layout layout = rt_thaw_layout(t, value);
    struct rt_sliced k = {.n = 0};
    for (int i = 0; i < layout.rank; i++)
        grows &= ~(1u << layout.axis[i]);
    if (__builtin_popcount(grows) + layout.rank > RT_NODE_RANK) {
        rt_thaw_refuse(t, "more than %d dimensions that are not 1", RT_NODE_RANK);
        return k;
    }
    for (int i = 0; i < RT_TENSOR_RANK; i++)
        if (grows >> i & 1)
            k.axis[k.n++] = i;
    for (int i = 0; i < layout.rank; i++)
        k.axis[k.n++] = layout.axis[i];
    k.node = rt_thaw_arrange(t, value, k.axis, k.n);
    return k;
}

/* A dimension that is not in the layout has one place, and whatever is taken of it is that place.
 */
static void thaw_slice_axis(struct rt_thaw *t, struct rt_sliced *k, int axis, struct rt_attr attr)
{
    for (int i = 0; i < k->n; i++)
        if (k->axis[i] == axis) {
            attr.axis = i;
            k->node = rt_thaw_slice_node(t, k->node, &attr);
        }
}

/* An op has at most eight inputs, so more are put together in turns. */
void rt_thaw_concat(struct rt_thaw *t, int how)
{
    (void)how;
    int axis = 0, inputs = t->step->node->inputs, at = 0;
    rt_kernel_axis(&t->call, rt_kernel_int(&t->call, "axis", 1), t->call.in[0]->rank, &axis);
    int first = t->step->in[0]; /* all others will lie as this one */
    for (int i = 0; i < inputs && rt_thaw_constant(t, first); i++)
        first = t->step->in[i];
    struct rt_sliced k = rt_thaw_sliced(t, first, 1u << axis);
    for (int i = 0; i < k.n; i++)
        at = k.axis[i] == axis ? i : at;
    int y = 0, row[RT_NODE_INPUTS], n = 0;
    for (int i = 0; i < inputs && !t->err; i++) {
        row[n++] = rt_thaw_arrange(t, t->step->in[i], k.axis, k.n);
        if (n == RT_NODE_INPUTS || i + 1 == inputs) {
            y = rt_thaw_node(t, RT_OP_concat, row, n, &(struct rt_attr){.axis = at});
            row[0] = y;
            n = 1;
        }
    }
    rt_thaw_bind(t, t->step->out[0], y, k.axis, k.n);
}

/* A slice for each output that somebody reads. */
void rt_thaw_split(struct rt_thaw *t, int how)
{
    (void)how;
    int axis = 0;
    int64_t at = 0;
    rt_kernel_axis(&t->call, rt_kernel_int(&t->call, "axis", 0), t->call.in[0]->rank, &axis);
    struct rt_sliced all = rt_thaw_sliced(t, t->step->in[0], 0);
    for (int i = 0; i < t->step->node->outputs && !t->err; i++) {
        int out = t->step->out[i];
        int64_t count = out < 0 ? 0 : rt_thaw_tensor(t, out)->dim[axis];
        if (out >= 0 && t->f->value[out].needed) {
            struct rt_sliced part = all;
            thaw_slice_axis(t, &part, axis,
                            (struct rt_attr){.begin = (int)at, .count = (int)count});
            rt_thaw_bind(t, out, part.node, part.axis, part.n);
        } else if (out < 0) {
            rt_thaw_refuse(t, "an output without a name");
        }
        at += count;
    }
}

/* ---- lists from attributes or inputs ----
 * As the opset has it; they are constants, since the frozen graph refuses others. */

/* Dimension i of the result is so long; the lists are as the frozen graph has checked them. */
static int64_t thaw_out_dim(const struct rt_thaw *t, int i)
{
    return rt_thaw_tensor(t, t->step->out[0])->dim[i];
}

static int thaw_list(struct rt_thaw *t, const char *attribute, int input, int64_t *to)
{
    return t->call.opset < 10 ? rt_kernel_ints(&t->call, attribute, to, RT_TENSOR_RANK)
                              : rt_kernel_ints_in(&t->call, input, to, RT_TENSOR_RANK);
}

/* Bounds clamped as the kernel does; a dimension that is taken whole costs nothing. */
void rt_thaw_slice(struct rt_thaw *t, int how)
{
    (void)how;
    int64_t start[RT_TENSOR_RANK], axes[RT_TENSOR_RANK], step[RT_TENSOR_RANK];
    int n = thaw_list(t, "starts", 1, start), named = thaw_list(t, "axes", 3, axes);
    int steps = t->call.opset < 10 ? 0 : thaw_list(t, "", 4, step);
    const struct rt_tensor *x = t->call.in[0];
    struct rt_sliced k = rt_thaw_sliced(t, t->step->in[0], 0);
    for (int i = 0; i < n && !t->err; i++) {
        int axis = 0;
        rt_kernel_axis(&t->call, named ? axes[i] : i, x->rank, &axis);
        int64_t by = steps ? step[i] : 1, all = x->dim[axis];
        int64_t from = start[i] + (start[i] < 0 ? all : 0), last = by < 0 ? all - 1 : all;
        from = from < 0 ? 0 : from > last ? last : from;
        by = by > all ? all : by < -all ? -all : by;
        if (thaw_out_dim(t, axis) == 0)
            rt_thaw_refuse(t, "nothing is left of dimension %d", axis);
        else if (thaw_out_dim(t, axis) != all || by != 1)
            thaw_slice_axis(t, &k, axis, (struct rt_attr){.begin = (int)from, .step = (int)by,
                                                          .count = (int)thaw_out_dim(t, axis)});
    }
    rt_thaw_bind(t, t->step->out[0], k.node, k.axis, k.n);
}

/* Places at equal distances, or one, whose dimension then goes. */
void rt_thaw_gather(struct rt_thaw *t, int how)
{
    (void)how;
    int axis = 0, index = t->step->in[1];
    const struct rt_tensor *x = t->call.in[0], *at = t->call.in[1];
    rt_kernel_axis(&t->call, rt_kernel_int(&t->call, "axis", 0), x->rank, &axis);
    int64_t count = rt_tensor_count(at), all = x->dim[axis];
    if (!rt_thaw_constant(t, index) || at->rank > 1 || count < 1 ||
        (at->dtype != RT_I64 && at->dtype != RT_I32)) {
        rt_thaw_refuse(t, "the places must be whole numbers in the file, in one row");
        return;
    }
    double first = rt_tensor_element(at, 0), step = count > 1 ? rt_tensor_element(at, 1) - first : 1;
    for (int64_t i = 0; i < count; i++)
        if (rt_tensor_element(at, i) != first + (double)i * step)
            rt_thaw_refuse(t, "places that are not at equal distances");
    first += first < 0 ? (double)all : 0;
    double last = first + (double)(count - 1) * step;
    if (first < 0 || first >= (double)all || last < 0 || last >= (double)all)
        rt_thaw_refuse(t, "a place outside of %lld", (long long)all);
    struct rt_sliced k = rt_thaw_sliced(t, t->step->in[0], count > 1 ? 1u << axis : 0);
    if (!t->err && !(count == all && step == 1))
        thaw_slice_axis(t, &k, axis,
                        (struct rt_attr){.begin = (int)first,
                                         .step = step == 0 ? (int)all : (int)step,
                                         .count = (int)count,
                                         .function = step == 0 ? RT_SLICE_wrap : RT_SLICE_fill});
    if (at->rank == 0) { /* the dimension goes */
        int n = 0;
        for (int i = 0; i < k.n; i++)
            if (k.axis[i] != axis)
                k.axis[n++] = k.axis[i] - (k.axis[i] > axis);
        k.n = n;
    }
    rt_thaw_bind(t, t->step->out[0], k.node, k.axis, k.n);
}

/* Names of ONNX's modes stand in the order of enum rt_slice, so their number is the function. */
void rt_thaw_pad(struct rt_thaw *t, int how)
{
    (void)how;
    static const char *const modes[] = {"constant", "edge", "reflect", "wrap"}; /* as enum rt_slice */
    const char *mode = rt_kernel_text(&t->call, "mode", "constant");
    int64_t pad[2 * RT_TENSOR_RANK];
    int function = 0, rank = t->call.in[0]->rank;
    unsigned grows = 0;
    while (function < 3 && strcmp(mode, modes[function]) != 0)
        function++;
    double fill = t->call.opset < 11 ? rt_kernel_float(&t->call, "value", 0)
                                     : rt_kernel_number_in(&t->call, 2, 0);
    if (rt_kernel_pads(&t->call, pad) < 0)
        t->err = RT_EMISMATCH; /* the frozen graph has refused it before */
    for (int i = 0; i < rank && !t->err; i++)
        grows |= thaw_out_dim(t, i) != 1 ? 1u << i : 0;
    struct rt_sliced k = rt_thaw_sliced(t, t->step->in[0], grows);
    for (int i = 0; i < rank && !t->err; i++)
        if (pad[i] || pad[rank + i])
            thaw_slice_axis(t, &k, i,
                            (struct rt_attr){.begin = (int)-pad[i],
                                             .count = (int)thaw_out_dim(t, i),
                                             .function = function,
                                             .number = {(float)fill}});
    rt_thaw_bind(t, t->step->out[0], k.node, k.axis, k.n);
}

/* A place beyond the end counted on from the beginning: that is what wrap does. */
void rt_thaw_repeat(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *x = t->call.in[0];
    int rank = rt_thaw_tensor(t, t->step->out[0])->rank, shift = rank - x->rank;
    unsigned grows = 0;
    /* Dimensions that Expand puts before are not x's own: they are repeated last, as new ones. */
    for (int i = 0; i < x->rank; i++)
        grows |= thaw_out_dim(t, i + shift) != x->dim[i] ? 1u << i : 0;
    struct rt_sliced k = rt_thaw_sliced(t, t->step->in[0], grows);
    for (int i = 0; i < x->rank && !t->err; i++)
        if (grows >> i & 1)
            thaw_slice_axis(t, &k, i,
                            (struct rt_attr){.count = (int)thaw_out_dim(t, i + shift),
                                             .function = RT_SLICE_wrap});
    for (int i = 0; i < shift; i++)
        if (thaw_out_dim(t, i) != 1)
            rt_thaw_refuse(t, "a new dimension of %lld", (long long)thaw_out_dim(t, i));
    for (int i = 0; i < k.n; i++)
        k.axis[i] += shift;
    rt_thaw_bind(t, t->step->out[0], k.node, k.axis, k.n);
}
