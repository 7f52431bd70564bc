/* SPDX-License-Identifier: MIT
 * term dist: D = 1 - Pearson(softmax(t / T), softmax(s / T)) over the classes of one sample, in
 * 0..2: the student keeps the teacher's order and spacing of classes, not its exact posteriors. Of
 * DIST (arXiv 2205.10536) this is the relation inside a sample; the one along the batch, a
 * term that compares rows, is not built. Where a side is exactly uniform the correlation counts as 0,
 * gradient 0. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

/* ---- one row ----
 * The posteriors' mean over n classes is always 1 / n, so one pass gives all that a correlation needs
 * and no mean has to be estimated. Dividing by sqrt(ss) sqrt(tt) and not by sqrt(ss tt) keeps the
 * product of two tiny sums from underflowing. */

/* Sums over the classes of the posteriors' deviations from their mean 1 / n. */
struct dist_moments {
    double s_lse, t_lse, ss, tt, st;
};

static struct dist_moments dist_moments_row(const float *s, double s_scale, const float *t,
                                            double t_scale, int n)
{
    struct dist_moments m = {
        .s_lse = rt_softmax_lse(s, n, s_scale, -1), .t_lse = rt_softmax_lse(t, n, t_scale, -1)};

    for (int j = 0; j < n; j++) {
        double a = exp(s_scale * s[j] - m.s_lse) - 1.0 / n;
        double b = exp(t_scale * t[j] - m.t_lse) - 1.0 / n;
        m.ss += a * a;
        m.tt += b * b;
        m.st += a * b;
    }
    return m;
}

/* Deviations that are rounding alone: posteriors equal to about 1e-12 of their mean. */
static int dist_is_flat(double squares, int n)
{
    return squares < 1e-24 / n;
}

static double dist_row(const float *s, double s_scale, const float *t, double t_scale, int n)
{
    struct dist_moments m = dist_moments_row(s, s_scale, t, t_scale, n);
    double d;

    if (dist_is_flat(m.ss, n) || dist_is_flat(m.tt, n))
        return isnan(m.st) ? m.st : 1;
    d = 1 - m.st / (sqrt(m.ss) * sqrt(m.tt));
    return d < 0 ? 0 : d;
}

/* With a, b the deviations, e_j = dD / dp_j = -(b_j - (st / ss) a_j) / sqrt(ss tt). Through the
 * softmax dD / du_j = p_j (e_j - sum_k p_k e_k), and that sum is 0: sum_k e_k = 0 and sum_k a_k e_k
 * = 0. */
static void dist_grad_row(const float *s, double s_scale, const float *t, double t_scale, int n,
                          double factor, float *out)
{
    struct dist_moments m = dist_moments_row(s, s_scale, t, t_scale, n);
    double norm = sqrt(m.ss) * sqrt(m.tt);

    if (dist_is_flat(m.ss, n) || dist_is_flat(m.tt, n))
        return;
    for (int j = 0; j < n; j++) {
        double p = exp(s_scale * s[j] - m.s_lse);
        double b = exp(t_scale * t[j] - m.t_lse) - 1.0 / n;
        out[j] -= (float)(factor * p * (b - m.st / m.ss * (p - 1.0 / n)) / norm);
    }
}

static void dist_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    double temp = in->param[RT_PARAM_dist_temperature];

    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->classes;
        if (use[i])
            value[i] = dist_row(in->logits + at, in->logit_scale / temp, in->t_logits + at,
                                1 / temp, in->classes);
    }
}

static void dist_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                      const struct rt_term_out *out)
{
    double temp = in->param[RT_PARAM_dist_temperature], s_scale = in->logit_scale / temp;

    (void)use;
    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->classes;
        if (scale[i] != 0)
            dist_grad_row(in->logits + at, s_scale, in->t_logits + at, 1 / temp, in->classes,
                          scale[i] * s_scale, out->logits + at);
    }
}

const struct rt_term_ops rt_term_dist = {.value = dist_value, .grad = dist_grad};
