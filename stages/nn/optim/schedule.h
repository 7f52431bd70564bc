/* SPDX-License-Identifier: MIT
 * schedule: learning rate as a fraction of the peak, from the step alone. */
#ifndef RT_SCHEDULE_H
#define RT_SCHEDULE_H

#include "formats/choice.h"

#include <stdint.h>

/* Onecycle: cosine from 1/25 up over the warm-up fraction, cosine down to 1/250000, as PyTorch's
 * OneCycleLR; cosine: linear warm-up from 0, cosine to 0; constant: linear warm-up. step is 0-based,
 * steps the total. Returns the factor on the peak rate, in [0, 1]. */
double rt_schedule(enum rt_schedule_id id, int64_t step, int64_t steps, double warmup);

#endif
