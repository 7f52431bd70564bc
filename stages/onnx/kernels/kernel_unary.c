/* SPDX-License-Identifier: MIT
 * kernel_unary: y[i] = f(x[i]) for activations and elementary functions. f is written once and
 * compiled for float and double (tgmath), and for whole numbers where ONNX allows them. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/kernel.h"

#include <string.h>
#include <tgmath.h>

/* ---- one expression, several types ----
 * The training network has most of these functions as well (nn/unary.def). They are not shared:
 * there a function has a slope and is float, here it has several types and ONNX's defaults. */

typedef void unary_loop(const void *x, void *y, int64_t n, double a, double b);

/* The two settings of a function are attributes with these names and values when left out. */
struct unary {
    unary_loop *f32, *f64, *i64, *i32;
    const char *name[2];
    double value[2];
};

/* NULL for a type the function does not have, which shape refuses. */
static unary_loop *unary_loop_of(const struct unary *u, enum rt_dtype dtype)
{
    return dtype == RT_F32   ? u->f32
           : dtype == RT_F64 ? u->f64
           : dtype == RT_I64 ? u->i64
           : dtype == RT_I32 ? u->i32
                             : NULL;
}

static int unary_shape(struct rt_kernel_call *c)
{
    if (!unary_loop_of(c->op->kernel->how, c->in[0]->dtype))
        return rt_kernel_refuse_type(c, 0);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int unary_compute(struct rt_kernel_call *c)
{
    const struct unary *u = c->op->kernel->how;
    double setting[2];
    for (int i = 0; i < 2; i++)
        setting[i] = u->name[i] ? rt_kernel_float(c, u->name[i], u->value[i]) : u->value[i];
    unary_loop_of(u, c->in[0]->dtype)(c->in[0]->data, c->out[0]->data, rt_tensor_count(c->in[0]),
                                      setting[0], setting[1]);
    return 0;
}

#define LOOP(id, type, simd, expression)                                                           \
    simd static void id(const void *from, void *to, int64_t n, double alpha, double beta)          \
    {                                                                                              \
        const type *restrict x = from;                                                             \
        type *restrict y = to;                                                                     \
        const type a = (type)alpha, b = (type)beta;                                                \
        (void)a, (void)b;                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type v = x[i];                                                                   \
            y[i] = (type)(expression);                                                             \
        }                                                                                          \
    }
#define KERNEL(id, ...)                                                                            \
    static const struct unary id##_how = {__VA_ARGS__};                                            \
    const struct rt_kernel rt_kernel_##id = {1, 1, 1, unary_shape, unary_compute, &id##_how, NULL};
