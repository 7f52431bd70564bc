/* SPDX-License-Identifier: MIT
 * kernel_binary: functions of two broadcast inputs: arithmetic, comparison, logic; and of any number
 * of them (Min, Max, Sum, Mean), which are folded two by two. Whole numbers wrap around. */
#include "stages/nn/simd.h"
#include "stages/onnx/kernels/kernel.h"

#include <math.h>

/* ---- one walk for all ----
 * Broadcasting is in the walk (nn/walk.h); a row of it is a loop over n elements with steps of 0 or
 * more. So each function is an expression, compiled for each type. */

/* n elements; step 0 repeats the first element. */
typedef void binary_loop(const void *a, int64_t step_a, const void *b, int64_t step_b, void *y,
                         int64_t n);

struct binary {
    binary_loop *loop[RT_DTYPES];
    bool truth; /* the output is a bool */
    bool mean;  /* divide by the number of inputs at the end */
};

/* One pass of the walk: the output is operand 0. */
struct pass {
    binary_loop *loop;
    const char *a, *b;
    char *y;
    size_t size, out_size;
};

/* Offsets count elements; input and output may have elements of different size (flags). */
static void binary_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct pass *p = self;
    p->loop(p->a + (size_t)at[1] * p->size, step[1], p->b + (size_t)at[2] * p->size, step[2],
            p->y + (size_t)at[0] * p->out_size, n);
}

/* Types are looked up by the second input: variadic ones pass the output so far as the first. */
static void binary_combine(const struct rt_kernel_call *c, const struct binary *how, const struct rt_tensor *a,
                           const struct rt_tensor *b)
{
    struct rt_tensor *y = c->out[0];
    struct pass p = {how->loop[b->dtype], a->data, b->data, y->data, rt_dtype_size(b->dtype),
                     rt_dtype_size(y->dtype)};
    struct rt_walk w;
    rt_walk_init(&w, 3, y->rank, y->dim);
    rt_walk_dense(&w, 0, y->rank, y->dim);
    rt_walk_dense(&w, 1, a->rank, a->dim);
    rt_walk_dense(&w, 2, b->rank, b->dim);
    rt_walk_run(&w, binary_row, &p);
}

static int binary_shape(struct rt_kernel_call *c)
{
    const struct binary *how = c->op->kernel->how;
    int64_t dim[RT_TENSOR_RANK];
    int rank;
    if (!how->loop[c->in[0]->dtype])
        return rt_kernel_refuse_type(c, 0);
    for (int i = 1; i < c->inputs; i++)
        if (!c->in[i] || c->in[i]->dtype != c->in[0]->dtype)
            return rt_kernel_refuse(c, RT_EMISMATCH, "inputs 0 and %d have different types", i);
    RT_TRY(rt_kernel_broadcast(c, 0, c->inputs, &rank, dim));
    return rt_kernel_out(c, 0, how->truth ? RT_BOOL : c->in[0]->dtype, rank, dim);
}

static int binary_compute(struct rt_kernel_call *c)
{
    binary_combine(c, c->op->kernel->how, c->in[0], c->in[1]);
    return 0;
}

static bool div_has_zero(const struct rt_tensor *t)
{
    bool whole = t->dtype != RT_F32 && t->dtype != RT_F64;
    for (int64_t i = 0, n = whole ? rt_tensor_count(t) : 0; i < n; i++)
        if (rt_tensor_element(t, i) == 0)
            return true;
    return false;
}

/* Whole numbers by 0 would end the program; a file may have them, so they are looked for first. */
static int div_compute(struct rt_kernel_call *c)
{
    if (div_has_zero(c->in[1]))
        return rt_kernel_refuse(c, RT_ERANGE, "whole number divided by 0");
    return binary_compute(c);
}

/* ---- any number of inputs ----
 * Max of five inputs is four maxima in turn, into the output: a loop over all inputs at once would
 * need a walk of six operands. */

struct copying {
    const char *from;
    char *to;
    size_t size;
};

/* One input alone is copied, broadcast to the output's shape, which then is its own. */
static void variadic_copy_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct copying *p = self;
    const char *from = p->from + (size_t)at[1] * p->size;
    char *to = p->to + (size_t)at[0] * p->size;
    for (int64_t i = 0; i < n; i++, to += p->size, from += (size_t)step[1] * p->size)
        for (size_t k = 0; k < p->size; k++)
            to[k] = from[k];
}

