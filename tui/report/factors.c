/* SPDX-License-Identifier: MIT
 * factors: see factors.h. */
#include "tui/report/factors.h"

#include <math.h>
#include <stdio.h>

void rt_weight_settings_of(const struct rt_recipe *r, struct rt_weight_settings *s)
{
    *s = (struct rt_weight_settings){.map = r->weight_map, .gamma = r->weight_gamma, .floor = r->weight_floor};
    snprintf(s->terms, sizeof s->terms, "%s", r->weight_terms);
    snprintf(s->knees, sizeof s->knees, "%s", r->weight_knees);
}

static void factors_add(struct rt_factors *f, const struct rt_table *t, const struct rt_measure *measure)
{
    char name[80];
    snprintf(name, sizeof name, "%.70s_pct", measure->name);
    int percentile = rt_table_find(t, name), value = rt_table_find(t, measure->name);
    if (percentile < 0 || t->column[percentile].is_text || value < 0 || t->column[value].is_text ||
        f->count == RT_SCORE_COLUMNS)
        return;
    f->measure[f->count] = *measure;
    f->value[f->count] = value;
    f->percentile[f->count++] = percentile;
}

/* Whatever has a percentile beside it is a measure: those that retort takes, and columns of the manifest. */
static void factors_find_all(const struct rt_table *t, struct rt_factors *f)
{
    f->count = 0;
    f->teacher = false;
    f->scale.list.count = 0;
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++)
            factors_add(f, t, &rt_modalities[m]->measures[i]);
    for (int c = 0; c < t->columns; c++)
        if (!rt_measure_find(t->column[c].name, NULL))
            factors_add(f, t, &(struct rt_measure){.name = t->column[c].name, .unit = "", .help = RT_COLUMN_HELP});
}

void rt_factors_find(const struct rt_table *t, const struct rt_weight_settings *s, struct rt_factors *f)
{
    struct rt_factors all;
    const char *name[RT_SCORE_COLUMNS];

    factors_find_all(t, s ? &all : f);
    if (!s)
        return;
    for (int i = 0; i < all.count; i++)
        name[i] = all.measure[i].name;
    struct rt_weight_source have = {name, all.count, RT_NEEDS_TEACHER | RT_NEEDS_CLASSES};
    rt_weight_scale_read(s->terms, s->map, s->knees, &have, &f->scale, NULL);
    f->count = 0;
    f->teacher = false;
    for (int i = 0; i < f->scale.list.count; i++) {
        int column = f->scale.list.column[i];
        if (column < 0) {
            f->teacher = true;
        } else if (f->count < RT_SCORE_COLUMNS) {
            f->measure[f->count] = all.measure[column];
            f->value[f->count] = all.value[column];
            f->percentile[f->count] = all.percentile[column];
            f->term[f->count++] = i;
        }
    }
}

double rt_factors_at(const struct rt_factors *f, int i, const struct rt_table *t, int row)
{
    double value = (double)t->column[f->value[i]].number[row];
    double percentile = (double)t->column[f->percentile[i]].number[row];
    return isnan(value) || isnan(percentile) ? NAN : rt_weight_scale_factor(&f->scale, f->term[i], value, percentile);
}
