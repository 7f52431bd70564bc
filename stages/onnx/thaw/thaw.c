/* SPDX-License-Identifier: MIT
 * thaw: see thaw.h. Here values: how each lies in the network, and the ways from one layout to
 * another. The operators: thaw_math.c, thaw_layer.c, thaw_move.c, thaw_resize.c. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/functions.h"
#include "stages/nn/walk.h"

#include <stdarg.h>
#include <stdio.h>
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

/* ---- values ----
 * What the frozen graph knows of a value: its shape for one sample, and its elements where it is
 * constant. */

const struct rt_tensor *rt_thaw_tensor(const struct rt_thaw *t, int value)
{
    return &t->f->value[value].t;
}

bool rt_thaw_constant(const struct rt_thaw *t, int value)
{
    return t->f->value[value].known;
}

/* Operators with one number for an operand are functions of one input; this finds it. */
bool rt_thaw_scalar(const struct rt_thaw *t, int value, float *number)
{
    const struct rt_tensor *x = rt_thaw_tensor(t, value);
    if (!rt_thaw_constant(t, value) || x->dtype != RT_F32 || rt_tensor_count(x) != 1)
        return false;
    *number = *(const float *)x->data;
    return true;
}

int rt_thaw_in(const struct rt_thaw *t, int i)
{
    return i < t->step->node->inputs ? t->step->in[i] : -1;
}

/* The first refusal stays: what follows from it would only confuse. */
void rt_thaw_refuse(struct rt_thaw *t, const char *format, ...)
{
    char why[300];
    va_list args;
    if (t->err)
        return;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    t->err = rt_kernel_refuse(&t->call, RT_EMISMATCH, "%s", why);
}

const struct rt_tensor *rt_thaw_weight(struct rt_thaw *t, int i)
{
    static const float nothing[1];
    static const struct rt_tensor none = {.dtype = RT_F32, .data = (void *)nothing};
    int value = rt_thaw_in(t, i);
    if (value >= 0 && rt_thaw_constant(t, value) && rt_thaw_tensor(t, value)->dtype == RT_F32)
        return rt_thaw_tensor(t, value);
    rt_thaw_refuse(t, "a student's input %d of this operator must be float weights in the file", i);
    return &none;
}

/* ---- nodes ----
 * Every node goes through here, so that errors of the network name the file's node. Names are
 * numbered in the order of making, and are what weights are called in model files. */

int rt_thaw_node(struct rt_thaw *t, enum rt_op_id op, const int *input, int inputs,
                 const struct rt_attr *attr)
{
    char name[RT_NAME];
    if (t->err)
        return 0;
    snprintf(name, sizeof name, "%d.%.24s", ++t->made, t->step ? t->step->node->op : "value");
    int node = rt_graph_node(t->g, op, name, input, inputs, attr, t->e);
    if (node >= 0)
        return node;
    t->err = node;
    if (t->step)
        rt_error_prefix(t->e, "%s: node \"%.80s\" (%s)", t->f->name,
                        t->step->node->name[0] ? t->step->node->name : t->step->node->output[0],
                        t->step->node->op);
    return 0;
}

/* Where a and b are not used they are 0, so that text of the network leaves them out. */
int rt_thaw_unary(struct rt_thaw *t, int x, int function, float a, float b)
{
    struct rt_attr attr = {.function = function, .number = {a, b}};
    return rt_thaw_node(t, RT_OP_unary, &x, 1, &attr);
}

int rt_thaw_slice_node(struct rt_thaw *t, int x, const struct rt_attr *attr)
{
    return rt_thaw_node(t, RT_OP_slice, &x, 1, attr);
}

/* A reshape costs nothing in the network: the memory is the input's. */
int rt_thaw_view(struct rt_thaw *t, int x, const struct rt_shape *shape)
{
    struct rt_attr attr = {.shape = *shape};
    return rt_thaw_node(t, RT_OP_reshape, &x, 1, &attr);
}

const struct rt_shape *rt_thaw_shape(const struct rt_thaw *t, int node)
{
    return &rt_graph_at(t->g, node)->shape;
}

/* Sizes were checked when the node was made from the same tensor's shape. */
void rt_thaw_fill(struct rt_thaw *t, int node, int k, const float *data)
{
    if (!t->err) {
        struct rt_param *p = rt_graph_param(t->g, rt_graph_at(t->g, node)->param[k]);
        memcpy(p->value, data, (size_t)p->count * sizeof *data);
    }
}

/* ---- layouts ----
 * ONNX has channels in front, the network's ops want them last. Instead of a transpose around each
 * op, a value keeps how it lies (rt_layout), and only an op that needs another order asks for one
 * (rt_thaw_arrange). Between ops that work place by place nothing is moved. */