/* y = in[0], broadcast. */
static void variadic_start(const struct rt_kernel_call *c)
{
    const struct rt_tensor *x = c->in[0], *y = c->out[0];
    struct copying p = {x->data, y->data, rt_dtype_size(x->dtype)};
    struct rt_walk w;
    rt_walk_init(&w, 2, y->rank, y->dim);
    rt_walk_dense(&w, 0, y->rank, y->dim);
    rt_walk_dense(&w, 1, x->rank, x->dim);
    rt_walk_run(&w, variadic_copy_row, &p);
}

/* The mean's division comes once, at the end. */
static int variadic_compute(struct rt_kernel_call *c)
{
    const struct binary *how = c->op->kernel->how;
    if (c->inputs == 1)
        variadic_start(c);
    else
        binary_combine(c, how, c->in[0], c->in[1]);
    for (int i = 2; i < c->inputs; i++)
        binary_combine(c, how, c->out[0], c->in[i]);
    float *y = c->out[0]->data;
    for (int64_t i = 0, n = how->mean ? rt_tensor_count(c->out[0]) : 0; i < n; i++)
        y[i] /= (float)c->inputs;
    return 0;
}

/* The compiler makes a tight loop of each case when the steps are constants. */
#define LOOP(id, type, result, simd, expression)                                                   \
    simd static void id(const void *from_a, int64_t sa, const void *from_b, int64_t sb, void *to,  \
                        int64_t n)                                                                 \
    {                                                                                              \
        const type *pa = from_a, *pb = from_b;                                                     \
        result *y = to;                                                                            \
        if (sa == 1 && sb == 1) {                                                                  \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const type a = pa[i], b = pb[i];                                                   \
                y[i] = (result)(expression);                                                       \
            }                                                                                      \
        } else if (sa == 1 && sb == 0 && n > 0) {                                                  \
            const type b = pb[0];                                                                  \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const type a = pa[i];                                                              \
                y[i] = (result)(expression);                                                       \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const type a = pa[i * sa], b = pb[i * sb];                                         \
                y[i] = (result)(expression);                                                       \
            }                                                                                      \
        }                                                                                          \
    }

