/* SPDX-License-Identifier: MIT
 * kernel_quantise: QuantizeLinear and DequantizeLinear: numbers of 8 or 16 bits and what they stand for, by one scale
 * for all, one for each place of an axis, or one for each block along it. INT8 and the 16-bit types are I32 here, as
 * everywhere behind the reader. */
#include "stages/onnx/kernels/kernel_quantise.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>

/* ---- one scale, or one for each place of an axis, or of blocks along it ----
 * A tensor is [outer, n, inner] around the axis; with one scale for all n is 1. The zero point says which type the
 * narrow numbers have; left out, it is 0 and they are UINT8, or what output_dtype says since opset 21. */

struct quantise {
    int64_t outer, n, inner;
    const float *scale;
    const struct rt_tensor *zero; /* or NULL */
    int64_t block; /* places that share a scale, whose tensor is then [outer, n / block, inner]; 0: see above */
};

static int quantise_of(const struct rt_kernel_call *c, struct quantise *q)
{
    const struct rt_tensor *x = c->in[0], *scale = c->in[1];
    int64_t block = rt_kernel_int(c, "block_size", 0);
    *q = (struct quantise){1, 1, rt_tensor_count(x), scale->data, rt_kernel_given(c, 2) ? c->in[2] : NULL, 0};
    if (scale->dtype != RT_F32)
        return rt_kernel_refuse_type(c, 1);
    if (q->zero && rt_tensor_count(q->zero) != rt_tensor_count(scale))
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld scales, %lld zero points", (long long)rt_tensor_count(scale),
                                (long long)rt_tensor_count(q->zero));
    if (block == 0 && (scale->rank == 0 || (scale->rank == 1 && scale->dim[0] == 1)))
        return 0;
    int axis = 0;
    RT_TRY(rt_kernel_axis(c, rt_kernel_int(c, "axis", 1), x->rank, &axis));
    bool fits = block > 0 && scale->rank == x->rank;
    for (int i = 0; i < x->rank && fits; i++)
        fits = scale->dim[i] == (i != axis ? x->dim[i] : x->dim[i] / block + (x->dim[i] % block != 0));
    if (block != 0 && !fits)
        return rt_kernel_refuse(c, RT_EMISMATCH, "the scales' shape does not fit blocks of %lld", (long long)block);
    q->block = block;
    if (block == 0 && (scale->rank != 1 || scale->dim[0] != x->dim[axis]))
        return rt_kernel_refuse(c, RT_EMISMATCH, "%lld scales for %lld places of axis %d",
                                (long long)rt_tensor_count(scale), (long long)x->dim[axis], axis);
    q->outer = rt_kernel_span(x, 0, axis);
    q->n = x->dim[axis];
    q->inner = rt_kernel_span(x, axis + 1, x->rank);
    return 0;
}

static int zero_at(const struct rt_tensor *zero, int64_t i)
{
    return !zero ? 0 : zero->dtype == RT_U8 ? ((const uint8_t *)zero->data)[i] : ((const int32_t *)zero->data)[i];
}

/* Where the scale of element `at` of a tensor in blocks is. */
static int64_t quantise_block(const struct quantise *q, int64_t at)
{
    int64_t blocks = q->n / q->block + (q->n % q->block != 0);
    return (at / q->inner / q->n * blocks + at / q->inner % q->n / q->block) * q->inner + at % q->inner;
}

static bool dtype_is_narrow(enum rt_dtype dtype)
{
    return dtype == RT_U8 || dtype == RT_I32;
}

/* ---- QuantizeLinear ---- */

void rt_quantise_bounds(enum rt_dtype dtype, int type, float *least, float *most)
{
    static const struct {
        float least, most;
    } bounds[] = {
        [2] = {0, UINT8_MAX}, [3] = {INT8_MIN, INT8_MAX}, [4] = {0, UINT16_MAX}, [5] = {INT16_MIN, INT16_MAX}};
    int at = type >= 2 && type <= 5 ? type : dtype == RT_U8 ? 2 : 3;
    *least = bounds[at].least;
    *most = bounds[at].most;
}

double rt_quantise(float v, float scale, double zero, enum rt_dtype dtype, int type)
{
    float least, most, q = rintf(v / scale) + (float)zero;
    rt_quantise_bounds(dtype, type, &least, &most);
    return q != q ? zero : (double)(q < least ? least : q > most ? most : q);
}

/* The type of the result as ONNX's number, 0 where nothing says one. */
static int quantise_type(const struct rt_kernel_call *c)
{
    int64_t type = rt_kernel_int(c, "output_dtype", 0);
    return type ? (int)type : rt_kernel_given(c, 2) ? c->type[2] : 0;
}

