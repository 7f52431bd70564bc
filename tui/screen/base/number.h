/* SPDX-License-Identifier: MIT
 * number: numbers and durations in a few characters, for places where there is room for no more. */
#ifndef RT_NUMBER_H
#define RT_NUMBER_H

/* 1234567 -> "1.23M", 0.00012 -> "1.2e-04"; "-" for NaN. */
const char *rt_number_short(double value, char out[24]);
/* "41 s left", "12 min left", "3 h 05 min left", "4 days left"; "" when not known: 0 or less, or 1e9
 * and more. */
const char *rt_number_left(double seconds, char out[32]);

#endif