#define LOOPS(id, real, long_whole, whole)                                                         \
    LOOP(id##_f32, float, float, RT_SIMD, real)                                                    \
    LOOP(id##_f64, double, double, , real)                                                         \
    LOOP(id##_i64, int64_t, int64_t, , long_whole)                                                 \
    LOOP(id##_i32, int32_t, int32_t, , whole)

#define NUMBERS(id)                                                                                \
    {                                                                                              \
        [RT_F32] = id##_f32, [RT_F64] = id##_f64, [RT_I64] = id##_i64, [RT_I32] = id##_i32         \
    }

#define BYTES_TOO(id)                                                                              \
    {                                                                                              \
        [RT_F32] = id##_f32, [RT_F64] = id##_f64, [RT_I64] = id##_i64, [RT_I32] = id##_i32,        \
        [RT_U8] = id##_u8                                                                          \
    }

#define ARITHMETIC(id, real, long_whole, whole, byte, compute)                                     \
    LOOPS(id, real, long_whole, whole)                                                             \
    LOOP(id##_u8, uint8_t, uint8_t, , byte)                                                        \
    static const struct binary id##_how = {BYTES_TOO(id), false, false};                             \
    const struct rt_kernel rt_kernel_##id = {2, 2, 1, binary_shape, compute, &id##_how, NULL};

#define WRAP(type, expression) (type)(expression)
ARITHMETIC(add, a + b, WRAP(uint64_t, a) + WRAP(uint64_t, b), WRAP(uint32_t, a) + WRAP(uint32_t, b), a + b,
           binary_compute)
ARITHMETIC(sub, a - b, WRAP(uint64_t, a) - WRAP(uint64_t, b), WRAP(uint32_t, a) - WRAP(uint32_t, b), a - b,
           binary_compute)
ARITHMETIC(mul, a *b, WRAP(uint64_t, a) * WRAP(uint64_t, b), WRAP(uint32_t, a) * WRAP(uint32_t, b), a *b,
           binary_compute)
ARITHMETIC(div, a / b, b == -1 ? 0 - WRAP(uint64_t, a) : WRAP(uint64_t, a / b),
           b == -1 ? 0 - WRAP(uint32_t, a) : WRAP(uint32_t, a / b), a / b, div_compute)

/* ---- Mod: the remainder with the divisor's sign, or (fmod) with the dividend's, which floats have always ---- */

LOOPS(mod, fmod(a, b), b == -1 ? 0 : a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0),
      b == -1 ? 0 : a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0))
LOOPS(fmod, fmod(a, b), b == -1 ? 0 : a % b, b == -1 ? 0 : a % b)
LOOP(mod_u8, uint8_t, uint8_t, , a % b)
static const struct binary mod_how = {BYTES_TOO(mod), false, false}, fmod_how = {NUMBERS(fmod), false, false};

static int mod_shape(struct rt_kernel_call *c)
{
    bool real = c->in[0]->dtype == RT_F32 || c->in[0]->dtype == RT_F64;
    if (real && rt_kernel_int(c, "fmod", 0) == 0)
        return rt_kernel_refuse(c, RT_EMISMATCH, "floats without fmod = 1");
    return binary_shape(c);
}

static int mod_compute(struct rt_kernel_call *c)
{
    if (div_has_zero(c->in[1]))
        return rt_kernel_refuse(c, RT_ERANGE, "the remainder of a division by 0");
    bool sign = rt_kernel_int(c, "fmod", 0) != 0 && c->in[0]->dtype != RT_U8;
    binary_combine(c, sign ? &fmod_how : &mod_how, c->in[0], c->in[1]);
    return 0;
}

const struct rt_kernel rt_kernel_mod = {2, 2, 1, mod_shape, mod_compute, &mod_how, NULL};

LOOP(prelu_f32, float, float, RT_SIMD, a < 0 ? a * b : a)
LOOP(prelu_f64, double, double, , a < 0 ? a * b : a)
static const struct binary prelu_how = {
    {[RT_F32] = prelu_f32, [RT_F64] = prelu_f64}, false, false};
const struct rt_kernel rt_kernel_prelu = {2, 2, 1, binary_shape, binary_compute, &prelu_how, NULL};

/* NaN in either input comes through. */
LOOPS(max, a > b || a != a ? a : b, a > b ? a : b, a > b ? a : b)
LOOPS(min, a < b || a != a ? a : b, a < b ? a : b, a < b ? a : b)
LOOP(max_u8, uint8_t, uint8_t, , a > b ? a : b)
LOOP(min_u8, uint8_t, uint8_t, , a < b ? a : b)
#define VARIADIC(id, ...)                                                                          \
    static const struct binary id##_how = {__VA_ARGS__};                                           \
    const struct rt_kernel rt_kernel_##id = {1, -1, 1, binary_shape, variadic_compute, &id##_how, NULL};
VARIADIC(max, BYTES_TOO(max), false, false)
VARIADIC(min, BYTES_TOO(min), false, false)
VARIADIC(sum, {[RT_F32] = add_f32, [RT_F64] = add_f64}, false, false)
VARIADIC(mean, {[RT_F32] = add_f32}, false, true)

#define COMPARISON(id, expression)                                                                 \
    LOOP(id##_f32, float, uint8_t, RT_SIMD, expression)                                            \
    LOOP(id##_f64, double, uint8_t, , expression)                                                  \
    LOOP(id##_i64, int64_t, uint8_t, , expression)                                                 \
    LOOP(id##_i32, int32_t, uint8_t, , expression)                                                 \
    LOOP(id##_u8, uint8_t, uint8_t, , expression)                                                  \
    static const struct binary id##_how = {{[RT_F32] = id##_f32,                                   \
                                            [RT_F64] = id##_f64,                                   \
                                            [RT_I64] = id##_i64,                                   \
                                            [RT_I32] = id##_i32,                                   \
                                            [RT_U8] = id##_u8, [RT_BOOL] = id##_u8},                                  \
                                           true,                                                   \
                                           false};                                                 \
    const struct rt_kernel rt_kernel_##id = {2, 2, 1, binary_shape, binary_compute, &id##_how, NULL};
COMPARISON(equal, a == b)
COMPARISON(less, a < b)
COMPARISON(greater, a > b)
COMPARISON(less_or_equal, a <= b)
COMPARISON(greater_or_equal, a >= b)

#define LOGIC(id, expression)                                                                      \
    LOOP(id##_u8, uint8_t, uint8_t, , expression)                                                  \
    static const struct binary id##_how = {{[RT_BOOL] = id##_u8}, true, false};                      \
    const struct rt_kernel rt_kernel_##id = {2, 2, 1, binary_shape, binary_compute, &id##_how, NULL};
LOGIC(and, a &&b)
LOGIC(or, a || b)
LOGIC(xor, !a != !b)
