/* SPDX-License-Identifier: MIT
 * onnx_map_tensor: the ops that networks from other programs are made of, as ONNX nodes. Where an op does
 * not care, it works in the layout that its input has; else channels last, as the network itself. */
#include "stages/onnx/map/onnx_map_parts.h"

#include "stages/nn/axes.h"
#include "stages/nn/functions.h"
#include "stages/nn/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME RT_MAP_NAME
typedef rt_map_names names;

/* ---- layouts ----
 * Ops that work number by number take their input in the layout in which it is there, so that a
 * chain of them between two convolutions needs no Transpose. */

/* Is input 0 there channels first only? Then so is what is made. */
static bool map_is_first(const struct rt_onnx_map *m, const struct rt_node *n)
{
    const struct rt_map_value *v = &m->value[n->input[0]];
    return v->first[0] && !v->last[0];
}

/* The layout in which the op works, for each of its inputs. */
static const char *map_input(struct rt_onnx_map *m, const struct rt_node *n, int i, bool first)
{
    return first ? rt_map_first(m, n->input[i]) : rt_map_last(m, n->input[i]);
}

/* What was made is there in this layout only. */
static int map_made(struct rt_map_value *v, bool first)
{
    memcpy(first ? v->first : v->last, v->name, NAME);
    return 0;
}

/* Where dimension axis of a node (without the batch) is in that layout. */
static int64_t map_dimension(const struct rt_shape *s, int axis, bool first)
{
    return !first ? axis + 1 : axis == s->rank - 1 ? 1 : axis + 2;
}

/* "[batch, dims]" for a Reshape, which copies the batch. */
static const char *map_add_shape(struct rt_onnx_map *m, const char *name, const struct rt_shape *s)
{
    int64_t dim[1 + RT_NODE_RANK] = {0};
    for (int i = 0; i < s->rank; i++)
        dim[i + 1] = s->dim[i];
    return rt_map_ints(m, name, dim, s->rank + 1);
}

/* ---- functions of one number ----
 * A row of unary.def says which operator it is; those that ONNX has not in opset 13 are made of
 * others here. */

/* x times HardSigmoid with slope 1/6, which is its definition. */
static void map_add_hard_swish(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                               const char *out)
{
    char gate[NAME]; /* ONNX has it since opset 14 only */
    struct rt_onnx_node *o = rt_map_add(m, "HardSigmoid", (names){x}, rt_map_inside(gate, n, "gate"));
    rt_onnx_attr_float(m->o, o, "alpha", 1.0f / 6);
    rt_map_add(m, "Mul", (names){x, gate}, out);
}

/* A bound that is infinite is left out. */
static void map_add_clip(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                         const char *out)
{
    char low[NAME] = "", high[NAME] = "";
    const float *bound = n->attr.number;
    if (bound[0] > -INFINITY)
        rt_map_scalar(m, rt_map_inside(low, n, "low"), bound[0]);
    if (bound[1] < INFINITY)
        rt_map_scalar(m, rt_map_inside(high, n, "high"), bound[1]);
    rt_map_add(m, "Clip", (names){x, low, *high ? high : NULL}, out);
}

/* Without a term no Add: many scales have none. */
static void map_add_affine(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                           const char *out)
{
    char factor[NAME], product[NAME], term[NAME];
    const float *number = n->attr.number;
    bool shifted = number[1] != 0;
    rt_map_scalar(m, rt_map_inside(factor, n, "factor"), number[0]);
    rt_map_add(m, "Mul", (names){x, factor}, shifted ? rt_map_inside(product, n, "product") : out);
    if (shifted)
        rt_map_add(m, "Add",
                   (names){product, rt_map_scalar(m, rt_map_inside(term, n, "term"), number[1])}, out);
}