static int64_t thaw_dim_of(const struct rt_tensor *x, int axis)
{
    return axis < 0 ? 1 : x->dim[axis];
}

/* The shape of a node with these dimensions of a value; false when there are too many. */
static bool thaw_shape_of(const struct rt_tensor *x, const int *axis, int n, struct rt_shape *s)
{
    *s = (struct rt_shape){.rank = n ? n : 1, .dim = {1}};
    for (int i = 0; i < n && n <= RT_NODE_RANK; i++) {
        if (thaw_dim_of(x, axis[i]) > 1 << 29)
            return false;
        s->dim[i] = (int)thaw_dim_of(x, axis[i]);
    }
    return n <= RT_NODE_RANK;
}

/* Those dimensions that are not 1, in their own order; how many, which may be more than fit. */
static int thaw_natural_order(const struct rt_tensor *x, int axis[RT_NODE_RANK])
{
    int n = 0;
    for (int i = 0; i < x->rank; i++)
        if (x->dim[i] != 1) {
            if (n < RT_NODE_RANK)
                axis[n] = i;
            n++;
        }
    return n;
}

struct copy {
    const void *from;
    float *to;
};

/* Flags of a file are bytes; in the network they are 0 and 1. */
static void thaw_copy_flags(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct copy *c = self;
    for (int64_t i = 0; i < n; i++)
        c->to[at[0] + i * step[0]] = ((const uint8_t *)c->from)[at[1] + i * step[1]] != 0;
}

static void thaw_copy_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct copy *c = self;
    for (int64_t i = 0; i < n; i++)
        c->to[at[0] + i * step[0]] = ((const float *)c->from)[at[1] + i * step[1]];
}

/* A constant of floats, or of flags as 0 and 1, as a parameter in this order. */
static int thaw_make_parameter(struct rt_thaw *t, int value, const int *axis, int n)
{
    const struct rt_tensor *x = rt_thaw_tensor(t, value);
    struct rt_attr attr = {.frozen = !t->weight[value] || rt_tensor_count(x) < 2};
    int64_t dim[RT_NODE_RANK], apart[RT_TENSOR_RANK], next = 1;
    struct rt_walk w;
    bool flags = x->dtype == RT_BOOL;
    if ((x->dtype != RT_F32 && !flags) || !thaw_shape_of(x, axis, n, &attr.shape)) {
        rt_thaw_refuse(t, "the constant '%.80s' is not of floats, or of too many dimensions",
                       t->f->value[value].name);
        return 0;
    }
    int node = rt_thaw_node(t, RT_OP_parameter, &t->input, 1, &attr);
    if (t->err)
        return 0;
    for (int i = x->rank - 1; i >= 0; next *= x->dim[i--])
        apart[i] = next;
    for (int i = 0; i < n; i++)
        dim[i] = attr.shape.dim[i];
    rt_walk_init(&w, 2, n, dim);
    rt_walk_dense(&w, 0, n, dim);
    for (int i = 0; i < n; i++)
        w.step[1][i] = axis[i] < 0 || dim[i] == 1 ? 0 : apart[axis[i]];
    struct rt_param *p = rt_graph_param(t->g, rt_graph_at(t->g, node)->param[0]);
    rt_walk_run(&w, flags ? thaw_copy_flags : thaw_copy_row, &(struct copy){x->data, p->value});
    return node;
}

/* Dimensions of 1 are dropped from the layout; a view takes them off the node. */
void rt_thaw_bind(struct rt_thaw *t, int value, int node, const int *axis, int n)
{
    const struct rt_tensor *x = rt_thaw_tensor(t, value);
    struct rt_layout *layout = &t->layout[value];
    struct rt_shape s = {.rank = 0};
    if (t->err)
        return;
    layout->rank = 0;
    for (int i = 0; i < n; i++)
        if (thaw_dim_of(x, axis[i]) != 1) {
            s.dim[layout->rank] = (int)thaw_dim_of(x, axis[i]);
            layout->axis[layout->rank++] = axis[i];
        }
    s.rank = layout->rank;
    if (s.rank == 0)
        s = (struct rt_shape){1, {1}};
    layout->node = s.rank == rt_thaw_shape(t, node)->rank ? node : rt_thaw_view(t, node, &s);
}

/* Does y have x's dimensions that are not 1, one by one? */
static bool thaw_same_numbers(const struct rt_tensor *x, const int *a, int na,
                              const struct rt_tensor *y, const int *b, int nb)
{
    for (int i = 0; i < na && na == nb && na <= RT_NODE_RANK; i++)
        if (x->dim[a[i]] != y->dim[b[i]])
            return false;
    return na == nb && na <= RT_NODE_RANK;
}

