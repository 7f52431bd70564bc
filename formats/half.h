/* SPDX-License-Identifier: MIT
 * half: IEEE half precision, in which weights may lie in files; nothing is computed in it. Pure functions. */
#ifndef RT_HALF_H
#define RT_HALF_H

#include <stdint.h>

float rt_half_float(uint16_t half);
/* To the nearest, ties to even; infinite beyond 65504. */
uint16_t rt_half_of(float f);

#endif
