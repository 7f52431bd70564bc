/* SPDX-License-Identifier: MIT
 * onnx_map: see onnx_map.h. One function per op, which makes the op's value (onnx_map_value.c). */
#include "stages/onnx/map/onnx_map_parts.h"

#include "stages/nn/stretch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME RT_MAP_NAME

typedef rt_map_names names;

/* ---- ops: each makes v from its inputs ----
 * Opset 13 is old enough for every program that people run and new enough for what our ops need;
 * what ONNX has no operator for is made of several. */

static void map_made_first(struct rt_map_value *v)
{
    memcpy(v->first, v->name, NAME);
}

/* Both layouts are one when there is only one dimension. */
static int emit_input(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                      struct rt_error *e)
{
    (void)e;
    bool bag = n->op == RT_OP_bag;
    int rank = bag ? 1 : n->shape.rank;
    int64_t dim[1 + RT_NODE_RANK] = {-1, n->attr.buckets};
    for (int i = 0; i < rank && !bag; i++)
        dim[i + 1] = n->shape.dim[i];
    rt_onnx_add_input(m->o, RT_ONNX_INPUT, RT_F32, rank + 1, dim, "batch");
    if (m->open_time)
        rt_onnx_open_input(m->o, 1, "time");
    snprintf(v->last, NAME, "%s", RT_ONNX_INPUT);
    if (rank == 1)
        snprintf(v->first, NAME, "%s", RT_ONNX_INPUT);
    return 0;
}

/* kernel, stride, pad and dilation of the first `axes` axes. */
static void map_window_attrs(struct rt_onnx_map *m, struct rt_onnx_node *o, const struct rt_attr *a,
                             int axes, bool dilations)
{
    int64_t kernel[2], stride[2], pad[4], dilation[2];
    for (int i = 0; i < axes; i++) {
        kernel[i] = a->kernel[i];
        stride[i] = a->stride[i];
        dilation[i] = a->dilation[i];
        pad[i] = pad[i + axes] = a->pad[i];
    }
    rt_onnx_attr_ints(m->o, o, "kernel_shape", kernel, axes);
    rt_onnx_attr_ints(m->o, o, "strides", stride, axes);
    rt_onnx_attr_ints(m->o, o, "pads", pad, 2 * axes);
    if (dilations)
        rt_onnx_attr_ints(m->o, o, "dilations", dilation, axes);
}

/* conv2d of [time, channels] reads it as one plane, which ONNX needs said. */
static int emit_conv(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    (void)e;
    char plane[NAME];
    const struct rt_node *in = rt_graph_at(m->g, n->input[0]);
    const char *x;
    if (n->op == RT_OP_conv2d && in->shape.rank == 2) { /* [time, channels] as one plane */
        int64_t axis = 1, one = 1;
        struct rt_tensor t = rt_tensor_view(RT_I64, 1, &one, &axis);
        char axes[NAME];
        x = rt_map_last(m, n->input[0]);
        rt_onnx_add_initializer(m->o, rt_map_inside(axes, n, "axes"), &t);
        rt_map_add(m, "Unsqueeze", (names){x, axes}, rt_map_inside(plane, n, "plane"));
        x = plane;
    } else {
        x = rt_map_first(m, n->input[0]);
    }
    char weight[NAME], bias[NAME];
    const char *w = rt_map_weight(m, n, 0, weight), *b = rt_map_weight(m, n, 1, bias);
    struct rt_onnx_node *o = rt_map_add(m, "Conv", (names){x, w, b}, v->name);
    map_window_attrs(m, o, &n->attr, n->op == RT_OP_conv2d ? 2 : 1, true);
    if (n->attr.groups > 1)
        rt_onnx_attr_int(m->o, o, "group", n->attr.groups);
    map_made_first(v);
    return 0;
}

/* Mean pooling with dilation came with opset 19. */
static int emit_pool(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    bool max = n->op == RT_OP_maxpool;
    const struct rt_attr *a = &n->attr;
    int axes = n->shape.rank - 1;
    if (!max && (a->dilation[0] > 1 || (axes > 1 && a->dilation[1] > 1)))
        return rt_error_set(e, RT_EMISMATCH,
                            "network: node \"%s\": ONNX (opset %d) has no dilated mean pooling",
                            n->name, RT_ONNX_MAP_OPSET);
    struct rt_onnx_node *o = rt_map_add(m, max ? "MaxPool" : "AveragePool",
                                 (names){rt_map_first(m, n->input[0])}, v->name);
    map_window_attrs(m, o, a, axes, max);
    map_made_first(v);
    return 0;
}

