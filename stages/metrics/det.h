/* SPDX-License-Identifier: MIT
 * det: scored verification trials and all that is read off them: the points of the detection error tradeoff, equal
 * error rate, detection costs, the cost of log likelihood ratios, the threshold for a wanted false-alarm rate. Pure
 * functions; rates are 0..1. A trial is accepted at or above a threshold, so trials of one score move together. */
#ifndef RT_DET_H
#define RT_DET_H

#include <stddef.h>
#include <stdint.h>

/* All at or above the threshold are accepted. */
struct rt_det_point {
    double threshold;
    size_t hits, alarms; /* accepted: of the same, of others */
};
struct rt_det {
    struct rt_det_point *point; /* [points] thresholds fall; the first accepts nothing, the last all. malloc'ed */
    size_t points, targets, others;
};

/* same[i]: a target trial. RT_ENODATA: one kind is missing; RT_ENOTFINITE; RT_EMEM. *d is then empty. */
int rt_det_init(struct rt_det *d, const double *score, const uint8_t *same, size_t n);
void rt_det_fini(struct rt_det *d);

double rt_det_false_alarm(const struct rt_det *d, size_t point);
double rt_det_miss(const struct rt_det *d, size_t point);
/* By linear interpolation between the points around the crossing. threshold may be NULL. */
double rt_det_eer(const struct rt_det *d, double *threshold);
/* p_target * miss + (1 - p_target) * false alarm, divided by the smaller of the two priors, which is what a system pays
 * that does not listen: 1 = no better than that. Of the best threshold, or of the one that is best for scores that are
 * log likelihood ratios, -logit(p_target). p_target between 0 and 1, else NaN. */
double rt_det_min_cost(const struct rt_det *d, double p_target);
double rt_det_actual_cost(const struct rt_det *d, double p_target);
/* Cost of the scores as log likelihood ratios (Bruemmer), in bits: 1 = as good as none; and of the best that any rising
 * function of them would be (by pools of adjacent violators). min_cllr: NaN without memory. */
double rt_det_cllr(const struct rt_det *d);
double rt_det_min_cllr(const struct rt_det *d);
/* The lowest threshold that accepts at most this fraction of the others, as a point. */
size_t rt_det_at_false_alarm(const struct rt_det *d, double rate);

/* Who is on the two sides of each trial, 0..people-1. */
struct rt_det_people {
    const int *enrol, *test; /* [n] */
    int people;
};
/* 95 % intervals of all of the above: interval[RT_DET_EER] and so on, then interval[RT_DET_COSTS + k] of the smallest
 * cost at prior k, then interval[RT_DET_COSTS + priors + k] of the actual one. By the bootstrap: people are drawn, or,
 * where they are not known (NULL), trials, which takes them for independent. NaN where nothing was found. The same each
 * time. RT_EMEM, RT_ELARGE. */
enum { RT_DET_EER, RT_DET_CLLR, RT_DET_MIN_CLLR, RT_DET_COSTS };
#define RT_DET_FIGURES(priors) (RT_DET_COSTS + 2 * (priors))
int rt_det_intervals(double (*interval)[2], const double *score, const uint8_t *same, size_t n,
                     const struct rt_det_people *people, const double *prior, int priors);

#endif
