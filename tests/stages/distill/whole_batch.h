/* SPDX-License-Identifier: MIT
 * whole_batch: the weights of a batch whose samples are all in one place, and how many they count for. For tests. */
#ifndef RT_TESTS_WHOLE_BATCH_H
#define RT_TESTS_WHOLE_BATCH_H

#include "stages/distill/weights.h"

static void weight_batch(const double *quality, const double *scale, size_t n, double gamma, double floor,
                         double *weight)
{
    double sum[2];
    rt_weight_measure(quality, scale, n, gamma, floor, weight, sum);
    rt_weight_apply(scale, n, sum, weight);
}

static double weight_effective(const double *weight, size_t n)
{
    double sum[2];
    rt_weight_squares(weight, n, sum);
    return sum[1] == 0 ? 0 : sum[0] * sum[0] / sum[1];
}

#endif
