/* SPDX-License-Identifier: MIT
 * axis: the round values that are written along an axis, and how. Pure functions. */
#ifndef RT_AXIS_H
#define RT_AXIS_H

#define RT_TICKS 16

/* Round values (1, 2 or 5 times a power of ten) from low to high, rising, at most `most` and RT_TICKS of them;
 * returns how many: 0 when there is no range. whole: none but whole numbers. */
int rt_axis_ticks(double low, double high, int most, int whole, double tick[RT_TICKS]);
/* low and high: the logarithms (base 10) of the ends; ticks are logarithms too. Powers of ten where there are two of
 * them, else round values. */
int rt_axis_ticks_log(double low, double high, int most, double tick[RT_TICKS]);
/* Of seconds: whole seconds, minutes, hours or days. */
int rt_axis_ticks_time(double low, double high, int most, double tick[RT_TICKS]);
/* 90 -> "90s", 300 -> "5m", 5400 -> "1h30", 172800 -> "2d". */
const char *rt_axis_time(double seconds, char out[24]);

#endif
