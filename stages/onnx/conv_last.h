/* SPDX-License-Identifier: MIT
 * conv_last: a convolution with constant weights by the engine of stages/nn, which keeps channels last:
 * each sample is transposed on the way in and back on the way out, which costs little beside the products
 * saved. Weights are laid out once. */
#ifndef RT_CONV_LAST_H
#define RT_CONV_LAST_H

#include "stages/onnx/geometry.h"

/* Is it one for this way: one group, at most two axes, and enough channels? */
bool rt_conv_last_takes(const struct rt_geometry *g, int64_t groups, int64_t channels, int64_t units);
/* Bytes of what is laid out once, and of one run's scratch. */
size_t rt_conv_last_prepared(const struct rt_geometry *g, int64_t channels, int64_t units);
size_t rt_conv_last_scratch(const struct rt_geometry *g, int64_t channels, int64_t units);
/* weight: [units, channels, taps]. RT_EMEM. */
int rt_conv_last_prepare(const struct rt_geometry *g, int64_t channels, int64_t units,
                         const float *weight, void *prepared);
/* One sample: x [channels, in_count], y [units, out_count]; bias [units] or NULL. */
void rt_conv_last_run(const struct rt_geometry *g, int64_t channels, int64_t units,
                      const void *prepared, const float *bias, const float *x, float *y,
                      void *scratch);

#endif
