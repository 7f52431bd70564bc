/* SPDX-License-Identifier: MIT
 * thaw_value: see thaw_parts.h. Values: what is known of each, the nodes that make them, and the ways from one layout
 * to another. */
#include "stages/onnx/thaw/thaw_parts.h"

#include "stages/nn/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
