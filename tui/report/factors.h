/* SPDX-License-Identifier: MIT
 * factors: what each measure of a table of samples gives to their quality under given settings. A table
 * keeps the value of each measure as NAME and its percentile as NAME_pct, but of the teacher's terms
 * nothing: these are known while it runs only. */
#ifndef RT_FACTORS_H
#define RT_FACTORS_H

#include "pipeline/data/table.h"
#include "stages/distill/weight_scale.h"
#include "stages/quality.h"
#include "stages/session/column_measures.h"

/* Of the weights' formula, as the settings of these names. */
struct rt_weight_settings {
    char terms[RT_RECIPE_TEXT], knees[RT_RECIPE_TEXT];
    enum rt_map_id map;
    double gamma, floor;
};
void rt_weight_settings_of(const struct rt_recipe *r, struct rt_weight_settings *s);

struct rt_factors {
    int count;
    struct rt_measure measure[RT_SCORE_COLUMNS]; /* its name may be the table's */
    int value[RT_SCORE_COLUMNS], percentile[RT_SCORE_COLUMNS]; /* columns of the table */
    int term[RT_SCORE_COLUMNS]; /* places in scale */
    struct rt_weight_scale scale;
    bool teacher; /* terms names one of the teacher's */
};

/* s NULL = every measure that the table has, in the order of the modalities' lists, then columns of the manifest; they
 * give no factors then.
 * What the table does not have is left out, and measures without a knee where one is needed. */
void rt_factors_find(const struct rt_table *t, const struct rt_weight_settings *s, struct rt_factors *f);
/* What the measure at place i of f gives to a row; NaN = not measured. */
double rt_factors_at(const struct rt_factors *f, int i, const struct rt_table *t, int row);

#endif
