/* SPDX-License-Identifier: MIT
 * weights: quality -> sample weight; see weights.h. Pure functions. */
#include "stages/distill/weights.h"

#include <math.h>

/* ---- one sample ---- */

static double weight_clamp(double q)
{
    if (isnan(q) || q > 1)
        return 1;
    return q < 0 ? 0 : q;
}

double rt_weight_curve(double q, double gamma, double floor)
{
    return floor + (1 - floor) * pow(weight_clamp(q), gamma);
}

void rt_weight_quality(const double *value, size_t n, int terms, double *quality)
{
    for (size_t i = 0; i < n; i++) {
        quality[i] = 1;
        for (int k = 0; k < terms; k++)
            quality[i] *= weight_clamp(value[i * (size_t)terms + (size_t)k]);
    }
}

/* ---- a batch ----
 * Weights are divided by their mean, so that gamma and floor move effort between samples and leave
 * the size of the step to lambda and the learning rate. It is the mean of the batch, not of the data
 * set: that one would need all samples before the first step, and would be wrong as soon as somebody
 * mutes a few. Muted samples are in no mean: muting one must not change how strongly the others
 * pull. */

void rt_weight_measure(const double *quality, const double *scale, size_t n, double gamma, double floor,
                       double *weight, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (size_t i = 0; i < n; i++) {
        weight[i] = rt_weight_curve(quality[i], gamma, floor);
        if (scale && scale[i] == 0)
            continue;
        sum[0] += weight[i];
        sum[1]++;
    }
}

void rt_weight_apply(const double *scale, size_t n, const double sum[2], double *weight)
{
    double mean = sum[1] > 0 ? sum[0] / sum[1] : 1;

    for (size_t i = 0; i < n; i++) {
        weight[i] = mean > 0 ? weight[i] / mean : 1;
        if (scale)
            weight[i] *= scale[i];
    }
}

void rt_weight_squares(const double *weight, size_t n, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (size_t i = 0; i < n; i++) {
        sum[0] += weight[i];
        sum[1] += weight[i] * weight[i];
    }
}
