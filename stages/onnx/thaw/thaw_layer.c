/* SPDX-License-Identifier: MIT
 * thaw_layer: operators with weights, windows or sums: each brings its input into the layout that
 * the network's op wants, channels last, and its weights with it. */
#include "stages/onnx/kernels/geometry.h"
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AXES RT_GEOMETRY_AXES

/* ---- windows ----
 * ONNX pads each end apart, the network both alike. Where that makes the same windows, the op's own
 * padding is used; else an op slice goes before it, which pads what is needed. */

/* x as [places.., channels]; axis: its dimensions. */
static int thaw_places_first(struct rt_thaw *t, int axis[RT_NODE_RANK], int *n)
{
    *n = 0;
    for (int i = 2; i < t->call.in[0]->rank && i < RT_NODE_RANK; i++)
        axis[(*n)++] = i;
    axis[(*n)++] = 1;
    return rt_thaw_arrange(t, t->step->in[0], axis, *n);
}

/* Padding that the op itself cannot do goes before it as an op of its own; attr says what is left. */
static int thaw_window(struct rt_thaw *t, const struct rt_geometry *g, int x, bool pool, float fill,
                       struct rt_attr *attr)
{
    for (int i = 0; i < g->axes && !t->err; i++) {
        int a = AXES - g->axes + i;
        int64_t k = g->kernel[a], s = g->stride[a], before = g->before[a];
        int64_t reach = (k - 1) * g->dilation[a] + 1, most = pool ? k / 2 : reach - 1;
        if (k > 4096 || s > 4096 || g->dilation[a] > 4096 || before > 1 << 20) {
            rt_thaw_refuse(t, "a window of %lld places", (long long)k);
            return x;
        }
        attr->kernel[i] = (int)k;
        attr->stride[i] = (int)s;
        attr->dilation[i] = (int)g->dilation[a];
        if (before <= most && (g->in[a] + 2 * before - reach) / s + 1 == g->out[a] &&
            g->in[a] + 2 * before >= reach && !(pool && fill == 0)) {
            attr->pad[i] = (int)before;
            continue;
        }
        int64_t after = (g->out[a] - 1) * s + reach - g->in[a] - before;
        if (before || after > 0)
            x = rt_thaw_slice_node(t, x, &(struct rt_attr){.axis = i, .begin = (int)-before,
                                                           .count = (int)(g->in[a] + before +
                                                                          (after > 0 ? after : 0)),
                                                           .number = {fill}});
    }
    return x;
}

