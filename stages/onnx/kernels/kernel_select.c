/* SPDX-License-Identifier: MIT
 * kernel_select: element by element, but neither one function of x nor of two equal types: Pow, Clip,
 * Where, Cast, Dropout at inference, Identity. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>
#include <string.h>

/* ---- Pow: the exponent may be of another type than base and result ---- */

struct power {
    const struct rt_tensor *x, *exponent;
    struct rt_tensor *y;
};

/* Squares and roots are most of what networks raise: no pow() for these. */
static void pow_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct power *p = self;
    double fixed = rt_tensor_element(p->exponent, at[2]);
    if (p->x->dtype == RT_F32 && step[2] == 0 && (fixed == 2 || fixed == 0.5)) {
        const float *x = (const float *)p->x->data + at[1];
        float *y = (float *)p->y->data + at[0];
        for (int64_t i = 0; i < n; i++, x += step[1])
            y[i] = fixed == 2 ? *x * *x : sqrtf(*x);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        rt_kernel_put(p->y, at[0] + i,
                   pow(rt_tensor_element(p->x, at[1] + i * step[1]),
                       rt_tensor_element(p->exponent, at[2] + i * step[2])));
}

/* Base and exponent may be of different types; the result has the base's. */
static int pow_shape(struct rt_kernel_call *c)
{
    int64_t dim[RT_TENSOR_RANK];
    int rank;
    for (int i = 0; i < 2; i++)
        if (c->in[i]->dtype == RT_U8 || c->in[i]->dtype == RT_BOOL)
            return rt_kernel_refuse_type(c, i);
    RT_TRY(rt_kernel_broadcast(c, 0, 2, &rank, dim));
    return rt_kernel_out(c, 0, c->in[0]->dtype, rank, dim);
}

static int pow_compute(struct rt_kernel_call *c)
{
    struct power p = {c->in[0], c->in[1], c->out[0]};
    struct rt_walk w;
    rt_walk_init(&w, 3, p.y->rank, p.y->dim);
    rt_walk_dense(&w, 0, p.y->rank, p.y->dim);
    rt_walk_dense(&w, 1, p.x->rank, p.x->dim);
    rt_walk_dense(&w, 2, p.exponent->rank, p.exponent->dim);
    rt_walk_run(&w, pow_row, &p);
    return 0;
}

const struct rt_kernel rt_kernel_pow = {2, 2, 1, pow_shape, pow_compute, NULL, NULL};

/* ---- Clip: bounds are attributes before opset 11, inputs since ---- */

/* Bounds are numbers, not tensors that broadcast. */
static int clip_shape(struct rt_kernel_call *c)
{
    if (c->in[0]->dtype == RT_U8 || c->in[0]->dtype == RT_BOOL)
        return rt_kernel_refuse_type(c, 0);
    for (int i = 1; i < c->inputs; i++)
        if (rt_kernel_given(c, i) && rt_tensor_count(c->in[i]) != 1)
            return rt_kernel_refuse(c, RT_EMISMATCH, "a bound must be one number, not %lld",
                                    (long long)rt_tensor_count(c->in[i]));
    return rt_kernel_out_like(c, 0, c->in[0]);
}

RT_SIMD static void clip_floats(const float *restrict x, float *restrict y, int64_t n, float low,
                                float high)
{
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}

/* Where the lower bound is above the upper one, the upper one counts, as in ONNX. */
static int clip_compute(struct rt_kernel_call *c)
{
    double low = c->opset < 11 ? rt_kernel_float(c, "min", -INFINITY)
                               : rt_kernel_number_in(c, 1, -INFINITY);
    double high = c->opset < 11 ? rt_kernel_float(c, "max", INFINITY)
                                : rt_kernel_number_in(c, 2, INFINITY);
    const struct rt_tensor *x = c->in[0];
    int64_t n = rt_tensor_count(x);
    if (x->dtype == RT_F32) {
        clip_floats(x->data, c->out[0]->data, n, (float)low, (float)high);
        return 0;
    }
    rt_kernel_copy(c); /* what lies inside the bounds keeps every bit */
    for (int64_t i = 0; i < n; i++) {
        double v = rt_tensor_element(x, i);
        if (v < low || v > high)
            rt_kernel_put(c->out[0], i, v < low && low <= high ? low : high);
    }
    return 0;
}

