/* SPDX-License-Identifier: MIT
 * interval: mean, spread and interval of a few runs; see metrics.h. */
#include "stages/metrics/metrics.h"

#include <math.h>

/* ---- Student's t ----
 * For a whole number of degrees of freedom the probability is a finite sum in the angle whose tangent is t / sqrt(n)
 * (Abramowitz and Stegun, 26.7.3 and 26.7.4), so no incomplete beta function is needed. The angle is bounded, so the
 * quantile is found by halving it: 60 times reaches the last bit, and no start can be wrong. */

/* P(|T| < t) where t = sqrt(freedom) * tan(angle). */
static double t_probability(double angle, int freedom)
{
    double c = cos(angle), sum = 0, term = freedom % 2 ? c : 1;
    for (int k = freedom % 2 ? 3 : 2; k <= freedom; k += 2) {
        sum += term;
        term *= c * c * (k - 1) / k;
    }
    return freedom % 2 ? (angle + sin(angle) * sum) * M_2_PI : sin(angle) * sum;
}

double rt_t_quantile(double probability, int freedom)
{
    double low = 0, high = M_PI_2;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (t_probability(middle, freedom) < probability)
            low = middle;
        else
            high = middle;
    }
    return sqrt(freedom) * tan((low + high) / 2);
}

/* ---- paired answers ----
 * Two heads answer the same samples; those that both have right, or wrong, say nothing of which is better. Of a few
 * that differ the exact sum is right where the normal curve is not. */

/* lgamma would leave the sign where all threads see it. */
static double log_factorial(int n)
{
    int sign;
    return lgamma_r(n + 1.0, &sign);
}

double rt_sign_test(int better, int worse)
{
    int n = better + worse;
    double p = 0;
    for (int k = better; k <= n; k++)
        p += exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) - n * M_LN2);
    return p < 1 ? p : 1;
}

void rt_interval(struct rt_interval *i, const double *value, size_t n)
{
    double sum = 0, squares = 0;
    *i = (struct rt_interval){0, NAN, NAN, NAN, NAN};
    for (size_t k = 0; k < n; k++)
        if (isfinite(value[k])) {
            sum += value[k];
            i->n++;
        }
    if (i->n)
        i->mean = sum / i->n;
    for (size_t k = 0; k < n; k++)
        if (isfinite(value[k]))
            squares += (value[k] - i->mean) * (value[k] - i->mean);
    if (i->n < 2)
        return;
    i->sd = sqrt(squares / (i->n - 1));
    double half = rt_t_quantile(0.95, i->n - 1) * i->sd / sqrt(i->n);
    i->low = i->mean - half;
    i->high = i->mean + half;
}