int rt_map_unary(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                 struct rt_error *e)
{
    (void)e;
    bool first = map_is_first(m, n);
    const char *x = map_input(m, n, 0, first);
    const struct rt_unary_onnx *u = &rt_unary_onnx[n->attr.function];
    char exponent[NAME];
    switch (n->attr.function) {
    case RT_UNARY_hard_swish: map_add_hard_swish(m, n, x, v->name); break;
    case RT_UNARY_clip: map_add_clip(m, n, x, v->name); break;
    case RT_UNARY_affine: map_add_affine(m, n, x, v->name); break;
    case RT_UNARY_quantise: rt_map_quantise(m, n, x, v->name); break;
    case RT_UNARY_square: rt_map_add(m, "Mul", (names){x, x}, v->name); break;
    case RT_UNARY_pow:
        rt_map_scalar(m, rt_map_inside(exponent, n, "exponent"), n->attr.number[0]);
        rt_map_add(m, "Pow", (names){x, exponent}, v->name);
        break;
    default: {
        struct rt_onnx_node *o = rt_map_add(m, u->type, (names){x}, v->name);
        for (int i = 0; i < 2; i++)
            if (u->attribute[i])
                rt_onnx_attr_float(m->o, o, u->attribute[i], n->attr.number[i]);
    }
    }
    return map_made(v, first);
}

/* Between numbers and flags. */
static void map_add_cast(struct rt_onnx_map *m, const char *x, enum rt_dtype to, const char *out)
{
    rt_onnx_attr_int(m->o, rt_map_add(m, "Cast", (names){x}, out), "to", rt_onnx_type(to));
}

/* ---- functions of two, and weights ----
 * Comparisons give flags in ONNX and numbers in a network, so a Cast stands behind or before them.
 * A parameter is [1, dims] and is broadcast, except where an operator does not broadcast: there it
 * is expanded to the batch. */

int rt_map_binary(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                  struct rt_error *e)
{
    (void)e;
    bool first = map_is_first(m, n);
    const char *type = n->op == RT_OP_add ? "Add" : rt_binary_onnx[n->attr.function];
    const char *a = map_input(m, n, 0, first), *b = map_input(m, n, 1, first);
    int function = n->op == RT_OP_add ? RT_BINARY_add : n->attr.function;
    char flags[NAME], zero[NAME];
    switch (function) {
    case RT_BINARY_less:
    case RT_BINARY_less_equal:
    case RT_BINARY_equal:
        rt_map_add(m, type, (names){a, b}, rt_map_inside(flags, n, "flags"));
        map_add_cast(m, flags, RT_F32, v->name);
        break;
    case RT_BINARY_gate:
        map_add_cast(m, b, RT_BOOL, rt_map_inside(flags, n, "flags"));
        rt_map_scalar(m, rt_map_inside(zero, n, "zero"), 0);
        rt_map_add(m, type, (names){flags, a, zero}, v->name);
        break;
    default: rt_map_add(m, type, (names){a, b}, v->name);
    }
    return map_made(v, first);
}

/* [1, dims]: broadcasting does the rest. */
int rt_map_parameter(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    (void)e;
    char shape[NAME], weight[NAME];
    int64_t dim[1 + RT_NODE_RANK] = {1};
    for (int i = 0; i < n->shape.rank; i++)
        dim[i + 1] = n->shape.dim[i];
    rt_map_ints(m, rt_map_inside(shape, n, "shape"), dim, n->shape.rank + 1);
    rt_map_add(m, "Reshape", (names){rt_map_weight(m, n, 0, weight), shape}, v->name);
    return map_made(v, false);
}

/* A parameter for every sample: [batch, dims]. */
static const char *map_repeat_parameter(struct rt_onnx_map *m, const struct rt_node *reader, int i,
                                        char out[NAME])
{
    const struct rt_node *p = rt_graph_at(m->g, reader->input[i]);
    char all[NAME], batch[NAME], zero[NAME], one[NAME], dims[NAME], shape[NAME], what[16];
    const char *x = rt_map_last(m, reader->input[i]);
    if (p->op != RT_OP_parameter)
        return x;
    int64_t dim[RT_NODE_RANK] = {0}, axis = 0, next = 1;
    for (int k = 0; k < p->shape.rank; k++)
        dim[k] = p->shape.dim[k];
    snprintf(what, sizeof what, "in%d", i);
    rt_map_inside(out, reader, what);
    snprintf(all, NAME, "%.70s.all", out);
    snprintf(batch, NAME, "%.70s.batch", out);
    snprintf(zero, NAME, "%.70s.zero", out);
    snprintf(one, NAME, "%.70s.one", out);
    snprintf(dims, NAME, "%.70s.dims", out);
    snprintf(shape, NAME, "%.70s.shape", out);
    rt_map_add(m, "Shape", (names){RT_ONNX_INPUT}, all);
    rt_map_add(m, "Slice",
               (names){all, rt_map_ints(m, zero, &axis, 1), rt_map_ints(m, one, &next, 1)}, batch);
    rt_map_ints(m, dims, dim, p->shape.rank);
    rt_onnx_attr_int(m->o, rt_map_add(m, "Concat", (names){batch, dims}, shape), "axis", 0);
    rt_map_add(m, "Expand", (names){x, shape}, out);
    return out;
}