const struct rt_kernel rt_kernel_clip = {1, 3, 1, clip_shape, clip_compute, NULL, NULL};

/* ---- Where ----
 * Four operands in one walk; elements are moved by their size, so the type does not matter. */

struct choice {
    const uint8_t *condition;
    const char *yes, *no;
    char *y;
    size_t size;
};

/* The condition picks which side is read, so what is not chosen may be infinite or not a number. */
static void where_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct choice *w = self;
    for (int64_t i = 0; i < n; i++) {
        bool yes = w->condition[at[1] + i * step[1]];
        int64_t from = yes ? at[2] + i * step[2] : at[3] + i * step[3];
        memcpy(w->y + (size_t)(at[0] + i) * w->size, (yes ? w->yes : w->no) + (size_t)from * w->size,
               w->size);
    }
}

static int where_shape(struct rt_kernel_call *c)
{
    int64_t dim[RT_TENSOR_RANK];
    int rank;
    if (c->in[0]->dtype != RT_BOOL)
        return rt_kernel_refuse_type(c, 0);
    if (c->in[1]->dtype != c->in[2]->dtype)
        return rt_kernel_refuse(c, RT_EMISMATCH, "inputs 1 and 2 have different types");
    RT_TRY(rt_kernel_broadcast(c, 0, 3, &rank, dim));
    return rt_kernel_out(c, 0, c->in[1]->dtype, rank, dim);
}

static int where_compute(struct rt_kernel_call *c)
{
    struct choice how = {c->in[0]->data, c->in[1]->data, c->in[2]->data, c->out[0]->data,
                         rt_dtype_size(c->out[0]->dtype)};
    struct rt_walk w;
    rt_walk_init(&w, 4, c->out[0]->rank, c->out[0]->dim);
    rt_walk_dense(&w, 0, c->out[0]->rank, c->out[0]->dim);
    for (int i = 0; i < 3; i++)
        rt_walk_dense(&w, i + 1, c->in[i]->rank, c->in[i]->dim);
    rt_walk_run(&w, where_row, &how);
    return 0;
}

const struct rt_kernel rt_kernel_where = {3, 3, 1, where_shape, where_compute, NULL, NULL};

/* ---- Cast, CastLike ---- */

extern const struct rt_kernel rt_kernel_cast_like;

/* ONNX's number of the type: an attribute, or CastLike's second input's, whose dtype alone may be known. */
static int64_t cast_type(const struct rt_kernel_call *c)
{
    if (c->op->kernel != &rt_kernel_cast_like)
        return rt_kernel_int(c, "to", 0);
    return c->type[1] ? c->type[1] : rt_onnx_type(c->in[1]->dtype);
}

/* Types that are not read (strings, complex numbers) are refused here. */
static int cast_shape(struct rt_kernel_call *c)
{
    int64_t to = cast_type(c);
    enum rt_dtype dtype;
    if (!rt_onnx_dtype(to, &dtype))
        return rt_kernel_refuse(c, RT_EFORMAT,
                                "\"to\" = %lld is not a type that is read",
                                (long long)to);
    c->made = (int)to;
    return rt_kernel_out(c, 0, dtype, c->in[0]->rank, c->in[0]->dim);
}

/* Whole numbers that are narrower than what holds them here keep their low bits, as C's casts do; what no integer
 * holds becomes 0. */
static bool cast_whole(const struct rt_tensor *x, struct rt_tensor *y, int64_t to)
{
    bool wide = x->dtype == RT_I64 || x->dtype == RT_I32;
    if (to < 2 || to > 5)
        return false;
    for (int64_t i = 0, n = rt_tensor_count(x); i < n; i++) {
        double real = wide ? 0 : trunc(rt_tensor_element(x, i));
        int64_t v = x->dtype == RT_I64   ? ((const int64_t *)x->data)[i]
                    : x->dtype == RT_I32 ? ((const int32_t *)x->data)[i]
                    : fabs(real) < 0x1p62 ? (int64_t)real
                                          : 0;
        if (to == 2)
            ((uint8_t *)y->data)[i] = (uint8_t)v;
        else
            ((int32_t *)y->data)[i] = to == 3 ? (int8_t)v : to == 4 ? (uint16_t)v : (int16_t)v;
    }
    return true;
}

