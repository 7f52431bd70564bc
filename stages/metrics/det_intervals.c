/* SPDX-License-Identifier: MIT
 * det_intervals: how far the figures of a list of trials may be off because other people might have been in it; see
 * det.h. */
#include "stages/metrics/det.h"

#include "formats/error.h"
#include "stages/metrics/det_parts.h"
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdlib.h>

/* ---- trials are not independent ----
 * A list pairs some dozen people in thousands of ways: to draw trials would make the intervals several times too short.
 * So people are drawn, with replacement: a trial of one person counts as often as that person, a trial of two as often
 * as the product, as in the list that the drawn people would make. Sorted once; a draw is a walk. */

struct weighted {
    double score, bits; /* bits: what it costs as a log likelihood ratio */
    int enrol, test; /* people */
    int same;
};

struct resample {
    const struct weighted *trial; /* [n] scores fall */
    size_t n;
    const double *prior;
    int priors;
    struct rt_pool *pool; /* [n] */
};

static int weighted_by_score_down(const void *a, const void *b)
{
    double x = ((const struct weighted *)a)->score, y = ((const struct weighted *)b)->score;
    return (x < y) - (x > y);
}

static double trial_weight(const struct weighted *t, const double *weight)
{
    return t->enrol == t->test ? weight[t->enrol] : weight[t->enrol] * weight[t->test];
}

/* Rates at a threshold. */
struct rates {
    double miss, alarm;
};

static double rates_cross(struct rates before, struct rates after)
{
    double d0 = before.miss - before.alarm, d1 = after.miss - after.alarm;
    return before.alarm + d0 / (d0 - d1) * (after.alarm - before.alarm);
}

static double rates_cost(struct rates at, double prior)
{
    return (prior * at.miss + (1 - prior) * at.alarm) / fmin(prior, 1 - prior);
}

/* The threshold has fallen to `score`. */
static void costs_take(const struct resample *r, double score, struct rates now, double *figure)
{
    double *least = figure + RT_DET_COSTS, *actual = least + r->priors;
    for (int k = 0; k < r->priors; k++) {
        double cost = rates_cost(now, r->prior[k]);
        least[k] = fmin(least[k], cost);
        if (score >= -log(r->prior[k] / (1 - r->prior[k])))
            actual[k] = cost;
    }
}

/* All figures at once. NaN where a kind was not drawn. */
static void resample_measure(void *self, const double *weight, double *figure)
{
    const struct resample *r = self;
    double total[2] = {0, 0}, bits[2] = {0, 0}, below[2]; /* others, targets */
    for (int k = 0; k < RT_DET_FIGURES(r->priors); k++)
        figure[k] = NAN;
    for (size_t i = 0; i < r->n; i++) {
        double w = trial_weight(&r->trial[i], weight);
        total[r->trial[i].same] += w;
        bits[r->trial[i].same] += w * r->trial[i].bits;
    }
    if (total[0] <= 0 || total[1] <= 0)
        return;
    below[0] = total[0], below[1] = total[1];
    struct rates was = {1, 0}, now;
    for (int k = 0; k < r->priors; k++)
        figure[RT_DET_COSTS + k] = figure[RT_DET_COSTS + r->priors + k] = rates_cost(was, r->prior[k]);
    int pools = 0;
    for (size_t i = 0, j; i < r->n; i = j, was = now) {
        double at[2] = {0, 0};
        for (j = i; j < r->n && r->trial[j].score == r->trial[i].score; j++)
            at[r->trial[j].same] += trial_weight(&r->trial[j], weight);
        below[0] -= at[0], below[1] -= at[1];
        now = (struct rates){below[1] / total[1], 1 - below[0] / total[0]};
        if (isnan(figure[RT_DET_EER]) && now.miss <= now.alarm)
            figure[RT_DET_EER] = rates_cross(was, now);
        costs_take(r, r->trial[i].score, now, figure);
        if (at[0] + at[1] > 0)
            pools = rt_pools_add(r->pool, pools, at[1], at[0]);
    }
    figure[RT_DET_CLLR] = (bits[1] / total[1] + bits[0] / total[0]) / 2;
    figure[RT_DET_MIN_CLLR] = rt_pools_cllr(r->pool, pools, total[1], total[0]);
}

int rt_det_intervals(double (*interval)[2], const double *score, const uint8_t *same, size_t n,
                     const struct rt_det_people *people, const double *prior, int priors)
{
    if (n >= INT32_MAX)
        return RT_ELARGE;
    struct weighted *t = malloc((n + 1) * sizeof *t);
    struct rt_pool *pool = malloc((n + 1) * sizeof *pool);
    int rc = t && pool ? 0 : RT_EMEM;
    for (size_t i = 0; rc == 0 && i < n; i++)
        t[i] = (struct weighted){score[i], rt_cllr_bits(same[i] ? -score[i] : score[i]),
                                 people ? people->enrol[i] : (int)i, people ? people->test[i] : (int)i, same[i] != 0};
    if (rc < 0)
        goto out;
    qsort(t, n, sizeof *t, weighted_by_score_down);
    struct resample r = {t, n, prior, priors, pool};
    rc = rt_bootstrap(interval, RT_DET_FIGURES(priors), people ? people->people : (int)n, NULL, RT_BOOTSTRAP_DRAWS,
                      resample_measure, &r);
out:
    free(pool);
    free(t);
    return rc;
}
