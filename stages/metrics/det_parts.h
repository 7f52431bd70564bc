/* SPDX-License-Identifier: MIT
 * det_parts: what det.c, of a list of trials, and det_intervals.c, of the lists that might have been, both compute. */
#ifndef RT_DET_PARTS_H
#define RT_DET_PARTS_H

/* Trials of neighbouring scores, as numbers or weights. */
struct rt_pool {
    double hits, alarms;
};

/* Puts trials of one score, lower than all before, behind n pools of falling share of targets, and joins those that
 * violate that. How many there are then. */
int rt_pools_add(struct rt_pool *pool, int n, double hits, double alarms);
/* The cost of the best log likelihood ratios that these pools can have, in bits. */
double rt_pools_cllr(const struct rt_pool *pool, int n, double targets, double others);
/* log2(1 + exp(x)): what a target of log likelihood ratio -x costs, or another of x. */
double rt_cllr_bits(double x);

#endif