/* A value that is another's elements in another shape. */
static void thaw_reshape(struct rt_thaw *t, int value)
{
    int root = t->f->value[value].same, from[RT_NODE_RANK], to[RT_NODE_RANK];
    const struct rt_tensor *x = rt_thaw_tensor(t, root), *y = rt_thaw_tensor(t, value);
    int nx = thaw_natural_order(x, from), ny = thaw_natural_order(y, to);
    struct rt_layout layout = rt_thaw_layout(t, root);
    struct rt_shape s;
    if (thaw_same_numbers(x, from, nx, y, to, ny)) { /* only ones come or go: it lies as it lies */
        for (int i = 0; i < layout.rank; i++)
            for (int k = 0; k < nx; k++)
                if (layout.axis[i] == from[k]) {
                    t->layout[value].axis[i] = to[k];
                    break;
                }
        t->layout[value].rank = layout.rank;
        t->layout[value].node = layout.node;
        return;
    }
    if (nx > RT_NODE_RANK || !thaw_shape_of(y, to, ny, &s)) {
        rt_thaw_refuse(t, "'%.80s' has more than %d dimensions that are not 1", t->f->value[value].name,
                       RT_NODE_RANK);
        return;
    }
    int node = rt_thaw_arrange(t, root, from, nx);
    rt_thaw_bind(t, value, rt_thaw_view(t, node, &s), to, ny);
}

/* Made when first asked for: constants that no op reads as a value never become parameters. */
struct rt_layout rt_thaw_layout(struct rt_thaw *t, int value)
{
    struct rt_layout *layout = &t->layout[value];
    if (t->err || layout->node >= 0)
        return *layout;
    if (rt_thaw_constant(t, value)) {
        struct rt_layout own = {.node = -1};
        own.rank = thaw_natural_order(rt_thaw_tensor(t, value), own.axis);
        own.node = rt_thaw_arrange(t, value, own.axis, own.rank);
        return own;
    }
    if (t->f->value[value].same != value)
        thaw_reshape(t, value);
    else
        rt_thaw_refuse(t, "'%.80s' is not made by the nodes before", t->f->value[value].name);
    return *layout;
}

/* A transpose where the order differs, then a view where dimensions of 1 come in: only these, and
 * only when needed. */
int rt_thaw_arrange(struct rt_thaw *t, int value, const int *axis, int n)
{
    const struct rt_tensor *x = rt_thaw_tensor(t, value);
    struct rt_attr attr = {.order = {0}};
    struct rt_shape s;
    bool moved = false;
    int kept = 0;
    if (!t->err && rt_thaw_constant(t, value))
        return thaw_make_parameter(t, value, axis, n);
    struct rt_layout layout = rt_thaw_layout(t, value);
    if (!t->err && !thaw_shape_of(x, axis, n, &s))
        rt_thaw_refuse(t, "'%.80s' has more than %d dimensions", t->f->value[value].name, RT_NODE_RANK);
    for (int i = 0; i < n && !t->err; i++)
        for (int k = 0; k < layout.rank; k++)
            if (layout.axis[k] == axis[i]) {
                moved = moved || k != kept;
                attr.order[kept++] = k;
                break;
            }
    if (!t->err && kept != layout.rank)
        rt_thaw_refuse(t, "'%.80s' has more dimensions than this operator works on",
                       t->f->value[value].name);
    int node = moved ? rt_thaw_node(t, RT_OP_transpose, &layout.node, 1, &attr) : layout.node;
    return t->err ? 0 : s.rank == rt_thaw_shape(t, node)->rank ? node : rt_thaw_view(t, node, &s);
}

/* The set moves to the end if it is not together already; where it is, nothing moves. */
int rt_thaw_group(struct rt_thaw *t, int value, unsigned set, int axis[RT_NODE_RANK], int *n,
                  int *first, int *count)
{
    struct rt_layout layout = rt_thaw_layout(t, value);
    int parts = 0;
    *n = *count = *first = 0;
    for (int i = 0; i < layout.rank; i++) {
        bool in = set >> layout.axis[i] & 1;
        parts += in && (i == 0 || !(set >> layout.axis[i - 1] & 1));
        *first = in && *count == 0 ? i : *first;
        *count += in;
    }
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < layout.rank; i++)
            if (parts < 2 ? pass == 0 : (set >> layout.axis[i] & 1) == (unsigned)pass)
                axis[(*n)++] = layout.axis[i];
    *first = parts < 2 ? *first : layout.rank - *count;
    return rt_thaw_arrange(t, value, axis, *n);
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