static int quantise_shape(struct rt_kernel_call *c)
{
    struct quantise q;
    int type = quantise_type(c);
    enum rt_dtype to = rt_kernel_given(c, 2) ? c->in[2]->dtype : RT_U8, want = to;
    if (type && (type < 2 || type > 5 || !rt_onnx_dtype(type, &want)))
        return rt_kernel_refuse(c, RT_EMISMATCH, "to numbers of type %d; quantise to 8 or 16 bits", type);
    if (rt_kernel_given(c, 2) && (want != to || (c->type[2] && c->type[2] != type)))
        return rt_kernel_refuse(c, RT_EMISMATCH, "output_dtype is not the zero point's type");
    to = want;
    c->made = type;
    if (c->in[0]->dtype != RT_F32 && c->in[0]->dtype != RT_I32)
        return rt_kernel_refuse_type(c, 0);
    if (!dtype_is_narrow(to))
        return rt_kernel_refuse_type(c, 2);
    RT_TRY(quantise_of(c, &q));
    return rt_kernel_out(c, 0, to, c->in[0]->rank, c->in[0]->dim);
}

static void quantise_row(const struct rt_tensor *x, struct rt_tensor *y, int64_t from, int64_t n, float scale,
                         int zero, int type)
{
    bool bytes = y->dtype == RT_U8;
    float least, most;
    rt_quantise_bounds(y->dtype, type, &least, &most);
    for (int64_t i = from; i < from + n; i++) {
        float v = x->dtype == RT_F32 ? ((const float *)x->data)[i] : (float)((const int32_t *)x->data)[i];
        float q = rintf(v / scale) + (float)zero;
        q = q != q ? (float)zero : q < least ? least : q > most ? most : q;
        if (bytes)
            ((uint8_t *)y->data)[i] = (uint8_t)q;
        else
            ((int32_t *)y->data)[i] = (int32_t)q;
    }
}

static int quantise_compute(struct rt_kernel_call *c)
{
    struct quantise q;
    RT_TRY(quantise_of(c, &q));
    int type = quantise_type(c);
    for (int64_t at = 0, count = rt_tensor_count(c->in[0]); q.block && at < count; at++)
        quantise_row(c->in[0], c->out[0], at, 1, q.scale[quantise_block(&q, at)],
                     zero_at(q.zero, quantise_block(&q, at)), type);
    for (int64_t o = 0, at = 0; o < q.outer && !q.block; o++)
        for (int64_t k = 0; k < q.n; k++, at += q.inner)
            quantise_row(c->in[0], c->out[0], at, q.inner, q.scale[k], zero_at(q.zero, k), type);
    return 0;
}

const struct rt_kernel rt_kernel_quantise = {2, 3, 1, quantise_shape, quantise_compute, NULL, NULL};

/* ---- DequantizeLinear ---- */

static int dequantise_shape(struct rt_kernel_call *c)
{
    struct quantise q;
    if (!dtype_is_narrow(c->in[0]->dtype))
        return rt_kernel_refuse_type(c, 0);
    if (rt_kernel_given(c, 2) && c->in[2]->dtype != c->in[0]->dtype)
        return rt_kernel_refuse_type(c, 2);
    RT_TRY(quantise_of(c, &q));
    return rt_kernel_out(c, 0, RT_F32, c->in[0]->rank, c->in[0]->dim);
}

static void dequantise_row(const struct rt_tensor *x, float *y, int64_t from, int64_t n, float scale, int zero)
{
    if (x->dtype == RT_U8)
        for (int64_t i = from; i < from + n; i++)
            y[i] = (float)(((const uint8_t *)x->data)[i] - zero) * scale;
    else
        for (int64_t i = from; i < from + n; i++)
            y[i] = (float)((int64_t)((const int32_t *)x->data)[i] - zero) * scale;
}

static int dequantise_compute(struct rt_kernel_call *c)
{
    struct quantise q;
    RT_TRY(quantise_of(c, &q));
    for (int64_t at = 0, count = rt_tensor_count(c->in[0]); q.block && at < count; at++)
        dequantise_row(c->in[0], c->out[0]->data, at, 1, q.scale[quantise_block(&q, at)],
                       zero_at(q.zero, quantise_block(&q, at)));
    for (int64_t o = 0, at = 0; o < q.outer && !q.block; o++)
        for (int64_t k = 0; k < q.n; k++, at += q.inner)
            dequantise_row(c->in[0], c->out[0]->data, at, q.inner, q.scale[k], zero_at(q.zero, k));
    return 0;
}

const struct rt_kernel rt_kernel_dequantise = {2, 3, 1, dequantise_shape, dequantise_compute, NULL, NULL};
