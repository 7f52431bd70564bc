/* SPDX-License-Identifier: MIT
 * explain: see explain.h. */
#include "tui/cli/explain.h"

#include "formats/recipe.h"
#include "stages/distill/weights.h"
#include "stages/modality/modality.h"
#include "stages/student.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct rt_measure *measure_named(const char *name)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++)
            if (strcmp(rt_modalities[m]->measures[i].name, name) == 0)
                return &rt_modalities[m]->measures[i];
    return NULL;
}

/* A number of the row by column name; NaN when there is none. */
static double cell(const struct rt_table *t, int row, const char *name, const char *ending)
{
    char full[80];
    snprintf(full, sizeof full, "%s%s", name, ending);
    int c = rt_table_find(t, full);
    return c < 0 || t->column[c].is_text ? NAN : (double)t->column[c].number[row];
}

static void explain_measure(const struct rt_table *t, int row, const struct rt_measure *m, FILE *out)
{
    double value = cell(t, row, m->name, "");
    if (isnan(value))
        fprintf(out, "  %-12s not measured\n", m->name);
    else
        fprintf(out, "  %-12s %.4g%s%s: at least as good as %.0f %% of the data set (%s)\n", m->name, value,
               *m->unit ? " " : "", m->unit, 100 * cell(t, row, m->name, "_pct"), m->help);
}

/* The value in the middle of the data set: of the row whose percentile is nearest to a half. NaN when none is. */
static double typical(const struct rt_table *t, const char *measure)
{
    char name[80];
    snprintf(name, sizeof name, "%s_pct", measure);
    int value = rt_table_find(t, measure), percentile = rt_table_find(t, name), best = -1;
    float least = 2;
    for (int row = 0; value >= 0 && percentile >= 0 && row < t->rows; row++) {
        float off = fabsf(t->column[percentile].number[row] - 0.5f);
        if (off < least) {
            least = off;
            best = row;
        }
    }
    return best < 0 ? NAN : (double)t->column[value].number[best];
}

/* What the weight would be if this measure, whose factor is `share`, were typical and all else as it is. */
static void explain_other(const struct rt_table *t, const char *measure, double share, double quality,
                          double weight, const struct rt_recipe *r, FILE *out)
{
    const struct rt_measure *m = measure_named(measure);
    double value = typical(t, measure);
    double g = rt_weight_curve(quality, r->weight_gamma, r->weight_floor);
    double other = rt_weight_curve(fmin(quality * 0.5 / share, 1), r->weight_gamma, r->weight_floor);
    if (m && share > 0 && g > 0 && !isnan(value) && !isnan(quality))
        fprintf(out, "; at %.3g%s%s, the middle of the data, the weight would be %.3g", value, *m->unit ? " " : "",
                m->unit, weight * other / g);
}

/* weight = g(quality) / mean g, with the settings of the run's recipe, factor by factor. */
static void explain_weight(const struct rt_table *t, int row, const struct rt_recipe *r, FILE *out)
{
    double weight = cell(t, row, "weight", ""), quality = cell(t, row, "quality", "");
    if (isnan(weight)) {
        fprintf(out, "weight       none yet: the sample took part in no update\n");
        return;
    }
    if (!r->weight_terms[0]) {
        fprintf(out, "weight       1: weight.terms is empty, every sample counts the same\n");
        return;
    }
    rt_key_text list;
    double measured = 1;
    snprintf(list, sizeof list, "%s", r->weight_terms);
    fprintf(out, "weight       %.4g, so:\n", weight);
    for (char *save = NULL, *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        double share = cell(t, row, w, "_pct");
        if (isnan(share))
            continue;
        measured *= share;
        fprintf(out, "  %-18s factor %.4f", w, share);
        explain_other(t, w, share, quality, weight, r, out);
        fputc('\n', out);
    }
    if (measured > 0 && fabs(quality - measured) > 1e-4)
        fprintf(out, "  %-18s factor %.4f\n", "the teacher", quality / measured);
    double g = rt_weight_curve(quality, r->weight_gamma, r->weight_floor);
    fprintf(out, "  quality            %.4f, their product\n", quality);
    fprintf(out, "  g(quality)         %.4f = %g + (1 - %g) * quality^%g\n", g, r->weight_floor,
           r->weight_floor, r->weight_gamma);
    fprintf(out, "  weight             %.4f = g / %.4f, the mean of g in its last batch\n", weight,
           weight > 0 ? g / weight : NAN);
}

static void explain_run(const struct rt_table *t, int row, const struct rt_recipe *r, FILE *out)
{
    if (r)
        explain_weight(t, row, r, out);
    else if (!isnan(cell(t, row, "quality", "")))
        fprintf(out, "quality      %.4g\n", cell(t, row, "quality", ""));
    if (!isnan(cell(t, row, "seen", "")))
        fprintf(out, "seen         in %.0f updates\n", cell(t, row, "seen", ""));
    for (int k = 0; k < RT_TERMS; k++) {
        double loss = cell(t, row, "loss_", rt_terms[k]->name);
        double inside = cell(t, row, "inside_", rt_terms[k]->name);
        if (!isnan(loss))
            fprintf(out, "%-12s %.4g at the last update%s\n", rt_terms[k]->name, loss,
                   k >= RT_TASK_TERMS && inside > 0 ? ", inside the margin" : "");
    }
}

void rt_explain_row(const struct rt_table *t, int row, const struct rt_recipe *r, FILE *out)
{
    for (int c = 0; c < t->columns; c++)
        if (t->column[c].is_text && t->column[c].text[row])
            fprintf(out, "%-12s %s\n", t->column[c].name, t->column[c].text[row]);
    fprintf(out, "measures\n");
    for (int c = 0; c < t->columns; c++) {
        const struct rt_measure *m = measure_named(t->column[c].name);
        if (m && !t->column[c].is_text)
            explain_measure(t, row, m, out);
    }
    explain_run(t, row, r, out);
}

int rt_explain(const struct rt_table *t, const char *id, const char *source, struct rt_error *e)
{
    int column = rt_table_find(t, "id"), row = 0;
    while (row < t->rows && strcmp(rt_table_cell(t, row, column), id) != 0)
        row++;
    if (row == t->rows)
        return rt_error_set(e, RT_EUSAGE, "%s: there is no sample '%s'", source, id);
    char path[4200];
    struct stat st;
    struct rt_recipe *r = malloc(sizeof *r);
    struct rt_error ignored;
    snprintf(path, sizeof path, "%s/recipe.yaml", source);
    bool known = r && stat(path, &st) == 0 && rt_recipe_load(r, path, &ignored) == 0;
    rt_explain_row(t, row, known ? r : NULL, stdout);
    free(r);
    return 0;
}
