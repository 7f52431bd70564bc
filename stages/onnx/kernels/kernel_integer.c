/* SPDX-License-Identifier: MIT
 * kernel_integer: products and convolutions of numbers of 8 bits, and the quantisation that goes before them in
 * files for ONNX Runtime: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv, DynamicQuantizeLinear. Computed in
 * floats by the kernels of MatMul and Conv: sums below 2^24 are exact there. Files in QDQ form need none of these. */
#include "stages/onnx/kernels/kernel.h"
#include "stages/onnx/kernels/kernel_quantise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the call of floats inside ----
 * x and w as floats without their zero points, in scratch memory, and the product of the same node by the kernel
 * of its float operator. The scale of the result is applied behind it, so the sums are those of whole numbers. */

enum { X, W, BIAS, PARTS };

struct inner {
    struct rt_tensor part[PARTS], y;
    const struct rt_tensor *in[PARTS];
    struct rt_tensor *out[1];
    struct rt_kernel_call call;
    size_t scratch; /* where the inner kernel's begins */
};

/* Where inputs are: ONNX puts the scales between the tensors in the QLinear operators. */
struct integer {
    const struct rt_kernel *product;
    int w, x_zero, w_zero, bias; /* inputs; bias -1: none */
    int x_scale;                 /* -1: no scales, the result is the whole sums */
};

static size_t integer_room(const struct rt_tensor *t)
{
    return (rt_tensor_bytes(t) + 63) / 64 * 64;
}

static int integer_open(const struct rt_kernel_call *c, struct inner *n)
{
    const struct integer *how = c->op->kernel->how;
    const int from[PARTS] = {0, how->w, how->bias};
    memset(n, 0, sizeof *n);
    for (int i = 0; i < PARTS; i++) {
        if (from[i] < 0 || !rt_kernel_given(c, from[i]))
            continue;
        const struct rt_tensor *t = c->in[from[i]];
        if (t->dtype != RT_I32 && (t->dtype != RT_U8 || i == BIAS))
            return rt_kernel_refuse_type(c, from[i]);
        n->part[i] = *t;
        n->part[i].dtype = RT_F32;
        n->part[i].data = NULL;
        n->in[i] = &n->part[i];
    }
    n->call = *c;
    n->call.in = n->in;
    n->call.out = n->out;
    n->call.inputs = n->in[BIAS] ? PARTS : BIAS;
    n->call.outputs = 1;
    n->call.prepared = NULL;
    n->out[0] = &n->y;
    RT_TRY(how->product->shape(&n->call));
    n->scratch = integer_room(&n->y);
    for (int i = 0; i < PARTS; i++)
        n->scratch += n->in[i] ? integer_room(&n->part[i]) : 0;
    return 0;
}

/* One for all, or one for each place of an axis: that of x's rows, of w's columns, of a kernel's units. */
static int integer_check_list(const struct rt_kernel_call *c, int input, const struct rt_tensor *t, int axis)
{
    if (!rt_kernel_given(c, input))
        return 0;
    int64_t count = rt_tensor_count(c->in[input]);
    if (count != 1 && (t->rank <= axis || axis < 0 || count != t->dim[axis]))
        return rt_kernel_refuse(c, RT_EMISMATCH, "input %d has %lld numbers; one for all is read, or one for each %s",
                                input, (long long)count, axis == 0 ? "unit" : "column");
    return 0;
}

static int integer_check_zero(const struct rt_kernel_call *c, int input)
{
    bool narrow = !rt_kernel_given(c, input) || c->in[input]->dtype == RT_U8 || c->in[input]->dtype == RT_I32;
    return narrow ? 0 : rt_kernel_refuse_type(c, input);
}

/* The axis of w that may have scales and zero points of its own. */
static int integer_w_axis(const struct rt_kernel_call *c)
{
    const struct integer *how = c->op->kernel->how;
    return how->product == &rt_kernel_conv ? 0 : c->in[how->w]->rank - 1;
}

