/* SPDX-License-Identifier: MIT
 * weights: quality -> sample weight. w_i = scale_i * g(q_i) / mean g over the batch's unmuted
 * samples, g(q) = floor + (1 - floor) * q^gamma, q = product of the chosen terms, each in [0, 1].
 */
#ifndef RT_WEIGHTS_H
#define RT_WEIGHTS_H

#include <stddef.h>

/* g at quality q (clamped to [0, 1]; NaN counts as 1: an unmeasured sample is not punished). */
double rt_weight_curve(double q, double gamma, double floor);

/* value[n * terms] row-major, NaN = not measured -> factor 1. quality[n] out. */
void rt_weight_quality(const double *value, size_t n, int terms, double *quality);

/* Weights of a batch in two steps, as its samples may be in several places: weight[n] = g and, into sum, what the mean
 * needs of them; then, with both sums added up over all places, the weights. scale[n] = per-sample factor by hand (1 =
 * none, 0 = muted) or NULL. Weights of unmuted samples have mean 1 before the hand factor; where every g is 0 each
 * counts as 1. n = 0 is fine. */
void rt_weight_measure(const double *quality, const double *scale, size_t n, double gamma, double floor,
                       double *weight, double sum[2]);
void rt_weight_apply(const double *scale, size_t n, const double sum[2], double *weight);

/* (sum w)^2 / sum w^2 is how many samples they are worth: both sums of one place. */
void rt_weight_squares(const double *weight, size_t n, double sum[2]);

#endif