/* Inference: running statistics, in the order scale, bias, mean, variance. */
static int emit_batchnorm(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                          struct rt_error *e)
{
    (void)e;
    char name[4][NAME];
    const char *in[] = {rt_map_first(m, n->input[0]), NULL, NULL, NULL, NULL, NULL};
    for (int i = 0; i < 4; i++)
        in[i + 1] = rt_map_weight(m, n, i, name[i]);
    struct rt_onnx_node *o = rt_onnx_add_node(m->o, "BatchNormalization", v->name, in,
                                              (const char *[]){v->name, NULL});
    rt_onnx_attr_float(m->o, o, "epsilon", n->attr.epsilon > 0 ? n->attr.epsilon : 1e-5f);
    map_made_first(v);
    return 0;
}

/* In the layout there is, so that no Transpose is made for it. */
static int emit_relu(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                     struct rt_error *e)
{
    (void)e;
    bool last = !m->value[n->input[0]].first[0];
    rt_map_add(m, "Relu", (names){last ? rt_map_last(m, n->input[0]) : rt_map_first(m, n->input[0])},
               v->name);
    memcpy(last ? v->last : v->first, v->name, NAME);
    return 0;
}

/* Nothing is left of it: its value is its input's. */
static int emit_dropout(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                        struct rt_error *e)
{
    (void)e;
    const struct rt_map_value *in = &m->value[n->input[0]];
    memcpy(v->first, in->first, NAME);
    memcpy(v->last, in->last, NAME);
    return 0;
}

static void map_add_flatten(struct rt_onnx_map *m, const char *in, const char *out)
{
    rt_onnx_attr_int(m->o, rt_map_add(m, "Flatten", (names){in}, out), "axis", 1);
}

/* GlobalAveragePool leaves [batch, c, 1, 1], hence the Flatten. */
static int emit_globalpool(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                           struct rt_error *e)
{
    (void)e;
    char mean[NAME];
    rt_map_add(m, "GlobalAveragePool", (names){rt_map_first(m, n->input[0])}, rt_map_inside(mean, n, "mean"));
    map_add_flatten(m, mean, v->name);
    map_made_first(v);
    return 0;
}

/* [batch, c, 1] or [batch, c, 1, w] -> [batch, (w) c] */
static void map_add_statistic(struct rt_onnx_map *m, const char *in, const char *out, int rank)
{
    char transposed[NAME];
    snprintf(transposed, sizeof transposed, "%.*s/turned", NAME - 8, out);
    if (rank == 3)
        rt_map_turn(m, in, transposed, 3);
    map_add_flatten(m, rank == 3 ? transposed : in, out);
}

/* ONNX has no deviation, so mean, difference, square, mean, root. Time is axis 2 with channels
 * first. */
static int emit_statpool(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                         struct rt_error *e)
{
    (void)e;
    char mean[NAME], off[NAME], square[NAME], var[NAME], eps[NAME], sum[NAME], dev[NAME];
    char flat_mean[NAME], flat_dev[NAME];
    int rank = rt_graph_at(m->g, n->input[0])->shape.rank;
    const int64_t time = 2;
    const char *x = rt_map_first(m, n->input[0]);
    struct rt_onnx_node *o = rt_map_add(m, "ReduceMean", (names){x}, rt_map_inside(mean, n, "mean"));
    rt_onnx_attr_ints(m->o, o, "axes", &time, 1);
    rt_map_add(m, "Sub", (names){x, mean}, rt_map_inside(off, n, "off"));
    rt_map_add(m, "Mul", (names){off, off}, rt_map_inside(square, n, "square"));
    o = rt_map_add(m, "ReduceMean", (names){square}, rt_map_inside(var, n, "variance"));
    rt_onnx_attr_ints(m->o, o, "axes", &time, 1);
    rt_map_scalar(m, rt_map_inside(eps, n, "epsilon"), n->attr.epsilon > 0 ? n->attr.epsilon : 1e-5f);
    rt_map_add(m, "Add", (names){var, eps}, rt_map_inside(sum, n, "sum"));
    rt_map_add(m, "Sqrt", (names){sum}, rt_map_inside(dev, n, "deviation"));
    map_add_statistic(m, mean, rt_map_inside(flat_mean, n, "means"), rank);
    map_add_statistic(m, dev, rt_map_inside(flat_dev, n, "deviations"), rank);
    o = rt_map_add(m, "Concat", (names){flat_mean, flat_dev}, v->name);
    rt_onnx_attr_int(m->o, o, "axis", 1);
    map_made_first(v);
    return 0;
}

