/* SPDX-License-Identifier: MIT
 * series: one curve of a run: values over steps, and for long ones what each 64 of them amount to. Only
 * grows. */
#ifndef RT_SERIES_H
#define RT_SERIES_H

#include <stdint.h>

#define RT_SERIES_BLOCK 64

/* Zeroed is an empty one. */
struct rt_series {
    char name[64], split[16]; /* of run.db's metrics */
    int count, room;
    int64_t *step; /* [count] rising */
    double *value; /* [count] finite */
    /* [count / RT_SERIES_BLOCK], of as many points each: long curves are drawn from these */
    struct rt_series_block {
        double low, high, mean;
    } *block;
};

void rt_series_fini(struct rt_series *s);
/* A point behind the last; one that is not finite is left away. RT_EMEM leaves it as it was. */
int rt_series_add(struct rt_series *s, int64_t step, double value);
/* Place of the first point at or after step; count when there is none. */
int rt_series_from(const struct rt_series *s, int64_t step);
/* Between two points in proportion to the steps, outside of them as the nearest; NaN when there is none. */
double rt_series_at(const struct rt_series *s, double step);
/* Of values that only rise: the step at which they reach this one, likewise. */
double rt_series_when(const struct rt_series *s, double value);
/* The greatest value so far, NaN when none, also for NULL; *step: where. */
double rt_series_best(const struct rt_series *s, int64_t *step);
double rt_series_least(const struct rt_series *s, int64_t *step); /* the same, lowest */

#endif
