/* SPDX-License-Identifier: MIT
 * convolve: a recording as it would sound in a room. Pure, any thread. */
#ifndef RT_CONVOLVE_H
#define RT_CONVOLVE_H

#include "formats/work.h"

#include <stdint.h>

/* x [count] becomes what `response` [length] makes of it, as loud as before (the same power) and not delayed: the
 * response counts from its largest sample, the direct sound. RT_EMEM. length 1 or more; a response of nothing but zeros
 * leaves x as it is. work: memory to do it in, or NULL. */
int rt_convolve(float *x, int64_t count, const float *response, int64_t length, struct rt_work *work);

#endif
