/* SPDX-License-Identifier: MIT
 * verification: EER and minDCF over trials. The threshold falls from above the best score through
 * every distinct score; each step gives one point (false alarms, misses). */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"

/* ---- trials ----
 * Sorted once by score; targets and others are then counted while the threshold falls, so both
 * error rates come from one walk. */

struct trial {
    double score;
    int same;
};

struct point {
    double threshold, false_alarm, miss;
};

static int trial_by_score_down(const void *a, const void *b)
{
    double x = ((const struct trial *)a)->score, y = ((const struct trial *)b)->score;

    return (x < y) - (x > y);
}

/* Both kinds must be there, or one of the error rates has no denominator. */
static int verification_sort_trials(struct trial *t, const double *score, const uint8_t *same,
                                    size_t n, size_t *targets)
{
    *targets = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return RT_ENOTFINITE;
        t[i] = (struct trial){score[i], same[i] != 0};
        *targets += same[i] != 0;
    }
    if (*targets == 0 || *targets == n)
        return RT_ENODATA;
    qsort(t, n, sizeof *t, trial_by_score_down);
    return 0;
}

/* ---- the walk ----
 * Scores that are equal move together: a threshold cannot part them. minDCF is divided by the cost
 * of a system that does not listen, as results on VoxCeleb are, so that it lies in 0..1. */

/* Between the last point with misses above false alarms and the first without. */
static void verification_set_eer(struct rt_verification *v, struct point before, struct point after)
{
    double d0 = before.miss - before.false_alarm, d1 = after.miss - after.false_alarm;
    double fraction = d0 / (d0 - d1);

    v->eer = before.false_alarm + fraction * (after.false_alarm - before.false_alarm);
    v->eer_threshold = before.threshold + fraction * (after.threshold - before.threshold);
}

static void verification_walk(struct rt_verification *v, const struct trial *t, size_t n,
                              size_t targets, double p_target)
{
    struct point last = {t[0].score, 0, 1}; /* accepts none; the threshold is just above t[0] */
    double cheapest = p_target;
    size_t hits = 0, alarms = 0;
    int crossed = 0;

    for (size_t i = 0; i < n;) {
        size_t j = i;
        for (; j < n && t[j].score == t[i].score; j++) {
            hits += t[j].same;
            alarms += !t[j].same;
        }
        struct point p = {t[i].score, (double)alarms / (double)(n - targets),
                          1 - (double)hits / (double)targets};
        double cost = p_target * p.miss + (1 - p_target) * p.false_alarm;
        if (cost < cheapest)
            cheapest = cost;
        if (!crossed && p.miss <= p.false_alarm) {
            verification_set_eer(v, last, p);
            crossed = 1;
        }
        last = p;
        i = j;
    }
    v->min_dcf = cheapest / (p_target < 0.5 ? p_target : 1 - p_target);
}

int rt_verification(struct rt_verification *v, const double *score, const uint8_t *same, size_t n,
                    double p_target)
{
    struct trial *t;
    size_t targets;
    int r;

    *v = (struct rt_verification){NAN, NAN, NAN};
    if (!(p_target > 0 && p_target < 1))
        return RT_ERANGE;
    t = calloc(n ? n : 1, sizeof *t);
    if (!t)
        return RT_EMEM;
    r = verification_sort_trials(t, score, same, n, &targets);
    if (r == 0)
        verification_walk(v, t, n, targets, p_target);
    free(t);
    return r;
}