/* The order counts dimensions without the batch, which stays in front. */
int rt_map_transpose(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    (void)e;
    int64_t order[1 + RT_NODE_RANK] = {0};
    for (int i = 0; i < n->shape.rank; i++)
        order[i + 1] = n->attr.order[i] + 1;
    struct rt_onnx_node *o =
        rt_map_add(m, "Transpose", (names){map_input(m, n, 0, false)}, v->name);
    rt_onnx_attr_ints(m->o, o, "perm", order, n->shape.rank + 1);
    return map_made(v, false);
}

/* A 0 in ONNX's shape copies a dimension, here the batch. */
int rt_map_reshape(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                   struct rt_error *e)
{
    (void)e;
    char shape[NAME];
    const char *x = map_input(m, n, 0, false);
    if (n->shape.rank == 1)
        rt_onnx_attr_int(m->o, rt_map_add(m, "Flatten", (names){x}, v->name), "axis", 1);
    else
        rt_map_add(m, "Reshape",
                   (names){x, map_add_shape(m, rt_map_inside(shape, n, "shape"), &n->shape)},
                   v->name);
    return map_made(v, false);
}

/* ---- places of a dimension ----
 * Op slice has no one counterpart: with fill it is a Pad and a Slice, otherwise the places are
 * listed for a Gather, which any program does quickly enough. */

static int64_t map_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* All places inside: listed. */
static int map_add_gather(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                          int64_t places, int64_t axis, const char *out, struct rt_error *e)
{
    const struct rt_attr *a = &n->attr;
    char list[NAME];
    int64_t *index = malloc((size_t)a->count * sizeof *index), period = 2 * (places - 1);
    if (!index)
        return rt_error_set(e, RT_EMEM, "network: out of memory");
    for (int i = 0; i < a->count; i++) {
        int64_t at = map_floor_div(a->begin + i * (int64_t)a->step, a->divisor);
        if (a->function == RT_SLICE_wrap) {
            at -= map_floor_div(at, places) * places;
        } else if (a->function == RT_SLICE_reflect && places > 1) {
            at -= map_floor_div(at, period) * period;
            at = at < places ? at : period - at;
        }
        index[i] = at < 0 ? 0 : at >= places ? places - 1 : at;
    }
    rt_map_ints(m, rt_map_inside(list, n, "places"), index, a->count);
    free(index);
    rt_onnx_attr_int(m->o, rt_map_add(m, "Gather", (names){x, list}, out), "axis", axis);
    return 0;
}

/* What lies outside is padded first. */
static void map_add_slice(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                          int64_t places, int64_t axis, int rank, const char *out)
{
    const struct rt_attr *a = &n->attr;
    char pads[NAME], fill[NAME], padded[NAME], from[NAME], to[NAME], along[NAME], by[NAME];
    int64_t end = a->begin + (a->count - 1) * (int64_t)a->step, step = a->step;
    int64_t low = a->begin < end ? a->begin : end, high = a->begin < end ? end : a->begin;
    int64_t pad[2 * (1 + RT_NODE_RANK)] = {0}, before = low < 0 ? -low : 0;
    int64_t after = high >= places ? high - places + 1 : 0;
    bool whole = step == 1 && a->begin + before == 0 && a->count == places + before + after;
    pad[axis] = before;
    pad[rank + axis] = after;
    if (before || after) {
        rt_map_ints(m, rt_map_inside(pads, n, "pads"), pad, 2 * rank);
        rt_map_scalar(m, rt_map_inside(fill, n, "fill"), a->number[0]);
        rt_map_inside(padded, n, "padded");
        rt_map_add(m, "Pad", (names){x, pads, fill}, whole ? out : padded);
        x = padded;
    }
    if (whole && (before || after))
        return;
    int64_t first = a->begin + before, last = end + before + (step > 0 ? 1 : -1);
    last = last < 0 ? -(places + before + after) - 1 : last; /* -1 would be the last place */
    const char *in[] = {x, rt_map_ints(m, rt_map_inside(from, n, "from"), &first, 1),
                        rt_map_ints(m, rt_map_inside(to, n, "to"), &last, 1),
                        rt_map_ints(m, rt_map_inside(along, n, "along"), &axis, 1),
                        rt_map_ints(m, rt_map_inside(by, n, "by"), &step, 1), NULL};
    rt_onnx_add_node(m->o, "Slice", out, in, (const char *[]){out, NULL});
}

