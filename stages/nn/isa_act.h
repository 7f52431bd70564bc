/* SPDX-License-Identifier: MIT
 * isa_act: exponential, logistic, hyperbolic tangent and error function of whole registers, and what act.def makes of
 * them; no guard: isa_code.c includes it once, with W (the widest vector) and WIDTH defined. Within 3e-7 of the
 * C library's (relative for the exponential, absolute for the others, which lie within 1), which computes one number at
 * a time: a network of attention or of squeezed channels would spend half of its time there. Polynomials are fits of
 * least largest error. */

typedef int32_t WI __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* mask: all bits or none, as comparisons give. The others: v, unless it is less or more than a bound; a NaN is
 * neither, which is why v stands second. */
#if WIDTH == 8
#define act_select(mask, yes, no) ((W)_mm256_blendv_ps((__m256)(W)(no), (__m256)(W)(yes), (__m256)(WI)(mask)))
#define act_at_least(bound, v) ((W)_mm256_max_ps((__m256)act_splat(bound), (__m256)(v)))
#define act_at_most(bound, v) ((W)_mm256_min_ps((__m256)act_splat(bound), (__m256)(v)))
#else
INLINE W act_select(WI mask, W yes, W no)
{
    return (W)((mask & (WI)yes) | (~mask & (WI)no));
}
#define act_at_least(bound, v) act_select((v) < (bound), act_splat(bound), v)
#define act_at_most(bound, v) act_select((v) > (bound), act_splat(bound), v)
#endif

INLINE W act_splat(float v)
{
    return v - (W){0};
}

INLINE W act_within(float low, float high, W v)
{
    W above = act_at_least(low, v);
    return act_at_most(high, above);
}

/* e^x = 2^n e^r, |r| <= ln 2 / 2, of x whose n is from -126 to 127, divided by 2^less. n is rounded by an addition
 * whose result's lowest bits it then is. Short chains of what waits for each other matter more than few operations. */
INLINE W act_power(W x, int less)
{
    const float magic = 12582912;
    W t = x * 1.44269504089f + magic, n = t - magic;
    W r = x - n * 0.693359375f + n * 2.12194440e-4f, s = r * r;
    W p = 1 + r + s * (0.5f + r * 0.16666576f + s * (0.04166637361f + r * 0.008363179862f + s * 0.001394111197f));
    return p * (W)(((WI)t + 127 - less) << 23);
}

/* Halved inside, as 2^128 is no float. Below -86.6 it is 0, short of where powers of two lose digits. */
INLINE W act_exp(W v)
{
    W y = act_power(act_within(-86.6f, 88.8f, v), 1) * 2;
    return act_select(v < -86.6f, (W){0}, y);
}

INLINE W act_sigmoid(W v)
{
    return 1 / (1 + act_power(act_within(-86.6f, 86.6f, -v), 0));
}

/* x p / q; where x was cut off at a bound, 1 or -1. */
INLINE W act_quotient(W x, float bound, W p, W q, W v)
{
    WI whole = x == v;
    return act_select(whole, x * p, x) / act_select(whole, q, act_splat(bound));
}

INLINE W act_tanh(W v)
{
    W x = act_within(-8.6f, 8.6f, v), s = x * x;
    W p = 0.9999999404f + s * (0.1339968145f + s * (0.003518037265f + s * (2.099133962e-05f + s * 1.391235305e-08f)));
    W q = 1 + s * (0.4673299193f + s * (0.02596162446f + s * (0.0003322882403f + s * 7.998636988e-07f)));
    return act_quotient(x, 8.6f, p, q, v);
}

INLINE W act_erf(W v)
{
    W x = act_within(-3.92f, 3.92f, v), s = x * x;
    W p = 1.128378749f + s * (0.2061136663f + s * (0.05139719695f + s * (0.003972869366f + s * (0.0001489863062f
              + s * (-1.994299055e-06f + s * 1.992145648e-08f)))));
    W q = 1 + s * (0.5159922242f + s * (0.1175643206f + s * (0.01488916762f + s * 0.001024118741f)));
    return act_quotient(x, 3.92f, p, q, v);
}

INLINE W act_load(const float *x, int64_t some)
{
    if (some == WIDTH)
        return *(const W *)x;
    W v = {0};
    memcpy(&v, x, (size_t)some * sizeof *x);
    return v;
}