/* Types of 16 bits are kept as float, but a cast to one loses the digits it does not have. */
static const struct narrow {
    int64_t type; /* ONNX's number */
    int digits, exponent_min;
    double max;
} narrow[] = {{10, 11, -14, 65504}, {16, 8, -126, 0x1.fep127}};

/* To nearest even, with the digits and the smallest exponent of the type; what is too large becomes
 * infinite. */
static double cast_round(const struct narrow *n, double v)
{
    int exponent;
    if (v == 0 || !isfinite(v))
        return v;
    frexp(v, &exponent); /* v = 0.1... x 2^exponent */
    exponent = exponent - 1 < n->exponent_min ? n->exponent_min : exponent - 1;
    double unit = ldexp(1, exponent - n->digits + 1), r = rint(v / unit) * unit;
    return fabs(r) > n->max ? copysign(INFINITY, r) : r;
}

/* To 16-bit types, which this program has not, values are rounded and stay float. */
static int cast_compute(struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0];
    int64_t to = cast_type(c);
    for (size_t k = 0; k < sizeof narrow / sizeof *narrow; k++)
        if (narrow[k].type == to) {
            for (int64_t i = 0, count = rt_tensor_count(x); i < count; i++)
                rt_kernel_put(c->out[0], i, cast_round(&narrow[k], rt_tensor_element(x, i)));
            return 0;
        }
    if (cast_whole(x, c->out[0], to))
        return 0;
    if (x->dtype == c->out[0]->dtype)
        return rt_kernel_copy(c);
    int64_t n = rt_tensor_count(x);
    if (x->dtype == RT_I64 && c->out[0]->dtype == RT_I32) { /* keeps the low bits, as C does */
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)c->out[0]->data)[i] = (int32_t)((const int64_t *)x->data)[i];
        return 0;
    }
    for (int64_t i = 0; i < n; i++)
        rt_kernel_put(c->out[0], i, rt_tensor_element(x, i));
    return 0;
}

const struct rt_kernel rt_kernel_cast = {1, 1, 1, cast_shape, cast_compute, NULL, NULL};
const struct rt_kernel rt_kernel_cast_like = {2, 2, 1, cast_shape, cast_compute, NULL, NULL};

/* ---- Identity, Dropout ---- */

static int identity_shape(struct rt_kernel_call *c)
{
    return rt_kernel_out_like(c, 0, c->in[0]);
}

const struct rt_kernel rt_kernel_identity = {1, 1, 1, identity_shape, rt_kernel_copy, NULL, NULL};

/* A frozen network drops nothing; the mask, when asked for, says so. */
static int dropout_shape(struct rt_kernel_call *c)
{
    if (rt_kernel_given(c, 2) && rt_kernel_number_in(c, 2, 0) != 0 &&
        (!rt_kernel_given(c, 1) || rt_kernel_number_in(c, 1, 0.5) != 0))
        return rt_kernel_refuse(c, RT_EUSAGE, "training mode; export the network for inference");
    RT_TRY(rt_kernel_out_like(c, 0, c->in[0]));
    return rt_kernel_out(c, 1, RT_BOOL, c->in[0]->rank, c->in[0]->dim);
}

/* The mask is all ones: everything is kept. */
static int dropout_compute(struct rt_kernel_call *c)
{
    if (c->outputs > 1 && c->out[1])
        memset(c->out[1]->data, 1, rt_tensor_bytes(c->out[1]));
    return rt_kernel_copy(c);
}

const struct rt_kernel rt_kernel_dropout = {1, 3, 2, dropout_shape, dropout_compute, NULL, NULL};