/* Filled and enlarged at once has no counterpart; nothing makes it. */
int rt_map_slice(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                 struct rt_error *e)
{
    bool first = map_is_first(m, n);
    const struct rt_shape *s = &rt_graph_at(m->g, n->input[0])->shape;
    const char *x = map_input(m, n, 0, first);
    int64_t axis = map_dimension(s, n->attr.axis, first), places = s->dim[n->attr.axis];
    int rc = 0;
    if (n->attr.function == RT_SLICE_fill && n->attr.divisor == 1)
        map_add_slice(m, n, x, places, axis, s->rank + 1, v->name);
    else if (n->attr.function != RT_SLICE_fill)
        rc = map_add_gather(m, n, x, places, axis, v->name, e);
    else
        rc = rt_error_set(e, RT_EMISMATCH,
                          "network: node \"%s\" (slice): filled and enlarged at once "
                          "cannot leave as ONNX",
                          n->name);
    map_made(v, first);
    return rc;
}

/* Channels first only when all inputs are there so already. */
int rt_map_concat(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                  struct rt_error *e)
{
    (void)e;
    const char *in[RT_NODE_INPUTS + 1] = {NULL};
    char own[RT_NODE_INPUTS][NAME];
    bool first = true;
    for (int i = 0; i < n->inputs; i++)
        first = first && m->value[n->input[i]].first[0];
    first = first && map_is_first(m, n);
    for (int i = 0; i < n->inputs; i++)
        in[i] = first ? rt_map_first(m, n->input[i]) : map_repeat_parameter(m, n, i, own[i]);
    struct rt_onnx_node *o = rt_onnx_add_node(m->o, "Concat", v->name, in, (const char *[]){v->name, NULL});
    rt_onnx_attr_int(m->o, o, "axis", map_dimension(&n->shape, n->attr.axis, first));
    return map_made(v, first);
}

/* ---- sums and what is made of them ----
 * Axes are an input of ReduceSum since opset 13 and an attribute of all others until 18. normalise
 * is written out, as LayerNormalization is opset 17 and has no other axes than the last. */

/* A reduction of value x over these dimensions of ONNX's. */
static void map_add_reduce(struct rt_onnx_map *m, const struct rt_node *n, const char *type,
                           const char *x, const int64_t *axis, int axes, bool keep, const char *out)
{
    char list[NAME], what[24];
    bool listed = strcmp(type, "ReduceSum") == 0; /* an input since opset 13 */
    snprintf(what, sizeof what, "axes.%.12s", strrchr(out, '/') ? strrchr(out, '/') + 1 : "y");
    if (listed)
        rt_map_ints(m, rt_map_inside(list, n, what), axis, axes);
    struct rt_onnx_node *o = rt_map_add(m, type, (names){x, listed ? list : NULL}, out);
    if (!listed)
        rt_onnx_attr_ints(m->o, o, "axes", axis, axes);
    rt_onnx_attr_int(m->o, o, "keepdims", keep);
}

/* Channels first is kept only when all places go and the channels remain; what is left has one
 * layout. */
