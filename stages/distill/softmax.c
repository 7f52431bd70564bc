/* SPDX-License-Identifier: MIT
 * softmax: log-sum-exp, cross-entropy and KL of one row. Comparisons are written so that NaN falls
 * through them instead of being replaced. */
#include "stages/distill/softmax.h"

#include <math.h>
#include <stddef.h>

/* ---- one row in logarithms ----
 * Everything is exp(u - lse), with the largest u taken off before any exp: no input overflows, and a
 * probability that underflows is 0, which is what it is. Sums are in double over float logits, so
 * their rounding lies far below that of the gradients, which are float. Probabilities are not kept:
 * a row is read twice rather than an array of [batch, classes] allocated for each term. */

double rt_softmax_lse(const float *x, int n, double scale, int skip)
{
    double max = -INFINITY, sum = 0;
    int left = 0;

    for (int j = 0; j < n; j++) {
        if (j == skip)
            continue;
        left++;
        if (scale * x[j] > max)
            max = scale * x[j];
    }
    if (left == 0)
        return -INFINITY;
    for (int j = 0; j < n; j++)
        if (j != skip)
            sum += exp(scale * x[j] - max);
    return max + log(sum);
}

/* ---- cross-entropy on a label whose logit may be moved ----
 * AAM changes the label's logit alone. So the sum over the other classes is taken first and the
 * label's is added in logarithms, and one pair of functions serves ce, head_ce and aam. The gradient
 * is the usual p - q, except that the label's goes through the slope of its moved logit. */

/* ln(exp(a) + exp(b)); a may be -inf. */
static double softmax_log_add(double a, double b)
{
    return a > b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

static double softmax_ce_lse(const struct rt_softmax_ce *r)
{
    return softmax_log_add(rt_softmax_lse(r->x, r->n, r->scale, r->y), r->target);
}

double rt_softmax_ce(const struct rt_softmax_ce *r)
{
    double lse = softmax_ce_lse(r), sum = r->target, d;

    if (r->smoothing == 0) {
        d = lse - r->target;
    } else {
        for (int j = 0; j < r->n; j++)
            if (j != r->y)
                sum += r->scale * r->x[j];
        d = lse - (1 - r->smoothing) * r->target - r->smoothing * sum / r->n;
    }
    return d < 0 ? 0 : d;
}

void rt_softmax_ce_grad(const struct rt_softmax_ce *r, double factor, float *out)
{
    double lse = softmax_ce_lse(r), rest = r->smoothing / r->n;

    for (int j = 0; j < r->n; j++) {
        if (j == r->y)
            out[j] +=
                (float)(factor * r->slope * (exp(r->target - lse) - (1 - r->smoothing) - rest));
        else
            out[j] += (float)(factor * r->scale * (exp(r->scale * r->x[j] - lse) - rest));
    }
}

void rt_softmax_ce_values(rt_softmax_ce_row *row, const struct rt_term_in *in, const uint8_t *use,
                          double *value)
{
    for (int i = 0; i < in->batch; i++) {
        if (!use[i])
            continue;
        struct rt_softmax_ce r = row(in, i);
        value[i] = rt_softmax_ce(&r);
    }
}

void rt_softmax_ce_grads(rt_softmax_ce_row *row, const struct rt_term_in *in, const double *scale,
                         float *out)
{
    for (int i = 0; i < in->batch; i++) {
        if (scale[i] == 0)
            continue;
        struct rt_softmax_ce r = row(in, i);
        rt_softmax_ce_grad(&r, scale[i], out + (size_t)i * (size_t)r.n);
    }
}

/* ---- KL of two rows ----
 * As a sum of p (ln p - ln q), both logarithms straight from the logits: the quotient p / q would lose
 * classes where either underflows. Rounding may leave a sum a little below 0, which is no distance;
 * it is cut there, and a NaN passes. The gradient in the scaled logits is q - p whatever the
 * distance, also where it was cut. */

double rt_softmax_kl(const float *t, double t_scale, const float *x, double x_scale, int n,
                     int skip)
{
    double t_lse = rt_softmax_lse(t, n, t_scale, skip);
    double x_lse = rt_softmax_lse(x, n, x_scale, skip);
    double d = 0;

    for (int j = 0; j < n; j++) {
        double log_t = t_scale * t[j] - t_lse, log_x = x_scale * x[j] - x_lse;
        double p = exp(log_t);
        if (j != skip && p != 0) /* the limit of p ln p is 0, whatever log_x is */
            d += p * (log_t - log_x);
    }
    return d < 0 ? 0 : d;
}

void rt_softmax_kl_grad(const float *t, double t_scale, const float *x, double x_scale, int n,
                        int skip, double factor, float *out)
{
    double t_lse = rt_softmax_lse(t, n, t_scale, skip);
    double x_lse = rt_softmax_lse(x, n, x_scale, skip);

    for (int j = 0; j < n; j++)
        if (j != skip)
            out[j] += (float)(factor * (exp(x_scale * x[j] - x_lse) - exp(t_scale * t[j] - t_lse)));
}