/* The output's dimensions are the input's: places in front, channels last. */
static void thaw_bind_places(struct rt_thaw *t, int y, const int *axis, int n)
{
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* [units, channels, places..] -> [units, places.., channels]; of a transposed convolution in `groups`, whose
 * weights are [channels of all groups, units of one, places..], with the places reversed. */
static void thaw_fill_kernel(struct rt_thaw *t, int node, const struct rt_tensor *w, int64_t groups,
                             bool transposed)
{
    int64_t places = 1;
    for (int i = 2; i < w->rank; i++)
        places *= w->dim[i];
    if (t->err)
        return;
    struct rt_param *p = rt_graph_param(t->g, rt_graph_at(t->g, node)->param[0]);
    int64_t units = transposed ? w->dim[1] * groups : w->dim[0];
    int64_t c = transposed ? w->dim[0] / groups : w->dim[1], own = units / groups;
    const float *from = w->data;
    for (int64_t u = 0; u < units; u++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t i = 0; i < places; i++)
                p->value[(u * places + i) * c + k] =
                    transposed ? from[((u / own * c + k) * own + u % own) * places + places - 1 - i]
                               : from[(u * c + k) * places + i];
}

/* Weights of the file, permuted into the op's own; the geometry is the frozen kernel's, so both
 * read a node alike. */
void rt_thaw_conv(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_geometry g;
    int axis[RT_NODE_RANK], n;
    const struct rt_tensor *w = rt_thaw_weight(t, 1);
    bool bias = rt_thaw_in(t, 2) >= 0;
    const struct rt_tensor *b = bias ? rt_thaw_weight(t, 2) : NULL;
    int axes = t->call.in[0]->rank - 2;
    if (axes < 1 || axes > 2)
        rt_thaw_refuse(t, "%d axes; a student convolves over one or two", axes);
    if (t->err || (t->err = rt_geometry_read(&g, &t->call, t->call.in[0], w->dim + 2)))
        return;
    struct rt_attr attr = {.units = (int)w->dim[0], .bias = bias,
                           .groups = (int)rt_kernel_int(&t->call, "group", 1)};
    int x = thaw_window(t, &g, thaw_places_first(t, axis, &n), false, 0, &attr);
    int y = rt_thaw_node(t, axes == 1 ? RT_OP_conv1d : RT_OP_conv2d, &x, 1, &attr);
    thaw_fill_kernel(t, y, w, attr.groups, false);
    if (bias)
        rt_thaw_fill(t, y, 1, b->data);
    thaw_bind_places(t, y, axis, n);
}

/* stride - 1 zeros behind each place of a dimension. */
static int thaw_insert_zeros(struct rt_thaw *t, int x, int at, int stride)
{
    if (t->err || stride == 1)
        return x;
    struct rt_shape s = *rt_thaw_shape(t, x), apart = {.rank = s.rank + 1};
    for (int i = 0; i < apart.rank; i++)
        apart.dim[i] = i == at + 1 ? 1 : s.dim[i > at ? i - 1 : i];
    s.dim[at] *= stride;
    x = rt_thaw_slice_node(t, rt_thaw_view(t, x, &apart),
                           &(struct rt_attr){.axis = at + 1, .count = stride});
    return rt_thaw_view(t, x, &s);
}

/* A convolution of stride 1, with the kernel reversed, over places spread apart by zeros. */
void rt_thaw_conv_transpose(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_geometry g;
    int axis[RT_NODE_RANK], n, axes = t->call.in[0]->rank - 2;
    const struct rt_tensor *w = rt_thaw_weight(t, 1);
    const struct rt_tensor *b = rt_thaw_in(t, 2) >= 0 ? rt_thaw_weight(t, 2) : NULL;
    if (axes < 1 || axes > 2)
        rt_thaw_refuse(t, "%d axes; a student convolves over one or two", axes);
    if (t->err || (t->err = rt_geometry_read_transposed(&g, &t->call, t->call.in[0], w->dim + 2)))
        return;
    struct rt_attr attr = {.bias = b != NULL, .groups = (int)rt_kernel_int(&t->call, "group", 1)};
    attr.units = (int)w->dim[1] * attr.groups;
    int x = thaw_places_first(t, axis, &n);
    for (int i = 0; i < axes && !t->err; i++) {
        int a = AXES - axes + i;
        int64_t reach = (g.kernel[a] - 1) * g.dilation[a];
        if (g.kernel[a] > 4096 || g.dilation[a] > 4096 || g.stride[a] > 4096 || g.before[a] > 1 << 20) {
            rt_thaw_refuse(t, "a window of %lld places", (long long)g.kernel[a]);
            return;
        }
        attr.kernel[i] = (int)g.kernel[a];
        attr.stride[i] = 1;
        attr.dilation[i] = (int)g.dilation[a];
        x = thaw_insert_zeros(t, x, i, (int)g.stride[a]);
        x = rt_thaw_slice_node(t, x,
                               &(struct rt_attr){.axis = i,
                                                 .begin = (int)(g.before[a] - reach),
                                                 .count = (int)(g.in[a] + reach)});
    }
    int y = rt_thaw_node(t, axes == 1 ? RT_OP_conv1d : RT_OP_conv2d, &x, 1, &attr);
    thaw_fill_kernel(t, y, w, attr.groups, true);
    if (b)
        rt_thaw_fill(t, y, 1, b->data);
    thaw_bind_places(t, y, axis, n);
}

/* Means that reach over one end only have divisors of their own at that end, which the network's op
 * does not know: refused. */
void rt_thaw_pool(struct rt_thaw *t, int max)
{
    struct rt_geometry g;
    int64_t kernel[AXES];
    int axis[RT_NODE_RANK], n, axes = t->call.in[0]->rank - 2;
    bool padded = false, over = false, whole = rt_kernel_int(&t->call, "count_include_pad", 0) != 0;
    if (axes < 1 || axes > 2)
        rt_thaw_refuse(t, "%d axes; a student pools over one or two", axes);
    if (t->step->node->outputs > 1 && t->step->node->output[1][0])
        rt_thaw_refuse(t, "a second output");
    if (t->err || rt_kernel_ints(&t->call, "kernel_shape", kernel, AXES) < 0 ||
        (t->err = rt_geometry_read(&g, &t->call, t->call.in[0], kernel)))
        return;
    for (int i = AXES - axes; i < AXES; i++) {
        int64_t reach = (g.kernel[i] - 1) * g.dilation[i] + 1;
        padded = padded || g.before[i] || g.after[i];
        over = over || (g.out[i] - 1) * g.stride[i] + reach > g.in[i] + g.before[i] + g.after[i];
    }
    struct rt_attr attr = {.kernel = {0}};
    bool zeros = !max && whole && padded; /* that count */
    int x = thaw_places_first(t, axis, &n), before = x;
    x = thaw_window(t, &g, x, true, max ? -INFINITY : zeros ? 0 : 1, &attr);
    if (!max && (over || (!zeros && x != before)))
        rt_thaw_refuse(t, "means of windows that reach over one end only");
    thaw_bind_places(t, rt_thaw_node(t, max ? RT_OP_maxpool : RT_OP_avgpool, &x, 1, &attr), axis,
                     n);
}

/* ---- products ----
 * A matrix of the file by rows of x is a linear layer, or a convolution of width 1 where there are
 * several rows: both exist and are quick. Only a product of two computed values, as in attention,
 * is op matmul. */

/* Weights [units, c], or [c, units] unless rows_are_units, as a node's first parameter. */
static void thaw_fill_matrix(struct rt_thaw *t, int node, const struct rt_tensor *w,
                             bool rows_are_units)
{
    if (t->err)
        return;
    struct rt_param *p = rt_graph_param(t->g, rt_graph_at(t->g, node)->param[0]);
    const float *from = w->data;
    int64_t units = w->dim[!rows_are_units], c = w->dim[rows_are_units];
    for (int64_t u = 0; u < units; u++)
        for (int64_t k = 0; k < c; k++)
            p->value[u * c + k] = rows_are_units ? from[u * c + k] : from[k * units + u];
}

/* Every row of x by a matrix of the file: [.., c] -> [.., units]. The other dimensions stay as they lie. */
static void thaw_product(struct rt_thaw *t, const struct rt_tensor *w, bool rows_are_units,
                         const struct rt_tensor *bias)
{
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    int last = t->call.in[0]->rank - 1, n = 0, axis[RT_NODE_RANK + 1];
    int shift = rt_thaw_tensor(t, t->step->out[0])->rank - t->call.in[0]->rank;
    int64_t places = 1;
    for (int i = 0; i < layout.rank; i++)
        if (layout.axis[i] != last) {
            places *= t->call.in[0]->dim[layout.axis[i]];
            axis[n++] = layout.axis[i];
        }
    axis[n++] = last;
    struct rt_attr attr = {.units = (int)w->dim[!rows_are_units], .bias = bias != NULL};
    int x = rt_thaw_arrange(t, t->step->in[0], axis, n), flat = x;
    struct rt_shape in = {2, {(int)places, (int)t->call.in[0]->dim[last]}};
    if (n > 2)
        flat = rt_thaw_view(t, x, &in);
    int y = rt_thaw_node(t, n == 1 ? RT_OP_linear : RT_OP_conv1d, &flat, 1, &attr);
    thaw_fill_matrix(t, y, w, rows_are_units);
    if (bias)
        rt_thaw_fill(t, y, 1, bias->data);
    if (n > 2 && !t->err) {
        struct rt_shape out = *rt_thaw_shape(t, x);
        out.dim[out.rank - 1] = attr.units;
        y = rt_thaw_view(t, y, &out);
    }
    for (int i = 0; i < n; i++)
        axis[i] += shift;
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* alpha and beta are 1 in what exporters write for a layer; other values would have to be put into
 * trained weights. */
void rt_thaw_gemm(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *w = rt_thaw_weight(t, 1), *bias = NULL;
    bool transposed = rt_kernel_int(&t->call, "transB", 0) != 0;
    if (rt_thaw_in(t, 2) >= 0)
        bias = rt_thaw_weight(t, 2);
    if (rt_kernel_int(&t->call, "transA", 0) || rt_kernel_float(&t->call, "alpha", 1) != 1 ||
        rt_kernel_float(&t->call, "beta", 1) != 1)
        rt_thaw_refuse(t, "transA, alpha or beta; a student takes the plain product");
    if (!t->err && bias && rt_tensor_count(bias) != w->dim[!transposed])
        rt_thaw_refuse(t, "%lld biases for %lld units", (long long)rt_tensor_count(bias),
                       (long long)w->dim[!transposed]);
    if (!t->err)
        thaw_product(t, w, transposed, bias);
}

/* Input i of a product of two values: dimensions before the last two as the result has them, repeated
 * where they are 1; then m and k (or k and n, whichever lies last now staying last). */
static int thaw_factor(struct rt_thaw *t, int i, const int *batch, int batches, bool transposable,
                       bool *transposed)
{
    const struct rt_tensor *x = t->call.in[i], *y = rt_thaw_tensor(t, t->step->out[0]);
    int shift = y->rank - x->rank, axis[RT_NODE_RANK], n = 0;
    if (rt_thaw_constant(t, t->step->in[i]))
        transposable = false;
    struct rt_layout layout =
        transposable ? rt_thaw_layout(t, t->step->in[i]) : (struct rt_layout){.node = 0};
    *transposed = transposable && layout.rank && layout.axis[layout.rank - 1] == x->rank - 2;
    for (int k = 0; k < batches; k++)
        axis[n++] = batch[k] < shift ? -1 : batch[k] - shift;
    axis[n++] = x->rank - (*transposed ? 1 : 2);
    axis[n++] = x->rank - (*transposed ? 2 : 1);
    int node = rt_thaw_arrange(t, t->step->in[i], axis, n);
    for (int k = 0; k < batches && !t->err; k++)
        if (rt_thaw_shape(t, node)->dim[k] == 1)
            node = rt_thaw_slice_node(t, node,
                                      &(struct rt_attr){.axis = k,
                                                        .count = (int)y->dim[batch[k]],
                                                        .function = RT_SLICE_wrap});
    return node;
}

/* The second factor may lie transposed: op matmul takes it so, and a transpose is saved in every
 * attention. */
void rt_thaw_matmul(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *a = t->call.in[0], *b = t->call.in[1];
    const struct rt_tensor *y = rt_thaw_tensor(t, t->step->out[0]);
    int batch[RT_NODE_RANK], n = 0, pair[2], axis[RT_NODE_RANK];
    bool transposed, ignored;
    if (b->rank == 2 && rt_thaw_constant(t, t->step->in[1]) && b->dtype == RT_F32) {
        thaw_product(t, b, false, NULL);
        return;
    }
    if (a->rank < 2 || b->rank < 2)
        rt_thaw_refuse(t, "a factor of rank 1");
    for (int i = 0; i < y->rank - 2 && !t->err; i++)
        if (y->dim[i] != 1) {
            if (n + 2 == RT_NODE_RANK)
                rt_thaw_refuse(t, "more than %d dimensions before the last two", n);
            else
                batch[n++] = i;
        }
    if (t->err)
        return;
    pair[0] = thaw_factor(t, 0, batch, n, false, &ignored);
    pair[1] = thaw_factor(t, 1, batch, n, true, &transposed);
    int node = rt_thaw_node(t, RT_OP_matmul, pair, 2, &(struct rt_attr){.transposed = transposed});
    memcpy(axis, batch, (size_t)n * sizeof *axis);
    axis[n] = y->rank - 2;
    axis[n + 1] = y->rank - 1;
    rt_thaw_bind(t, t->step->out[0], node, axis, n + 2);
}

/* ---- normalisation ----
 * Batch-norm becomes the network's own, which goes on with the file's statistics. The others have
 * no statistics: op normalise, then scale and shift as weights of their own. */

/* Channels are dimension 1 of the file, so they come last here; the order of the others does not
 * matter. */
void rt_thaw_batch_norm(struct rt_thaw *t, int how)
{
    (void)how;
    struct rt_layout layout = rt_thaw_layout(t, t->step->in[0]);
    int axis[RT_NODE_RANK + 1], n = 0;
    for (int i = 0; i < layout.rank; i++)
        if (layout.axis[i] != 1)
            axis[n++] = layout.axis[i];
    axis[n++] = 1;
    int x = rt_thaw_arrange(t, t->step->in[0], axis, n);
    struct rt_attr attr = {.epsilon = (float)rt_kernel_float(&t->call, "epsilon", 1e-5)};
    int y = rt_thaw_node(t, RT_OP_batchnorm, &x, 1, &attr);
    for (int i = 0; i < 4; i++)
        rt_thaw_fill(t, y, i, rt_thaw_weight(t, i + 1)->data);
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* y * scale + shift, both of input dimension `along` (and those behind it, if to_end). */
static int thaw_scale_shift(struct rt_thaw *t, int y, const int *axis, int n, int along,
                            bool to_end)
{
    static const int function[] = {RT_BINARY_mul, RT_BINARY_add};
    for (int i = 0; i < 2 && !t->err; i++) {
        int value = rt_thaw_in(t, i + 1), own[RT_NODE_RANK];
        if (value < 0)
            continue;
        const struct rt_tensor *w = rt_thaw_weight(t, i + 1);
        for (int k = 0; k < n; k++) /* w's dimensions are x's from along on */
            own[k] = axis[k] == along || (to_end && axis[k] > along)
                         ? (w->rank == 1 ? 0 : axis[k] - (t->call.in[0]->rank - w->rank)) : -1;
        int pair[2] = {y, rt_thaw_arrange(t, value, own, n)};
        y = rt_thaw_node(t, RT_OP_binary, pair, 2, &(struct rt_attr){.function = function[i]});
    }
    return y;
}

/* along: the dimension that scale and shift belong to. */
static void thaw_normalise(struct rt_thaw *t, unsigned set, int along, bool to_end)
{
    int axis[RT_NODE_RANK], n, first, count;
    int x = rt_thaw_group(t, t->step->in[0], set, axis, &n, &first, &count);
    if (count == 0)
        rt_thaw_refuse(t, "one number alone to normalise");
    struct rt_attr attr = {.axis = first, .axes = count,
                           .epsilon = (float)rt_kernel_float(&t->call, "epsilon", 1e-5)};
    int y = rt_thaw_node(t, RT_OP_normalise, &x, 1, &attr);
    rt_thaw_bind(t, t->step->out[0], thaw_scale_shift(t, y, axis, n, along, to_end), axis, n);
}

/* Bits of the dimensions from this one to the last. */
static unsigned thaw_axes_from(const struct rt_thaw *t, int axis)
{
    return ((1u << t->call.in[0]->rank) - 1) & ~((1u << axis) - 1);
}

void rt_thaw_instance_norm(struct rt_thaw *t, int how)
{
    (void)how;
    thaw_normalise(t, thaw_axes_from(t, 2), 1, false);
}

/* Groups are neighbours among the channels, so with the channels in front each is one row to normalise. */
void rt_thaw_group_norm(struct rt_thaw *t, int how)
{
    (void)how;
    const struct rt_tensor *x = t->call.in[0];
    int axis[RT_NODE_RANK], n = 0, groups = (int)rt_kernel_int(&t->call, "num_groups", 1);
    if (t->call.opset < 21 && groups != 1 && groups != x->dim[1])
        rt_thaw_refuse(t, "scale and shift are one for each group in opset 18; export the network with opset 21");
    if (x->rank > 1 + RT_NODE_RANK || x->dim[0] != 1)
        rt_thaw_refuse(t, "an input of rank %d", x->rank);
    for (int i = 1; i < x->rank && !t->err; i++)
        axis[n++] = i;
    int y = t->err ? 0 : rt_thaw_arrange(t, t->step->in[0], axis, n);
    if (t->err)
        return;
    struct rt_shape whole = *rt_thaw_shape(t, y), rows = {2, {groups, 1}};
    rows.dim[1] = (int)(rt_kernel_span(x, 1, x->rank) / groups);
    struct rt_attr attr = {.axis = 1, .axes = 1, .epsilon = (float)rt_kernel_float(&t->call, "epsilon", 1e-5)};
    y = rt_thaw_view(t, y, &rows);
    y = rt_thaw_view(t, rt_thaw_node(t, RT_OP_normalise, &y, 1, &attr), &whole);
    rt_thaw_bind(t, t->step->out[0], thaw_scale_shift(t, y, axis, n, 1, false), axis, n);
}

/* Its mean and deviation outputs have no gradient here: refused if anybody reads them. */
void rt_thaw_layer_norm(struct rt_thaw *t, int how)
{
    (void)how;
    int axis = 0;
    rt_kernel_axis(&t->call, rt_kernel_int(&t->call, "axis", -1), t->call.in[0]->rank, &axis);
    for (int i = 1; i < t->step->node->outputs; i++)
        if (t->step->out[i] >= 0 && t->f->value[t->step->out[i]].needed)
            rt_thaw_refuse(t, "a second output");
    thaw_normalise(t, thaw_axes_from(t, axis), axis, true);
}

/* Up to opset 12 over everything from the axis on, since then over the axis alone. */
void rt_thaw_softmax(struct rt_thaw *t, int function)
{
    int at = 0, axis[RT_NODE_RANK], n, first, count;
    int64_t own = rt_kernel_int(&t->call, "axis", t->call.opset < 13 ? 1 : -1);
    rt_kernel_axis(&t->call, own, t->call.in[0]->rank, &at);
    unsigned set = t->call.opset < 13 ? thaw_axes_from(t, at) : 1u << at;
    int x = rt_thaw_group(t, t->step->in[0], set, axis, &n, &first, &count);
    if (count == 0)
        rt_thaw_refuse(t, "one number alone");
    struct rt_attr attr = {.function = function, .axis = first, .axes = count};
    rt_thaw_bind(t, t->step->out[0], rt_thaw_node(t, RT_OP_softmax, &x, 1, &attr), axis, n);
}

/* By its norm, which is held above nothing as PyTorch's normalize does. */
void rt_thaw_lp_norm(struct rt_thaw *t, int how)
{
    (void)how;
    int at = 0, axis[RT_NODE_RANK], n, first, count;
    bool sum = rt_kernel_int(&t->call, "p", 2) == 1;
    rt_kernel_axis(&t->call, rt_kernel_int(&t->call, "axis", -1), t->call.in[0]->rank, &at);
    int x = rt_thaw_group(t, t->step->in[0], 1u << at, axis, &n, &first, &count);
    int norm = sum || !count ? rt_thaw_unary(t, x, RT_UNARY_abs, 0, 0) : x;
    struct rt_attr attr = {.function = sum ? RT_REDUCE_sum : RT_REDUCE_l2, .axis = first, .axes = count};
    if (count && !t->err) {
        struct rt_shape s = *rt_thaw_shape(t, x);
        s.dim[first] = 1;
        norm = rt_thaw_view(t, rt_thaw_node(t, RT_OP_reduce, &norm, 1, &attr), &s);
    }
    int pair[2] = {x, rt_thaw_unary(t, norm, RT_UNARY_clip, 1e-12f, INFINITY)};
    int y = rt_thaw_node(t, RT_OP_binary, pair, 2, &(struct rt_attr){.function = RT_BINARY_div});
    rt_thaw_bind(t, t->step->out[0], y, axis, n);
}

/* ---- sums ----
 * The reduced dimensions are brought together first (rt_thaw_group), so one op reduces any set of
 * axes. */

/* What a reduction over one number is. */
static int thaw_reduce_one(struct rt_thaw *t, int x, int function)
{
    return function == RT_REDUCE_l2           ? rt_thaw_unary(t, x, RT_UNARY_abs, 0, 0)
           : function == RT_REDUCE_sum_square ? rt_thaw_unary(t, x, RT_UNARY_square, 0, 0)
                                              : x;
}

/* before, after: functions of one number that go before and after, or -1. */
static void thaw_reduce_set(struct rt_thaw *t, int before, int function, int after, unsigned set,
                            bool keep)
{
    int axis[RT_NODE_RANK], n, first, count, left[RT_NODE_RANK], kept = 0;
    int x = rt_thaw_group(t, t->step->in[0], set, axis, &n, &first, &count);
    x = before < 0 ? x : rt_thaw_unary(t, x, before, 0, 0);
    struct rt_attr attr = {.function = function, .axis = first, .axes = count};
    int y = count ? rt_thaw_node(t, RT_OP_reduce, &x, 1, &attr) : thaw_reduce_one(t, x, function);
    y = after < 0 ? y : rt_thaw_unary(t, y, after, 0, 0);
    for (int i = 0; i < n; i++)
        if (i < first || i >= first + count)
            left[kept++] = keep ? axis[i]
                                : axis[i] - __builtin_popcount(set & ((1u << axis[i]) - 1));
    rt_thaw_bind(t, t->step->out[0], y, left, kept);
}

/* Over all places; the ones that are left in the file's shape are dropped in the layout. */
void rt_thaw_global_pool(struct rt_thaw *t, int function)
{
    thaw_reduce_set(t, -1, function, -1, thaw_axes_from(t, 2), true);
}

/* Axes as the opset has them, then as a set of bits. */
static void thaw_reduce_attributes(struct rt_thaw *t, int before, int function, int after)
{
    int64_t axes[RT_TENSOR_RANK];
    int rank = t->call.in[0]->rank, at = 0;
    bool plain = before < 0 && after < 0 && function == RT_REDUCE_sum; /* ReduceSum was first */
    bool input = t->call.opset >= (plain ? 13 : 18);
    int n = input ? rt_kernel_ints_in(&t->call, 1, axes, RT_TENSOR_RANK)
                  : rt_kernel_ints(&t->call, "axes", axes, RT_TENSOR_RANK);
    bool nothing = input && n == 0 && rt_kernel_int(&t->call, "noop_with_empty_axes", 0);
    unsigned set = n == 0 && !nothing ? thaw_axes_from(t, 0) : 0;
    for (int i = 0; i < n; i++) {
        rt_kernel_axis(&t->call, axes[i], rank, &at);
        set |= 1u << at;
    }
    thaw_reduce_set(t, before, function, after, set, rt_kernel_int(&t->call, "keepdims", 1) != 0);
}

void rt_thaw_reduce(struct rt_thaw *t, int function)
{
    thaw_reduce_attributes(t, -1, function, -1);
}

/* Sums of absolute values: a function of one number, then a sum. */
void rt_thaw_reduce_l1(struct rt_thaw *t, int how)
{
    (void)how;
    thaw_reduce_attributes(t, RT_UNARY_abs, RT_REDUCE_sum, -1);
}

/* The logarithm of a sum. */
void rt_thaw_reduce_log(struct rt_thaw *t, int how)
{
    (void)how;
    thaw_reduce_attributes(t, -1, RT_REDUCE_sum, RT_UNARY_log);
}

/* The logarithm of a sum of exponents. Without the largest taken off first, as the kernel does: a student's values
 * that overflow here are beyond training. */
void rt_thaw_reduce_log_exp(struct rt_thaw *t, int how)
{
    (void)how;
    thaw_reduce_attributes(t, RT_UNARY_exp, RT_REDUCE_sum, RT_UNARY_log);
}