INLINE void act_store(float *y, int64_t some, W v)
{
    if (some == WIDTH)
        *(W *)y = v;
    else
        memcpy(y, &v, (size_t)some * sizeof *y);
}

/* ---- rows ----
 * What is less than a register at the end of a row goes through one: each number is computed in one way, wherever it
 * stands. Panels of a product, which are most, keep their biases in registers. */

typedef W act_function(W v, float a, float b);

INLINE void act_panel(const struct rt_finish *f, act_function *act)
{
    W first = *(const W *)f->bias, second = *(const W *)(f->bias + WIDTH);
    for (int64_t r = 0; r < f->rows; r++) {
        const float *x = f->from + r * f->stride;
        float *y = f->to + r * f->stride;
        W v = *(const W *)x + first, w = *(const W *)(x + WIDTH) + second;
        *(W *)y = act(v, f->a, f->b);
        *(W *)(y + WIDTH) = act(w, f->a, f->b);
    }
}

INLINE W act_sum(const struct rt_finish *f, int64_t r, int64_t i, int64_t some)
{
    W v = act_load(f->from + r * f->stride + i, some);
    if (f->bias)
        v += act_load(f->bias + i, some);
    if (f->other)
        v += act_load(f->other + r * f->stride + i, some);
    return v;
}

INLINE void act_rows(const struct rt_finish *f, act_function *act)
{
    if (f->n == 2 * WIDTH && f->bias && !f->other) {
        act_panel(f, act);
        return;
    }
    for (int64_t r = 0; r < f->rows; r++) {
        float *y = f->to + r * f->stride;
        int64_t i = 0;
        for (; i + WIDTH <= f->n; i += WIDTH)
            *(W *)(y + i) = act(act_sum(f, r, i, WIDTH), f->a, f->b);
        if (i < f->n)
            act_store(y + i, f->n - i, act(act_sum(f, r, i, f->n - i), f->a, f->b));
    }
}

#define RT_ACT(id, value)                                                                                              \
    INLINE W act_of_##id(W v, float a, float b)                                                                        \
    {                                                                                                                  \
        (void)a, (void)b;                                                                                              \
        return value;                                                                                                  \
    }                                                                                                                  \
    static void act_rows_##id(const struct rt_finish *f)                                                               \
    {                                                                                                                  \
        act_rows(f, act_of_##id);                                                                                      \
    }
#include "stages/nn/act.def"
#undef RT_ACT

static void isa_finish(const struct rt_finish *f)
{
    static void (*const rows[])(const struct rt_finish *f) = {
#define RT_ACT(id, value) act_rows_##id,
#include "stages/nn/act.def"
#undef RT_ACT
    };
    rows[f->act](f);
}

/* ---- softmax of rows ----
 * Sums by lanes, then the lanes in their order. A NaN is larger than nothing, and spreads by the sum. */

INLINE float softmax_row_largest(float *x, const float *mask, int64_t n, float scale)
{
    W most = act_splat(-INFINITY);
    for (int64_t i = 0; i < n; i += WIDTH) {
        int64_t some = n - i < WIDTH ? n - i : WIDTH;
        W v = act_load(x + i, some) * scale;
        if (mask)
            v += act_load(mask + i, some);
        act_store(x + i, some, v);
        for (int64_t k = some; k < WIDTH; k++)
            v[k] = -INFINITY;
        most = act_select(v > most, v, most);
    }
    float largest = most[0];
    for (int k = 1; k < WIDTH; k++)
        largest = most[k] > largest ? most[k] : largest;
    return largest;
}

static void isa_softmax(const struct rt_softmax_rows *s)
{
    for (int64_t r = 0; r < s->rows; r++) {
        float *x = s->x + r * s->ldx;
        float largest = softmax_row_largest(x, s->mask ? s->mask + r * s->ld_mask : NULL, s->n, s->scale);
        W sums = {0};
        for (int64_t i = 0; i < s->n; i += WIDTH) {
            int64_t some = s->n - i < WIDTH ? s->n - i : WIDTH;
            W v = act_exp(act_load(x + i, some) - largest);
            for (int64_t k = some; k < WIDTH; k++)
                v[k] = 0;
            act_store(x + i, some, v);
            sums += v;
        }
        double sum = 0;
        for (int k = 0; k < WIDTH; k++)
            sum += sums[k];
        float by = (float)(1 / sum);
        for (int64_t i = 0; i < s->n; i++)
            x[i] *= by;
    }
}
