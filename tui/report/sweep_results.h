/* SPDX-License-Identifier: MIT
 * sweep_results: the numbers that came out of a sweep, read from its runs: for each setting mean and spread over its
 * seeds, and its difference to another, paired by seed, with a 95 % interval (Student's t). One thread. */
#ifndef RT_SWEEP_RESULTS_H
#define RT_SWEEP_RESULTS_H

#include "formats/error.h"
#include "formats/sweep.h"
#include "stages/metrics/metrics.h"

#include <stdbool.h>

/* [setting][seed] of the sweep's metric, fractions; NaN = the run has none. */
struct rt_sweep_results {
    const struct rt_sweep *sweep;
    double *valid, *test;                    /* of settings */
    double teacher[RT_SWEEP_TEACHERS];       /* mean on test of each teacher's runs, NaN = not known */
    bool choose; /* the best on validation is chosen, and test is told of it and of the compared one only */
};

/* All NaN. RT_EMEM. */
int rt_sweep_results_init(struct rt_sweep_results *r, const struct rt_sweep *s);
void rt_sweep_results_fini(struct rt_sweep_results *r);
/* Reads those of a finished run. RT_EMISSING: the folder is none of a run. */
int rt_sweep_results_read(struct rt_sweep_results *r, int setting, int seed, const char *folder, struct rt_error *e);
/* One number of a finished run: final.METRIC of a split, NaN when it has none. eer_noisy is eer, and its test split the
 * list `noisy`. */
int rt_sweep_result(const char *folder, const char *metric, const char *split, double *value, struct rt_error *e);

/* Mean and spread over seeds of one setting in `of`, r->valid or r->test. RT_EMEM leaves no interval. */
void rt_sweep_interval(const struct rt_sweep_results *r, const double *of, int setting, struct rt_interval *i);
/* The best mean on validation (the lowest eer), the first of equals; -1 when nothing was measured there. */
int rt_sweep_chosen(const struct rt_sweep_results *r);
/* Of `setting` less `base`, seed by seed, on test. RT_EMEM leaves no interval, nor do differences that all
 * are one number. */
void rt_sweep_difference(const struct rt_sweep_results *r, int setting, int base, struct rt_interval *i);

/* One of rt_sweep_metrics as people write it: "top-1". */
const char *rt_sweep_metric_name(const char *metric);
/* A setting's name, or where it has none (a recipe alone) the sweep's. */
const char *rt_sweep_setting_title(const struct rt_sweep *s, int setting);

#endif
