/* SPDX-License-Identifier: MIT
 * terms l2 and cosine: the student's projected embedding f against the teacher's t, by direction
 * only. l2:     D = ||n(f) - n(t)||^2  in 0..4        cosine: D = 1 - n(f).n(t)  in 0..2 n(x) = x /
 * ||x||, and 0 for x = 0. The gradient at f = 0 is taken as 0: no direction is better. */
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

static double inverse_norm(const float *x, int n)
{
    double sum = 0;

    for (int j = 0; j < n; j++)
        sum += (double)x[j] * x[j];
    return sum == 0 ? 0 : 1 / sqrt(sum);
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int j = 0; j < n; j++)
        sum += (double)a[j] * b[j];
    return sum;
}

/* out += factor * d cos / df, cos = n(f).n(t). */
static void add_cosine_grad(const float *f, const float *t, int n, double factor, float *out)
{
    double nf = inverse_norm(f, n), nt = inverse_norm(t, n);
    double c = dot(f, t, n) * nf * nt;

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
        double nf = inverse_norm(f, in->dim), nt = inverse_norm(t, in->dim), sum = 0;
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
        double d = 1 - dot(f, t, in->dim) * inverse_norm(f, in->dim) * inverse_norm(t, in->dim);
        value[i] = d < 0 ? 0 : d;
    }
}

static void feature_grad(const struct rt_term_in *in, const double *scale, double factor,
                         float *out)
{
    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->dim;
        if (scale[i] != 0)
            add_cosine_grad(in->feature + at, in->t_feature + at, in->dim, factor * scale[i],
                            out + at);
    }
}

static void l2_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    feature_grad(in, scale, -2, out);
}

static void cosine_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    feature_grad(in, scale, -1, out);
}

const struct rt_term rt_term_l2 = {
    .name = "l2",
    .summary = "feature: squared l2 between normalised features",
    .reads = RT_READS_FEATURE,
    .needs = RT_NEEDS_TEACHER,
    .value = l2_value,
    .grad = l2_grad,
};

const struct rt_term rt_term_cosine = {
    .name = "cosine",
    .summary = "feature: 1 - cosine",
    .reads = RT_READS_FEATURE,
    .needs = RT_NEEDS_TEACHER,
    .value = cosine_value,
    .grad = cosine_grad,
};