#define REAL(id, expression, ...)                                                                  \
    LOOP(id##_f32, float, RT_SIMD, expression)                                                     \
    LOOP(id##_f64, double, , expression)                                                           \
    KERNEL(id, id##_f32, id##_f64, NULL, NULL, __VA_ARGS__)
#define ANY(id, expression, whole)                                                                 \
    LOOP(id##_f32, float, RT_SIMD, expression)                                                     \
    LOOP(id##_f64, double, , expression)                                                           \
    LOOP(id##_i64, int64_t, , whole)                                                               \
    LOOP(id##_i32, int32_t, , whole)                                                               \
    KERNEL(id, id##_f32, id##_f64, id##_i64, id##_i32, {NULL}, {0})

/* A comparison with NaN is false: each is written so that NaN comes through. */
ANY(relu, v < 0 ? 0 : v, v < 0 ? 0 : v)
ANY(abs, fabs(v), v < 0 ? (int64_t)(0 - (uint64_t)v) : v)
ANY(neg, -v, (int64_t)(0 - (uint64_t)v))
ANY(sign, v > 0 ? 1 : v < 0 ? -1 : v, (v > 0) - (v < 0))
REAL(leaky_relu, v < 0 ? a * v : v, {"alpha"}, {0.01})
REAL(sigmoid, v >= 0 ? 1 / (1 + exp(-v)) : exp(v) / (1 + exp(v)), {NULL}, {0})
REAL(tanh, tanh(v), {NULL}, {0})
REAL(hard_sigmoid, a * v + b < 0 ? 0 : a * v + b > 1 ? 1 : a * v + b, {"alpha", "beta"}, {0.2, 0.5})
REAL(hard_swish, v * (v / 6 + b < 0 ? 0 : v / 6 + b > 1 ? 1 : v / 6 + b), {NULL}, {0, 0.5})
REAL(elu, v < 0 ? a * expm1(v) : v, {"alpha"}, {1})
REAL(celu, v < 0 ? a * expm1(v / a) : v, {"alpha"}, {1})
REAL(selu, v > 0 ? b * v : b *a *expm1(v), {"alpha", "gamma"},
     {1.67326319217681884765625, 1.05070102214813232421875})
REAL(softplus, v > 0 ? v + log1p(exp(-v)) : log1p(exp(v)), {NULL}, {0})
REAL(softsign, v / (1 + fabs(v)), {NULL}, {0})
REAL(thresholded_relu, v <= a ? 0 : v, {"alpha"}, {1})
REAL(erf, erf(v), {NULL}, {0})
REAL(sqrt, sqrt(v), {NULL}, {0})
REAL(exp, exp(v), {NULL}, {0})
REAL(log, log(v), {NULL}, {0})
REAL(reciprocal, 1 / v, {NULL}, {0})
REAL(floor, floor(v), {NULL}, {0})
REAL(ceil, ceil(v), {NULL}, {0})
REAL(round, rint(v), {NULL}, {0})
REAL(mish, v *tanh(v > 0 ? v + log1p(exp(-v)) : log1p(exp(v))), {NULL}, {0})
REAL(shrink, v < -b ? v + a : v > b ? v - a : v != v ? v : 0, {"bias", "lambd"}, {0, 0.5})
REAL(tan, tan(v), {NULL}, {0})
REAL(asin, asin(v), {NULL}, {0})
REAL(acos, acos(v), {NULL}, {0})
REAL(atan, atan(v), {NULL}, {0})
REAL(sinh, sinh(v), {NULL}, {0})
REAL(cosh, cosh(v), {NULL}, {0})
REAL(asinh, asinh(v), {NULL}, {0})
REAL(acosh, acosh(v), {NULL}, {0})
REAL(atanh, atanh(v), {NULL}, {0})
REAL(sin, sin(v), {NULL}, {0})
REAL(cos, cos(v), {NULL}, {0})

/* ---- Gelu: by the error function, or by the hyperbolic tangent that older networks have in its place ---- */

LOOP(gelu_f32, float, RT_SIMD, v / 2 * (1 + erf(v * (float)M_SQRT1_2)))
LOOP(gelu_f64, double, , v / 2 * (1 + erf(v * M_SQRT1_2)))
LOOP(gelu_tanh_f32, float, RT_SIMD, v / 2 * (1 + tanh(a * (v + b * v * v * v))))
LOOP(gelu_tanh_f64, double, , v / 2 * (1 + tanh(a * (v + b * v * v * v))))

static int gelu_shape(struct rt_kernel_call *c)
{
    const char *how = rt_kernel_text(c, "approximate", "none");
    if (strcmp(how, "none") != 0 && strcmp(how, "tanh") != 0)
        return rt_kernel_refuse(c, RT_EFORMAT, "approximate '%.20s'", how);
    if (c->in[0]->dtype != RT_F32 && c->in[0]->dtype != RT_F64)
        return rt_kernel_refuse_type(c, 0);
    return rt_kernel_out_like(c, 0, c->in[0]);
}

static int gelu_compute(struct rt_kernel_call *c)
{
    bool wide = c->in[0]->dtype == RT_F64, plain = strcmp(rt_kernel_text(c, "approximate", "none"), "none") == 0;
    unary_loop *loop = plain ? (wide ? gelu_f64 : gelu_f32) : wide ? gelu_tanh_f64 : gelu_tanh_f32;
    loop(c->in[0]->data, c->out[0]->data, rt_tensor_count(c->in[0]), M_2_SQRTPI * M_SQRT1_2, 0.044715);
    return 0;
}

const struct rt_kernel rt_kernel_gelu = {1, 1, 1, gelu_shape, gelu_compute, NULL, NULL};

/* ---- IsNaN, IsInf ---- */

static int is_shape(struct rt_kernel_call *c)
{
    if (c->in[0]->dtype != RT_F32 && c->in[0]->dtype != RT_F64)
        return rt_kernel_refuse_type(c, 0);
    return rt_kernel_out(c, 0, RT_BOOL, c->in[0]->rank, c->in[0]->dim);
}

static int is_nan_compute(struct rt_kernel_call *c)
{
    for (int64_t i = 0, n = rt_tensor_count(c->in[0]); i < n; i++)
        ((uint8_t *)c->out[0]->data)[i] = isnan(rt_tensor_element(c->in[0], i)) != 0;
    return 0;
}

static int is_inf_compute(struct rt_kernel_call *c)
{
    bool below = rt_kernel_int(c, "detect_negative", 1) != 0, above = rt_kernel_int(c, "detect_positive", 1) != 0;
    for (int64_t i = 0, n = rt_tensor_count(c->in[0]); i < n; i++) {
        double v = rt_tensor_element(c->in[0], i);
        ((uint8_t *)c->out[0]->data)[i] = isinf(v) && (v < 0 ? below : above);
    }
    return 0;
}

const struct rt_kernel rt_kernel_is_nan = {1, 1, 1, is_shape, is_nan_compute, NULL, NULL};
const struct rt_kernel rt_kernel_is_inf = {1, 1, 1, is_shape, is_inf_compute, NULL, NULL};

/* Not works on flags alone, as logic does. */
static int not_shape(struct rt_kernel_call *c)
{
    return c->in[0]->dtype == RT_BOOL ? rt_kernel_out_like(c, 0, c->in[0])
                                    : rt_kernel_refuse_type(c, 0);
}

static int not_compute(struct rt_kernel_call *c)
{
    const uint8_t *x = c->in[0]->data;
    uint8_t *y = c->out[0]->data;
    for (int64_t i = 0, n = rt_tensor_count(c->in[0]); i < n; i++)
        y[i] = !x[i];
    return 0;
}

const struct rt_kernel rt_kernel_not = {1, 1, 1, not_shape, not_compute, NULL, NULL};
