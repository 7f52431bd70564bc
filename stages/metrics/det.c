/* SPDX-License-Identifier: MIT
 * det: see det.h. */
#include "stages/metrics/det.h"

#include "formats/error.h"
#include "stages/metrics/det_parts.h"

#include <math.h>
#include <stdlib.h>

/* ---- the points ----
 * Sorted once by score; targets and others are counted while the threshold falls through every distinct score. Counts
 * are kept and not rates, so that what is computed of them rounds once. */

struct trial {
    double score;
    int same;
};

static int trial_by_score_down(const void *a, const void *b)
{
    double x = ((const struct trial *)a)->score, y = ((const struct trial *)b)->score;

    return (x < y) - (x > y);
}

/* Both kinds must be there, or one of the error rates has no denominator. */
static int det_sort_trials(struct rt_det *d, struct trial *t, const double *score, const uint8_t *same, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return RT_ENOTFINITE;
        t[i] = (struct trial){score[i], same[i] != 0};
        d->targets += same[i] != 0;
    }
    d->others = n - d->targets;
    if (d->targets == 0 || d->others == 0)
        return RT_ENODATA;
    qsort(t, n, sizeof *t, trial_by_score_down);
    return 0;
}

static void det_walk(struct rt_det *d, const struct trial *t, size_t n)
{
    size_t hits = 0, alarms = 0;
    d->point[d->points++] = (struct rt_det_point){t[0].score, 0, 0}; /* just above the best */
    for (size_t i = 0; i < n;) {
        size_t j = i;
        for (; j < n && t[j].score == t[i].score; j++) {
            hits += (size_t)t[j].same;
            alarms += !t[j].same;
        }
        d->point[d->points++] = (struct rt_det_point){t[i].score, hits, alarms};
        i = j;
    }
}

int rt_det_init(struct rt_det *d, const double *score, const uint8_t *same, size_t n)
{
    struct trial *t = calloc(n ? n : 1, sizeof *t);
    *d = (struct rt_det){.point = malloc((n + 1) * sizeof *d->point)};
    int rc = t && d->point ? det_sort_trials(d, t, score, same, n) : RT_EMEM;
    if (rc == 0)
        det_walk(d, t, n);
    else
        rt_det_fini(d);
    free(t);
    return rc;
}

void rt_det_fini(struct rt_det *d)
{
    free(d->point);
    *d = (struct rt_det){.point = NULL};
}

double rt_det_false_alarm(const struct rt_det *d, size_t point)
{
    return (double)d->point[point].alarms / (double)d->others;
}

double rt_det_miss(const struct rt_det *d, size_t point)
{
    return 1 - (double)d->point[point].hits / (double)d->targets;
}

/* ---- equal error rate ---- */

double rt_det_eer(const struct rt_det *d, double *threshold)
{
    size_t i = 1;
    while (rt_det_miss(d, i) > rt_det_false_alarm(d, i)) /* the last point has no misses */
        i++;
    double before = rt_det_false_alarm(d, i - 1), after = rt_det_false_alarm(d, i);
    double d0 = rt_det_miss(d, i - 1) - before, d1 = rt_det_miss(d, i) - after, fraction = d0 / (d0 - d1);
    double high = d->point[i - 1].threshold, low = d->point[i].threshold;
    if (threshold)
        *threshold = high + fraction * (low - high);
    return before + fraction * (after - before);
}

/* ---- detection costs ---- */

static double det_cost(const struct rt_det *d, size_t point, double p_target)
{
    return p_target * rt_det_miss(d, point) + (1 - p_target) * rt_det_false_alarm(d, point);
}

static double cost_scaled(double cost, double p_target)
{
    return cost / (p_target < 0.5 ? p_target : 1 - p_target);
}

double rt_det_min_cost(const struct rt_det *d, double p_target)
{
    if (!(p_target > 0 && p_target < 1))
        return NAN;
    double cheapest = INFINITY;
    for (size_t i = 0; i < d->points; i++)
        cheapest = fmin(cheapest, det_cost(d, i, p_target));
    return cost_scaled(cheapest, p_target);
}

double rt_det_actual_cost(const struct rt_det *d, double p_target)
{
    if (!(p_target > 0 && p_target < 1))
        return NAN;
    double threshold = -log(p_target / (1 - p_target));
    size_t i = 0;
    while (i + 1 < d->points && d->point[i + 1].threshold >= threshold)
        i++;
    return cost_scaled(det_cost(d, i, p_target), p_target);
}

size_t rt_det_at_false_alarm(const struct rt_det *d, double rate)
{
    size_t i = 0;
    while (i + 1 < d->points && rt_det_false_alarm(d, i + 1) <= rate)
        i++;
    return i;
}

/* ---- the cost of log likelihood ratios ---- */

/* x may be large. */
double rt_cllr_bits(double x)
{
    return (x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))) / M_LN2;
}

double rt_det_cllr(const struct rt_det *d)
{
    double miss = 0, alarm = 0;
    for (size_t i = 1; i < d->points; i++) {
        double s = d->point[i].threshold;
        miss += (double)(d->point[i].hits - d->point[i - 1].hits) * rt_cllr_bits(-s);
        alarm += (double)(d->point[i].alarms - d->point[i - 1].alarms) * rt_cllr_bits(s);
    }
    return (miss / (double)d->targets + alarm / (double)d->others) / 2;
}

/* Pools of adjacent violators, from the best score down: the share of targets in a pool may not rise. What is left is
 * the upper hull of the curve; a pool of one kind costs nothing. */

int rt_pools_add(struct rt_pool *pool, int n, double hits, double alarms)
{
    pool[n++] = (struct rt_pool){hits, alarms};
    for (; n > 1 && pool[n - 1].hits * pool[n - 2].alarms >= pool[n - 2].hits * pool[n - 1].alarms; n--) {
        pool[n - 2].hits += pool[n - 1].hits;
        pool[n - 2].alarms += pool[n - 1].alarms;
    }
    return n;
}

double rt_pools_cllr(const struct rt_pool *pool, int n, double targets, double others)
{
    double miss = 0, alarm = 0;
    for (int i = 0; i < n; i++)
        if (pool[i].hits > 0 && pool[i].alarms > 0) {
            double llr = log(pool[i].hits / pool[i].alarms) - log(targets / others);
            miss += pool[i].hits * rt_cllr_bits(-llr);
            alarm += pool[i].alarms * rt_cllr_bits(llr);
        }
    return (miss / targets + alarm / others) / 2;
}

double rt_det_min_cllr(const struct rt_det *d)
{
    struct rt_pool *pool = malloc(d->points * sizeof *pool);
    if (!pool)
        return NAN;
    int n = 0;
    for (size_t i = 1; i < d->points; i++)
        n = rt_pools_add(pool, n, (double)(d->point[i].hits - d->point[i - 1].hits),
                         (double)(d->point[i].alarms - d->point[i - 1].alarms));
    double cost = rt_pools_cllr(pool, n, (double)d->targets, (double)d->others);
    free(pool);
    return cost;
}