int rt_map_reduce(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                  struct rt_error *e)
{
    (void)e;
    const struct rt_shape *s = &rt_graph_at(m->g, n->input[0])->shape;
    bool places = n->attr.axis == 0 && n->attr.axes == s->rank - 1; /* [c] is left */
    bool first = places && map_is_first(m, n), all = n->attr.axes == s->rank;
    char kept[NAME];
    int64_t axis[RT_NODE_RANK];
    for (int i = 0; i < n->attr.axes; i++)
        axis[i] = map_dimension(s, n->attr.axis + i, first);
    const char *x = map_input(m, n, 0, first);
    map_add_reduce(m, n, rt_reduce_onnx[n->attr.function], x, axis, n->attr.axes, all,
                   all ? rt_map_inside(kept, n, "kept") : v->name);
    if (all) /* one number is left */
        rt_onnx_attr_int(m->o, rt_map_add(m, "Flatten", (names){kept}, v->name), "axis", 1);
    return map_made(v, false);
}

/* ONNX's softmax is over one axis since opset 13; several are brought into one by a Reshape. */
int rt_map_softmax(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                   struct rt_error *e)
{
    (void)e;
    const char *type = n->attr.function == RT_SOFTMAX_log ? "LogSoftmax" : "Softmax";
    bool single = n->attr.axes == 1, first = single && map_is_first(m, n);
    const char *x = map_input(m, n, 0, first), *out = v->name;
    char flat[NAME], even[NAME], shape[NAME], back[NAME];
    int64_t axis = map_dimension(&n->shape, n->attr.axis, first);
    if (!single) { /* over several dimensions as over one */
        struct rt_axes a = rt_axes_of(n, &n->shape);
        struct rt_shape s = {3, {(int)a.outer, (int)a.n, (int)a.inner}};
        rt_map_add(m, "Reshape", (names){x, map_add_shape(m, rt_map_inside(shape, n, "shape"), &s)},
                   rt_map_inside(flat, n, "flat"));
        x = flat;
        out = rt_map_inside(even, n, "even");
        axis = 2;
    }
    rt_onnx_attr_int(m->o, rt_map_add(m, type, (names){x}, out), "axis", axis);
    if (!single)
        rt_map_add(m, "Reshape",
                   (names){out, map_add_shape(m, rt_map_inside(back, n, "back"), &n->shape)},
                   v->name);
    return map_made(v, first);
}

/* Mean, difference, square, mean, root, quotient: the biased variance, as the op has it. */
int rt_map_normalise(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    (void)e;
    bool first = map_is_first(m, n);
    char mean[NAME], off[NAME], square[NAME], var[NAME], eps[NAME], sum[NAME], dev[NAME];
    const char *x = map_input(m, n, 0, first);
    int64_t axis[RT_NODE_RANK];
    for (int i = 0; i < n->attr.axes; i++)
        axis[i] = map_dimension(&n->shape, n->attr.axis + i, first);
    map_add_reduce(m, n, "ReduceMean", x, axis, n->attr.axes, true, rt_map_inside(mean, n, "mean"));
    rt_map_add(m, "Sub", (names){x, mean}, rt_map_inside(off, n, "off"));
    rt_map_add(m, "Mul", (names){off, off}, rt_map_inside(square, n, "square"));
    map_add_reduce(m, n, "ReduceMean", square, axis, n->attr.axes, true,
                   rt_map_inside(var, n, "variance"));
    rt_map_scalar(m, rt_map_inside(eps, n, "epsilon"), n->attr.epsilon > 0 ? n->attr.epsilon : 1e-5f);
    rt_map_add(m, "Add", (names){var, eps}, rt_map_inside(sum, n, "sum"));
    rt_map_add(m, "Sqrt", (names){sum}, rt_map_inside(dev, n, "deviation"));
    rt_map_add(m, "Div", (names){off, dev}, v->name);
    return map_made(v, first);
}

int rt_map_matmul(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                  struct rt_error *e)
{
    (void)e;
    char transposed[NAME];
    const char *a = map_input(m, n, 0, false), *b = map_input(m, n, 1, false);
    if (n->attr.transposed) {
        int rank = n->shape.rank + 1;
        int64_t order[1 + RT_NODE_RANK];
        for (int i = 0; i < rank; i++)
            order[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
        struct rt_onnx_node *o =
            rt_map_add(m, "Transpose", (names){b}, rt_map_inside(transposed, n, "turned"));
        rt_onnx_attr_ints(m->o, o, "perm", order, rank);
        b = transposed;
    }
    rt_map_add(m, "MatMul", (names){a, b}, v->name);
    return map_made(v, false);
}
