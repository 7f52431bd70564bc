/* SPDX-License-Identifier: MIT
 * det_intervals: how far the figures of a list of trials may be off because other people might have been in it; see
 * det.h. */
#include "stages/metrics/det.h"

#include "formats/error.h"
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdlib.h>

/* ---- trials are not independent ----
 * A list pairs some dozen people in thousands of ways: to draw trials would make the intervals several times too short.
 * So people are drawn, with replacement: a trial of one person counts as often as that person, a trial of two as often
 * as the product, as in the list that the drawn people would make. Sorted once; a draw is a walk. */

struct weighted {
    double score;
    int enrol, test; /* people */
    int same;
};

struct resample {
    const struct weighted *trial; /* [n] scores fall */
    size_t n;
    const double *prior;
    int priors;
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

/* All figures at once: [0] the EER, then a cost for each prior. NaN where a kind was not drawn. */
static void resample_measure(void *self, const double *weight, double *figure)
{
    const struct resample *r = self;
    double targets = 0, others = 0, hits = 0, alarms = 0;
    for (size_t i = 0; i < r->n; i++)
        *(r->trial[i].same ? &targets : &others) += trial_weight(&r->trial[i], weight);
    figure[0] = NAN;
    for (int k = 0; k < r->priors; k++)
        figure[1 + k] = targets > 0 && others > 0 ? r->prior[k] : NAN; /* nothing is accepted */
    struct rates was = {1, 0};
    for (size_t i = 0; targets > 0 && others > 0 && i < r->n;) {
        size_t j = i;
        for (; j < r->n && r->trial[j].score == r->trial[i].score; j++)
            *(r->trial[j].same ? &hits : &alarms) += trial_weight(&r->trial[j], weight);
        struct rates now = {1 - hits / targets, alarms / others};
        if (isnan(figure[0]) && now.miss <= now.alarm)
            figure[0] = rates_cross(was, now);
        for (int k = 0; k < r->priors; k++)
            figure[1 + k] = fmin(figure[1 + k], r->prior[k] * now.miss + (1 - r->prior[k]) * now.alarm);
        was = now;
        i = j;
    }
    for (int k = 0; k < r->priors; k++)
        figure[1 + k] /= fmin(r->prior[k], 1 - r->prior[k]);
}

int rt_det_intervals(double (*interval)[2], const double *score, const uint8_t *same, size_t n,
                     const struct rt_det_people *people, const double *prior, int priors)
{
    struct weighted *t = malloc((n + 1) * sizeof *t);
    if (!t || n > INT32_MAX) {
        free(t);
        return t ? RT_ELARGE : RT_EMEM;
    }
    for (size_t i = 0; i < n; i++)
        t[i] = (struct weighted){score[i], people ? people->enrol[i] : (int)i, people ? people->test[i] : (int)i,
                                 same[i] != 0};
    qsort(t, n, sizeof *t, weighted_by_score_down);
    struct resample r = {t, n, prior, priors};
    int rc = rt_bootstrap(interval, 1 + priors, people ? people->people : (int)n, NULL, RT_BOOTSTRAP_DRAWS,
                          resample_measure, &r);
    free(t);
    return rc;
}
