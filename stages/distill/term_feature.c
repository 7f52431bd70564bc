/* SPDX-License-Identifier: MIT
 * terms l2 and cosine: the student's projected embedding f against the teacher's t, by direction only.
 *     l2      D = ||n(f) - n(t)||^2  in 0..4
 *     cosine  D = 1 - n(f).n(t)      in 0..2
 * n(x) = x / ||x||, and 0 for x = 0. The gradient at f = 0 is taken as 0: no direction is better. */
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

/* ---- directions ----
 * Lengths are left out on purpose: those of two networks on two modalities have nothing to do with
 * each other, and a plain l2 is mostly about them. */

static double feature_inverse_norm(const float *x, int n)
{
    double sum = 0;

    for (int j = 0; j < n; j++)
        sum += (double)x[j] * x[j];
    return sum == 0 ? 0 : 1 / sqrt(sum);
}

static double feature_dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int j = 0; j < n; j++)
        sum += (double)a[j] * b[j];
    return sum;
}

/* ---- values and gradients ----
 * ||n(f) - n(t)||^2 is 2 - 2 cos, so both gradients are that of the cosine with another factor. The
 * values are not taken from one another: 2 - 2 cos would lose all digits of a small l2, where a
 * quantile as margin looks. d cos / df = (n(t) - cos n(f)) / ||f|| has no part along f, as a
 * direction cannot change along itself. Both directions are of length 1 when they are taken from one
 * another, so a very short or very long f costs no digits; its length divides once, last. */

/* out += factor * d cos / df, cos = n(f).n(t). */
static void feature_add_cosine_grad(const float *f, const float *t, int n, double factor, float *out)
{
    double nf = feature_inverse_norm(f, n), nt = feature_inverse_norm(t, n);
    double c = feature_dot(f, t, n) * nf * nt;

    for (int j = 0; j < n; j++)
        out[j] += (float)(factor * nf * (t[j] * nt - c * f[j] * nf));
}

static void l2_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    for (int i = 0; i < in->batch; i++) {
        const float *f = in->feature + (size_t)i * in->dim,
                    *t = in->t_feature + (size_t)i * in->dim;
        if (!use[i])
            continue;
        double nf = feature_inverse_norm(f, in->dim), nt = feature_inverse_norm(t, in->dim), sum = 0;
        for (int j = 0; j < in->dim; j++) {
            double d = f[j] * nf - t[j] * nt;
            sum += d * d;
        }
        value[i] = sum;
    }
}

static void cosine_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    for (int i = 0; i < in->batch; i++) {
        const float *f = in->feature + (size_t)i * in->dim,
                    *t = in->t_feature + (size_t)i * in->dim;
        if (!use[i])
            continue;
        double d = 1 - feature_dot(f, t, in->dim) * feature_inverse_norm(f, in->dim) * feature_inverse_norm(t, in->dim);
        value[i] = d < 0 ? 0 : d;
    }
}

static void feature_grads(const struct rt_term_in *in, const double *scale, double factor,
                          float *out)
{
    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->dim;
        if (scale[i] != 0)
            feature_add_cosine_grad(in->feature + at, in->t_feature + at, in->dim, factor * scale[i],
                            out + at);
    }
}

static void l2_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                    const struct rt_term_out *out)
{
    (void)use;
    feature_grads(in, scale, -2, out->feature);
}

static void cosine_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                        const struct rt_term_out *out)
{
    (void)use;
    feature_grads(in, scale, -1, out->feature);
}

const struct rt_term_ops rt_term_l2 = {.value = l2_value, .grad = l2_grad};
const struct rt_term_ops rt_term_cosine = {.value = cosine_value, .grad = cosine_grad};