static int integer_shape(struct rt_kernel_call *c)
{
    const struct integer *how = c->op->kernel->how;
    struct inner n;
    int axis = integer_w_axis(c);
    enum rt_dtype dtype = RT_I32;
    RT_TRY(integer_open(c, &n));
    RT_TRY(integer_check_list(c, how->x_zero, c->in[0], -1));
    RT_TRY(integer_check_list(c, how->w_zero, c->in[how->w], axis));
    RT_TRY(integer_check_zero(c, how->x_zero));
    RT_TRY(integer_check_zero(c, how->w_zero));
    if (how->x_scale >= 0) {
        RT_TRY(integer_check_zero(c, how->w_zero + 2));
        RT_TRY(integer_check_list(c, how->x_scale, c->in[0], -1));
        RT_TRY(integer_check_list(c, how->w_zero - 1, c->in[how->w], axis));
        for (int i = how->w_zero + 1; i < how->w_zero + 3; i++)
            RT_TRY(integer_check_list(c, i, c->in[0], -1));
        const int scale[] = {how->x_scale, how->w_zero - 1, how->w_zero + 1};
        for (int i = 0; i < 3; i++)
            if (c->in[scale[i]]->dtype != RT_F32)
                return rt_kernel_refuse_type(c, scale[i]);
        dtype = c->in[how->w_zero + 2]->dtype;
        c->made = c->type[how->w_zero + 2];
    }
    c->scratch_bytes = n.scratch + n.call.scratch_bytes;
    return rt_kernel_out(c, 0, dtype, n.y.rank, n.y.dim);
}

/* The i-th number of a list that may have one for all. */
static double list_at(const struct rt_kernel_call *c, int input, int64_t i)
{
    if (!rt_kernel_given(c, input))
        return 0;
    return rt_tensor_element(c->in[input], rt_tensor_count(c->in[input]) == 1 ? 0 : i);
}

static void integer_widen_row(const struct rt_tensor *t, int64_t from, int64_t n, int zero, float *to)
{
    if (t->dtype == RT_U8)
        for (int64_t i = 0; i < n; i++)
            to[i] = (float)(((const uint8_t *)t->data)[from + i] - zero);
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = (float)((int64_t)((const int32_t *)t->data)[from + i] - zero);
}

static void integer_widen(const struct rt_kernel_call *c, const struct rt_tensor *t, int zero, int axis, float *to)
{
    bool each = axis >= 0 && rt_kernel_given(c, zero) && rt_tensor_count(c->in[zero]) > 1;
    int64_t n = each ? t->dim[axis] : 1, inner = each ? rt_kernel_span(t, axis + 1, t->rank) : rt_tensor_count(t);
    for (int64_t at = 0, i = 0; at < rt_tensor_count(t); at += inner, i++)
        integer_widen_row(t, at, inner, (int)list_at(c, zero, i % n), to + at);
}

/* Weights that are constant are widened once. */
static size_t integer_prepared_bytes(struct rt_kernel_call *c)
{
    const struct integer *how = c->op->kernel->how;
    const struct rt_tensor *w = c->in[how->w];
    bool known = w->data && (!rt_kernel_given(c, how->w_zero) || c->in[how->w_zero]->data);
    return known ? (size_t)rt_tensor_count(w) * sizeof(float) : 0;
}

static int integer_prepare(struct rt_kernel_call *c, void *to)
{
    const struct integer *how = c->op->kernel->how;
    integer_widen(c, c->in[how->w], how->w_zero, integer_w_axis(c), to);
    return 0;
}

/* Sums to the result's scale and zero point, as QuantizeLinear does it. */
static void integer_finish(const struct rt_kernel_call *c, const float *sum)
{
    const struct integer *how = c->op->kernel->how;
    struct rt_tensor *y = c->out[0];
    int scale = how->w_zero + 1, zero = how->w_zero + 2, type = c->type[zero];
    bool conv = how->product == &rt_kernel_conv;
    int64_t apart = conv ? rt_kernel_span(y, 2, y->rank) : 1;
    int64_t units = conv ? y->dim[1] : y->rank > 0 ? y->dim[y->rank - 1] : 1;
    for (int64_t i = 0, count = rt_tensor_count(y); i < count; i++) {
        double v = sum[i] * list_at(c, how->x_scale, 0) * list_at(c, how->w_zero - 1, i / apart % units);
        rt_kernel_put(y, i, rt_quantise((float)v, (float)list_at(c, scale, 0), list_at(c, zero, 0), y->dtype, type));
    }
}

