/* SPDX-License-Identifier: MIT
 * factors: see factors.h. */
#include "tui/report/factors.h"

#include "stages/distill/weight_terms.h"

static void factors_find_all(const struct rt_table *t, struct rt_factors *f)
{
    f->count = 0;
    f->teacher = false;
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++) {
            const struct rt_measure *measure = &rt_modalities[m]->measures[i];
            char name[80];
            snprintf(name, sizeof name, "%.70s_pct", measure->name);
            int c = rt_table_find(t, name);
            if (c < 0 || t->column[c].is_text)
                continue;
            f->measure[f->count] = measure;
            f->percentile[f->count++] = c;
        }
}

void rt_factors_find(const struct rt_table *t, const char *terms, struct rt_factors *f)
{
    struct rt_factors all;
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_columns c;

    factors_find_all(t, terms ? &all : f);
    if (!terms)
        return;
    for (int i = 0; i < all.count; i++)
        name[i] = all.measure[i]->name;
    struct rt_weight_source have = {name, all.count, RT_NEEDS_TEACHER | RT_NEEDS_CLASSES};
    rt_weight_terms_read("weight.terms", terms, &have, &c, NULL);
    f->count = 0;
    f->teacher = false;
    for (int i = 0; i < c.count; i++) {
        if (c.column[i] < 0) {
            f->teacher = true;
        } else if (f->count < RT_SCORE_COLUMNS) {
            f->measure[f->count] = all.measure[c.column[i]];
            f->percentile[f->count++] = all.percentile[c.column[i]];
        }
    }
}