/* x of [batch, c] by weight [units, c]. */
static void map_add_product(struct rt_onnx_map *m, const struct rt_node *n, const char *x,
                            const char *out)
{
    char weight[NAME], bias[NAME];
    const char *w = rt_map_weight(m, n, 0, weight), *b = rt_map_weight(m, n, 1, bias);
    struct rt_onnx_node *o = rt_map_add(m, "Gemm", (names){x, w, b}, out);
    rt_onnx_attr_int(m->o, o, "transB", 1);
}

/* Cosine rows have norm 1, so only the input has to be divided. An embedding bag is a
 * product with a dense bag. */
static int emit_linear(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                       struct rt_error *e)
{
    (void)e;
    char unit[NAME], weight[NAME];
    const char *x = m->value[n->input[0]].first;
    if (n->op == RT_OP_cosine) {
        rt_map_unit(m, n->name, x, RT_NORM_MIN, rt_map_inside(unit, n, "unit"));
        x = unit;
    }
    if (n->op == RT_OP_embeddingbag)
        rt_map_add(m, "MatMul", (names){x, rt_map_weight(m, n, 0, weight)}, v->name);
    else
        map_add_product(m, n, x, v->name);
    map_made_first(v);
    return 0;
}

/* By operators of opset 13: LpNormalization has no epsilon. */
static int emit_l2normalise(struct rt_onnx_map *m, const struct rt_node *n, struct rt_map_value *v,
                            struct rt_error *e)
{
    (void)e;
    rt_map_unit(m, n->name, m->value[n->input[0]].first, n->attr.epsilon > 0 ? n->attr.epsilon : RT_NORM_MIN,
                v->name);
    map_made_first(v);
    return 0;
}

static rt_map_emit *const emit[RT_OPS] = {
    [RT_OP_input] = emit_input,
    [RT_OP_bag] = emit_input,
    [RT_OP_conv2d] = emit_conv,
    [RT_OP_conv1d] = emit_conv,
    [RT_OP_linear] = emit_linear,
    [RT_OP_cosine] = emit_linear,
    [RT_OP_embeddingbag] = emit_linear,
    [RT_OP_batchnorm] = emit_batchnorm,
    [RT_OP_relu] = emit_relu,
    [RT_OP_add] = rt_map_binary,
    [RT_OP_maxpool] = emit_pool,
    [RT_OP_avgpool] = emit_pool,
    [RT_OP_globalpool] = emit_globalpool,
    [RT_OP_statpool] = emit_statpool,
    [RT_OP_reshape] = rt_map_reshape,
    [RT_OP_l2normalise] = emit_l2normalise,
    [RT_OP_dropout] = emit_dropout,
    [RT_OP_unary] = rt_map_unary,
    [RT_OP_binary] = rt_map_binary,
    [RT_OP_parameter] = rt_map_parameter,
    [RT_OP_transpose] = rt_map_transpose,
    [RT_OP_slice] = rt_map_slice,
    [RT_OP_concat] = rt_map_concat,
    [RT_OP_reduce] = rt_map_reduce,
    [RT_OP_softmax] = rt_map_softmax,
    [RT_OP_normalise] = rt_map_normalise,
    [RT_OP_matmul] = rt_map_matmul,
};

/* ---- outputs ----
 * An output is a sum of terms: what a student answers may be a weighted mean of its own logits and
 * the teacher's head's. Only what an output needs is written. */

/* Values take their nodes' names, so that a person finds the network in the file again. */
int rt_onnx_map_create(struct rt_onnx_map **out, struct rt_graph *g, struct rt_onnx *o, enum rt_onnx_weights weights)
{
    struct rt_onnx_map *m = calloc(1, sizeof *m);
    if (m)
        m->value = calloc((size_t)rt_graph_nodes(g) + 1, sizeof *m->value);
    if (!m || !m->value) {
        free(m);
        m = NULL;
    } else {
        m->g = g;
        m->o = o;
        m->weights = weights;
        for (int i = 0; i < rt_graph_nodes(g); i++)
            snprintf(m->value[i].name, NAME, "%s", rt_graph_at(g, i)->name);
    }
    *out = m;
    return m ? 0 : RT_EMEM;
}

