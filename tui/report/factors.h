/* SPDX-License-Identifier: MIT
 * factors: which columns of a table of samples a list of weight terms reads. A table keeps the percentile
 * of each measure as NAME_pct, but of the teacher's terms nothing: these are known while it runs only. */
#ifndef RT_FACTORS_H
#define RT_FACTORS_H

#include "pipeline/data/table.h"
#include "stages/quality.h"

struct rt_factors {
    int count;
    const struct rt_measure *measure[RT_SCORE_COLUMNS];
    int percentile[RT_SCORE_COLUMNS]; /* columns of the table */
    bool teacher;                     /* terms names one of the teacher's */
};

/* terms: as weight.terms, NULL = every measure that the table has, in the order of the modalities' lists.
 * What the table does not have is left out. */
void rt_factors_find(const struct rt_table *t, const char *terms, struct rt_factors *f);

#endif