static int integer_compute(struct rt_kernel_call *c)
{
    const struct integer *how = c->op->kernel->how;
    const int from[PARTS] = {0, how->w, how->bias};
    const int zero[PARTS] = {how->x_zero, how->w_zero, c->inputs}, axis[PARTS] = {-1, integer_w_axis(c), -1};
    char *at = c->scratch;
    struct inner n;
    RT_TRY(integer_open(c, &n));
    for (int i = 0; i < PARTS; i++)
        if (n.in[i]) {
            n.part[i].data = i == W && c->prepared ? (void *)(uintptr_t)c->prepared : at;
            if (n.part[i].data == at)
                integer_widen(c, c->in[from[i]], zero[i], axis[i], n.part[i].data);
            at += integer_room(&n.part[i]);
        }
    n.y.data = at;
    n.call.scratch = at + integer_room(&n.y);
    RT_TRY(how->product->compute(&n.call));
    if (how->x_scale >= 0)
        integer_finish(c, n.y.data);
    else
        for (int64_t i = 0, count = rt_tensor_count(&n.y); i < count; i++)
            rt_kernel_put(c->out[0], i, (double)((float *)n.y.data)[i]);
    return 0;
}

static const struct rt_kernel_once integer_once = {integer_prepared_bytes, integer_prepare};
static const struct integer matmul_how = {&rt_kernel_matmul, 1, 2, 3, -1, -1};
static const struct integer conv_how = {&rt_kernel_conv, 1, 2, 3, -1, -1};
static const struct integer qlinear_matmul_how = {&rt_kernel_matmul, 3, 2, 5, -1, 1};
static const struct integer qlinear_conv_how = {&rt_kernel_conv, 3, 2, 5, 8, 1};
const struct rt_kernel rt_kernel_matmul_integer = {2, 4, 1, integer_shape, integer_compute, &matmul_how,
                                                   &integer_once};
const struct rt_kernel rt_kernel_conv_integer = {2, 4, 1, integer_shape, integer_compute, &conv_how, &integer_once};
const struct rt_kernel rt_kernel_qlinear_matmul = {8, 8, 1, integer_shape, integer_compute, &qlinear_matmul_how,
                                                   &integer_once};
const struct rt_kernel rt_kernel_qlinear_conv = {8, 9, 1, integer_shape, integer_compute, &qlinear_conv_how,
                                                 &integer_once};

/* ---- DynamicQuantizeLinear: UINT8 by the range of the numbers themselves ---- */

static int dynamic_shape(struct rt_kernel_call *c)
{
    RT_TRY(rt_kernel_check_floats(c));
    RT_TRY(rt_kernel_out(c, 1, RT_F32, 0, NULL));
    RT_TRY(rt_kernel_out(c, 2, RT_U8, 0, NULL));
    return rt_kernel_out(c, 0, RT_U8, c->in[0]->rank, c->in[0]->dim);
}

/* The range includes 0. Numbers that are all 0 have a scale of 0 in ONNX, and stay the zero point. */
static int dynamic_compute(struct rt_kernel_call *c)
{
    const float *x = c->in[0]->data;
    float low = 0, high = 0;
    int64_t n = rt_tensor_count(c->in[0]);
    for (int64_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = (high - low) / 255, zero = scale > 0 ? rintf(-low / scale) : 0;
    zero = zero < 0 ? 0 : zero > 255 ? 255 : zero;
    for (int64_t i = 0; i < n && c->out[0]; i++) {
        float v = scale > 0 ? rintf(x[i] / scale) + zero : zero;
        ((uint8_t *)c->out[0]->data)[i] = (uint8_t)(v > 255 ? 255 : v > 0 ? v : 0);
    }
    if (c->outputs > 1 && c->out[1])
        *(float *)c->out[1]->data = scale;
    if (c->outputs > 2 && c->out[2])
        *(uint8_t *)c->out[2]->data = (uint8_t)zero;
    return 0;
}

const struct rt_kernel rt_kernel_dynamic_quantise = {1, 1, 3, dynamic_shape, dynamic_compute, NULL, NULL};