/* A softmax over several dimensions is written with their sizes (rt_map_softmax). */
int rt_onnx_map_open_time(struct rt_onnx_map *m, int *least, struct rt_error *e)
{
    RT_TRY(rt_stretch_check(m->g, least, e));
    for (int i = 0; i < rt_graph_nodes(m->g); i++) {
        const struct rt_node *n = rt_graph_at(m->g, i);
        if (n->op == RT_OP_softmax && n->attr.axes > 1)
            return rt_error_set(e, RT_EMISMATCH, "node \"%s\" (softmax) leaves as ONNX for one length", n->name);
    }
    m->open_time = true;
    return 0;
}

void rt_onnx_map_destroy(struct rt_onnx_map *m)
{
    if (m)
        free(m->value);
    free(m);
}

/* Makes node's value and what it needs. Inputs have lower numbers than their readers: going down
 * marks what is needed, going up makes it. */
static int map_make_node(struct rt_onnx_map *m, int node, struct rt_error *e)
{
    int rc = 0;
    bool *needed = calloc((size_t)node + 1, sizeof *needed);
    if (!needed)
        return rt_error_set(e, RT_EMEM, "network: out of memory");
    needed[node] = true;
    for (int i = node; i >= 0; i--)
        for (int k = 0; needed[i] && k < rt_graph_at(m->g, i)->inputs; k++)
            needed[rt_graph_at(m->g, i)->input[k]] = true;
    for (int i = 0; !rc && i <= node; i++) {
        const struct rt_node *n = rt_graph_at(m->g, i);
        struct rt_map_value *v = &m->value[i];
        if (!needed[i] || v->first[0] || v->last[0])
            continue;
        if (!emit[n->op])
            rc = rt_error_set(e, RT_EMISMATCH, "network: node \"%s\" (%s) cannot leave as ONNX",
                              n->name, rt_op_get(n->op)->name);
        else
            rc = emit[n->op](m, n, v, e);
        if (!rc && n->shape.rank == 1)
            memcpy(v->last[0] ? v->first : v->last, v->last[0] ? v->last : v->first, NAME);
    }
    free(needed);
    return rc;
}

/* The name of one term's value; `last` is the name when it is the whole output. */
static const char *map_add_term(struct rt_onnx_map *m, const struct rt_onnx_term *t,
                                char scaled[NAME], char factor[NAME], const char *output,
                                int number)
{
    const char *value = m->value[t->node].first;
    if (t->scale == 1)
        return value;
    snprintf(factor, NAME, "%s/scale%d", output, number);
    snprintf(scaled, NAME, "%s/scaled%d", output, number);
    rt_map_add(m, "Mul", (names){value, rt_map_scalar(m, factor, t->scale)}, scaled);
    return scaled;
}

int rt_onnx_map_output(struct rt_onnx_map *m, const char *name, const struct rt_onnx_term *term,
                       int terms, struct rt_error *e)
{
    char scaled[2][NAME], factor[2][NAME];
    const char *in[2] = {NULL, NULL};
    int namesake = rt_graph_find(m->g, name);
    if (terms < 1 || terms > 2)
        return rt_error_set(e, RT_EUSAGE, "output \"%s\" of %d terms", name, terms);
    /* A node of the output's name that is not all of it leaves the name to the output. */
    if (namesake >= 0 && (terms > 1 || term[0].node != namesake || term[0].scale != 1))
        snprintf(m->value[namesake].name, NAME, "%s/own", name);
    for (int i = 0; i < terms; i++) {
        int rc = map_make_node(m, term[i].node, e);
        if (rc)
            return rc;
        in[i] = map_add_term(m, &term[i], scaled[i], factor[i], name, i);
    }
    if (terms == 2)
        rt_map_add(m, "Add", (names){in[0], in[1]}, name);
    else if (strcmp(in[0], name) != 0)
        rt_map_add(m, "Identity", (names){in[0]}, name);
    int64_t dim[2] = {-1, rt_graph_at(m->g, term[0].node)->shape.dim[0]};
    rt_onnx_add_output(m->o, name, RT_F32, 2, dim, "batch");
    return 0;
}
