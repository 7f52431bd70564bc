/* SPDX-License-Identifier: MIT
 * resampling: how far a figure may be off because other samples might have been drawn; see predictions.h. */
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/error.h"
#include "formats/rng.h"
#include "stages/metrics/metrics.h"

#define NORMAL 1.959963984540054 /* |z| stays below it with 95 % */

/* ---- fractions ----
 * A bootstrap of 20 right answers out of 20 says "100 to 100 %", which is wrong and looks certain. Wilson's interval
 * says 84 to 100. Where samples come in units that are alike there are fewer of them than it seems: so many as would
 * make the spread that is seen between units, and no more than there are. */

/* Of a fraction p of n, with z of the wanted probability. */
static void wilson(double interval[2], double p, double n, double z)
{
    double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    interval[0] = fmax(0, centre - half);
    interval[1] = fmin(1, centre + half);
}

struct unit_sum {
    double hits, count;
};

/* How many independent samples n samples in these units are worth; *used: units with any. */
static double units_worth(const struct unit_sum *sum, int units, double p, double n, int *used)
{
    double squares = 0;
    *used = 0;
    for (int k = 0; k < units; k++) {
        if (sum[k].count == 0)
            continue;
        double off = sum[k].hits - p * sum[k].count;
        squares += off * off;
        (*used)++;
    }
    if (*used < 2)
        return *used;
    double variance = squares / (n * n) * *used / (*used - 1);
    double worth = p > 0 && p < 1 ? p * (1 - p) / variance : *used; /* nothing varies: nothing is known but units */
    return fmin(worth, n);
}

void rt_fraction_interval(double interval[2], const int8_t *hit, int n, const struct rt_units *u)
{
    double hits = 0, count = 0;
    interval[0] = interval[1] = NAN;
    for (int i = 0; i < n; i++) {
        hits += hit[i] > 0;
        count += hit[i] >= 0;
    }
    if (count == 0)
        return;
    double worth = count, z = NORMAL;
    struct unit_sum *sum = u && u->unit ? calloc((size_t)u->units + 1, sizeof *sum) : NULL;
    for (int i = 0; sum && i < n; i++) {
        sum[u->unit[i]].hits += hit[i] > 0;
        sum[u->unit[i]].count += hit[i] >= 0;
    }
    if (sum) {
        int used;
        worth = units_worth(sum, u->units, hits / count, count, &used);
        if (used > 1)
            z = rt_t_quantile(0.95, used - 1);
        free(sum);
    } else if (u && u->unit) {
        return; /* no memory: nothing is said rather than too much */
    }
    wilson(interval, hits / count, worth, z);
}

/* ---- all else ----
 * The percentile bootstrap: plain, and right for any figure that is smooth in the weights. Whole units are drawn. */

struct draws {
    int n, figures, draws;
    const struct rt_units *units;
    double *weight;  /* [n] of a draw */
    int *drawn;      /* [units] how often */
    double *found;   /* [figures, draws] */
};

static int draws_units(const struct draws *d)
{
    return d->units && d->units->unit ? d->units->units : d->n;
}

static void draws_weigh(struct draws *d, struct rt_rng *rng)
{
    int units = draws_units(d);
    memset(d->drawn, 0, (size_t)units * sizeof *d->drawn);
    for (int k = 0; k < units; k++)
        d->drawn[rt_rng_below(rng, (uint32_t)units)]++;
    for (int i = 0; i < d->n; i++)
        d->weight[i] = d->drawn[d->units && d->units->unit ? d->units->unit[i] : i];
}

static int draw_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where `fraction` of the sorted values lie below, a line between two of them. */
static double sorted_quantile(const double *value, int n, double fraction)
{
    double at = fraction * (n - 1);
    int below = (int)at;
    return below + 1 < n ? value[below] + (at - below) * (value[below + 1] - value[below]) : value[n - 1];
}

static void draws_interval(double *found, int draws, double interval[2])
{
    int finite = 0;
    for (int i = 0; i < draws; i++)
        if (isfinite(found[i]))
            found[finite++] = found[i];
    qsort(found, (size_t)finite, sizeof *found, draw_compare);
    interval[0] = finite ? sorted_quantile(found, finite, 0.025) : NAN;
    interval[1] = finite ? sorted_quantile(found, finite, 0.975) : NAN;
}

static void draws_make(struct draws *d, rt_bootstrap_measure *measure, void *self, double *figure)
{
    for (int k = 0; k < d->draws; k++) {
        struct rt_rng rng = rt_rng_init(1, (uint64_t)k, 0, RT_RNG_BOOTSTRAP);
        draws_weigh(d, &rng);
        measure(self, d->weight, figure);
        for (int i = 0; i < d->figures; i++)
            d->found[(size_t)i * (size_t)d->draws + (size_t)k] = figure[i];
    }
}

int rt_bootstrap(double (*interval)[2], int figures, int n, const struct rt_units *u, int draws,
                 rt_bootstrap_measure *measure, void *self)
{
    struct draws d = {.n = n, .figures = figures, .draws = n > 0 ? draws : 0, .units = u};
    double *figure = malloc(((size_t)figures + 1) * sizeof *figure);
    d.weight = malloc(((size_t)n + 1) * sizeof *d.weight);
    d.drawn = malloc(((size_t)draws_units(&d) + 1) * sizeof *d.drawn);
    d.found = malloc(((size_t)figures * (size_t)draws + 1) * sizeof *d.found);
    int rc = figure && d.weight && d.drawn && d.found ? 0 : RT_EMEM;
    if (rc == 0) {
        draws_make(&d, measure, self, figure);
        for (int i = 0; i < figures; i++)
            draws_interval(d.found + (size_t)i * (size_t)draws, d.draws, interval[i]);
    }
    free(figure);
    free(d.weight);
    free(d.drawn);
    free(d.found);
    return rc;
}
