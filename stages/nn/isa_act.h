/* SPDX-License-Identifier: MIT
 * isa_act: exponential, logistic, hyperbolic tangent and error function of whole registers, and what act.def makes of
 * them; no guard: isa_code.c includes it once, with W (the widest vector) and WIDTH defined. Within 3e-7 of the
 * C library's (relative for the exponential, absolute for the others, which lie within 1), which computes one number at
 * a time: a network of attention or of squeezed channels would spend half of its time there. Polynomials are fits of
 * least largest error. */

typedef int32_t WI __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* mask: all bits or none, as comparisons give. */
INLINE W act_select(WI mask, W yes, W no)
{
    return (W)((mask & (WI)yes) | (~mask & (WI)no));
}

INLINE W act_magnitude(W v)
{
    return (W)((WI)v & 0x7fffffff);
}

/* of: its sign. */
INLINE W act_signed(W magnitude, W of)
{
    return (W)((WI)magnitude | ((WI)of & INT32_MIN));
}

INLINE W act_splat(float v)
{
    return v - (W){0};
}

INLINE W act_unit(W v)
{
    return act_select(v < 0, (W){0}, act_select(v > 1, 1 - (W){0}, v));
}

/* 2^n times e^r, |r| <= ln 2 / 2. n is rounded by an addition whose result's lowest bits it then is. Below -86.6 it is
 * 0, short of where powers of two lose digits. */
INLINE W act_exp(W v)
{
    const float magic = 12582912;
    W x = act_select(v > 88.8f, 88.8f - (W){0}, act_select(v < -86.6f, -86.6f - (W){0}, v));
    W t = x * 1.44269504089f + magic, n = t - magic;
    W r = x - n * 0.693359375f + n * 2.12194440e-4f;
    W q = 0.16666576f + r * (0.04166637361f + r * (0.008363179862f + r * 0.001394111197f));
    W p = 1 + (r + r * r * (0.5f + r * q));
    W scale = (W)(((WI)t + 126) << 23); /* half of 2^n: 2^128 is none of its own */
    W y = p * scale * 2;
    return act_select(v < -86.6f, (W){0}, y);
}

INLINE W act_sigmoid(W v)
{
    W e = act_exp(-act_magnitude(v)), s = 1 / (1 + e);
    return act_select(v < 0, e * s, s);
}

INLINE W act_tanh(W v)
{
    W m = act_magnitude(v), s = v * v;
    W small = v + v * s * (-0.3333326280f + s * (0.1333118529f + s * (-0.05372523144f + s * (0.02060314268f
              - s * 0.005672416184f))));
    W large = act_signed(1 - 2 / (act_exp(2 * m) + 1), v);
    return act_select(m < 0.625f, small, large);
}

INLINE W act_erf(W v)
{
    W m = act_magnitude(v), s = v * v, x = act_select(m > 4, 4 - (W){0}, m);
    W small = v * (1.1283791065f + s * (-0.3761262596f + s * (0.1128360033f + s * (-0.02685444430f
              + s * (0.005189535208f + s * (-0.0008020839887f + s * 7.889114931e-5f))))));
    W power = 0.0003536953009f + x * (1.127040148f + x * (0.6382254958f + x * (0.1030375212f
              + x * (-0.02180539444f + x * (0.002939626575f - x * 0.0001855760347f)))));
    return act_select(m < 1, small, act_signed(1 - act_exp(-power), v));
}

/* What is less than a register at the end of a row goes through one: each number is computed in one way, wherever it
 * stands. */
#define RT_ACT(id, value)                                                                                              \
    static void act_rows_##id(const struct rt_finish *f)                                                               \
    {                                                                                                                  \
        const float a = f->a, b = f->b;                                                                                \
        (void)a, (void)b;                                                                                              \
        for (int64_t r = 0; r < f->rows; r++) {                                                                        \
            const float *x = f->from + r * f->stride, *other = f->other ? f->other + r * f->stride : NULL;             \
            float *y = f->to + r * f->stride;                                                                          \
            for (int64_t i = 0; i < f->n; i += WIDTH) {                                                                \
                int64_t some = f->n - i < WIDTH ? f->n - i : WIDTH;                                                    \
                W v = act_load(x + i, some);                                                                           \
                if (f->bias)                                                                                           \
                    v += act_load(f->bias + i, some);                                                                  \
                if (other)                                                                                             \
                    v += act_load(other + i, some);                                                                    \
                v = value;                                                                                             \
                act_store(y + i, some, v);                                                                             \
            }                                                                                                          \
        }                                                                                                              \
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
