/* SPDX-License-Identifier: MIT
 * explain: see explain.h. */
#include "tui/report/explain.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "formats/recipe.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/run_files.h"
#include "pipeline/data/loss_history.h"
#include "stages/distill/weights.h"
#include "stages/distill/term.h"
#include "stages/modality/modality.h"
#include "tui/report/factors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number of the row by column name; NaN when there is none. */
static double row_number(const struct rt_table *t, int row, const char *name, const char *ending)
{
    char full[80];
    snprintf(full, sizeof full, "%s%s", name, ending);
    int c = rt_table_find(t, full);
    return c < 0 || t->column[c].is_text ? NAN : (double)t->column[c].number[row];
}

static void explain_measure(const struct rt_table *t, int row, const struct rt_measure *m, FILE *out)
{
    double value = row_number(t, row, m->name, "");
    char knee[80];
    bool low = !isnan(value) && !rt_knee_is_none(&m->knee) && rt_knee_factor(&m->knee, value) < 0.5;
    if (isnan(value))
        rt_plain_print(out, "  %-12s not measured\n", m->name);
    else
        rt_plain_print(out, "  %-12s %.4g%s%s%s%s: at least as good as %.0f %% of the data set (%s)\n", m->name, value,
                       *m->unit ? " " : "", m->unit, low ? ", below its knee " : "",
                       low ? rt_knee_write(&m->knee, knee, sizeof knee) : "",
                       100 * row_number(t, row, m->name, "_pct"), m->help);
}

/* The value in the middle of the data set: of the row whose percentile is nearest to a half. NaN when none is. */
static double measure_typical(const struct rt_table *t, const char *measure)
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

/* ---- the weight ----
 * Written as the formula is worked out, so that whoever reads it can do the sum. What a factor amounts
 * to is easier seen from a change: what the weight would be if this measure were an ordinary one. */

/* The factor of one term, and what the weight would be if this measure were typical and all else as it is. */
static void explain_term(const struct rt_table *t, int row, const struct rt_factors *f, int i, double share,
                         const struct rt_weight_settings *s, FILE *out)
{
    const struct rt_measure *m = &f->measure[i];
    char knee[80];
    const char *unit = m->unit, *blank = *unit ? " " : "";
    double weight = row_number(t, row, "weight", ""), quality = row_number(t, row, "quality", ""),
           value = measure_typical(t, m->name);
    double g = rt_weight_curve(quality, s->gamma, s->floor);
    double typical = s->map == RT_MAP_KNEE ? rt_weight_scale_factor(&f->scale, f->term[i], value, NAN) : 0.5;
    double other = rt_weight_curve(fmin(quality * typical / share, 1), s->gamma, s->floor);
    rt_plain_print(out, "  %-18s %.4g%s%s, ", m->name, row_number(t, row, m->name, ""), blank, unit);
    if (s->map == RT_MAP_KNEE)
        rt_plain_print(out, "knee %s -> factor %.4f", rt_knee_write(&f->scale.knee[f->term[i]], knee, sizeof knee),
                       share);
    else
        fprintf(out, "percentile %.0f -> factor %.4f", 100 * share, share);
    if (share > 0 && g > 0 && !isnan(value) && !isnan(quality))
        rt_plain_print(out, "; at %.3g%s%s, the middle of the data, the weight would be %.3g", value, blank, unit,
                       weight * other / g);
    fputc('\n', out);
}

/* The terms' factors; returns their product. *teacher: one of the terms is the teacher's, whose factor is
 * kept in the quality alone. */
static double explain_terms(const struct rt_table *t, int row, const struct rt_weight_settings *s, bool *teacher,
                            FILE *out)
{
    struct rt_factors f;
    double product = 1;
    rt_factors_find(t, s, &f);
    *teacher = f.teacher;
    for (int i = 0; i < f.count; i++) {
        double share = rt_factors_at(&f, i, t, row);
        if (isnan(share))
            continue;
        product *= share;
        explain_term(t, row, &f, i, share, s, out);
    }
    return product;
}

/* weight = g(quality) / mean g * factor by hand and of the manifest, under these settings, factor by factor. */
static void explain_weight(const struct rt_table *t, int row, const struct rt_weight_settings *s, FILE *out)
{
    double weight = row_number(t, row, "weight", ""), quality = row_number(t, row, "quality", "");
    double hand = row_number(t, row, "factor", "");
    hand = isnan(hand) ? 1 : hand;
    if (row_number(t, row, "excluded", "") > 0)
        fprintf(out, "excluded     by hand: takes part in no update\n");
    if (isnan(weight)) {
        fprintf(out, "weight       none yet: the sample took part in no update\n");
        return;
    }
    if (hand == 0)
        fprintf(out, "muted        by hand or the manifest: seen and measured, not learned from\n");
    if (!s->terms[0]) {
        rt_plain_print(out, "weight       %.4g: weight.terms is empty, every sample counts the same%s\n", weight,
                       hand == 1 ? "" : " but for factors by hand and of the manifest");
        return;
    }
    bool teacher;
    fprintf(out, "weight       %.4g, so:\n", weight);
    double measured = explain_terms(t, row, s, &teacher, out);
    bool off = fabs(quality - measured) > 1e-4;
    if (teacher && off && measured > 0)
        rt_plain_print(out, "  %-18s factor %.4f\n", "the teacher", quality / measured);
    double g = rt_weight_curve(quality, s->gamma, s->floor);
    rt_plain_print(out, "  quality            %.4f, %s\n", quality, teacher || !off ? "their product"
                                                              : "at its last update, under other terms");
    fprintf(out, "  g(quality)         %.4f = %g + (1 - %g) * quality^%g\n", g, s->floor, s->floor, s->gamma);
    if (hand != 1)
        fprintf(out, "  hand, manifest     factor %g\n", hand);
    if (hand > 0 && weight > 0)
        rt_plain_print(out, "  weight             %.4f = g / %.4f%s, the mean of g in its last batch\n", weight,
                       g * hand / weight, hand == 1 ? "" : " * this factor");
}

static void explain_run(const struct rt_table *t, int row, const struct rt_weight_settings *s, FILE *out)
{
    if (s)
        explain_weight(t, row, s, out);
    else if (!isnan(row_number(t, row, "quality", "")))
        fprintf(out, "quality      %.4g\n", row_number(t, row, "quality", ""));
    if (!isnan(row_number(t, row, "seen", "")))
        fprintf(out, "seen         in %.0f updates\n", row_number(t, row, "seen", ""));
    char trail[RT_LOSS_HISTORY_TEXT];
    if (rt_loss_history_draw(row_number(t, row, RT_LOSS_HISTORY_COLUMN, ""), trail))
        rt_plain_print(out, "history      %s its losses, the last times\n", trail);
    for (int k = 0; k < RT_TERMS; k++) {
        double loss = row_number(t, row, "loss_", rt_terms[k]->name);
        double inside = row_number(t, row, "inside_", rt_terms[k]->name);
        if (!isnan(loss))
            rt_plain_print(out, "%-12s %.4g at the last update%s\n", rt_terms[k]->name, loss,
                           k >= RT_TASK_TERMS && inside > 0 ? ", inside the margin" : "");
    }
}

void rt_explain_row(const struct rt_table *t, int row, const struct rt_weight_settings *s, FILE *out)
{
    for (int c = 0; c < t->columns; c++)
        if (t->column[c].is_text && t->column[c].text[row])
            rt_plain_print(out, "%-12s %s\n", t->column[c].name, t->column[c].text[row]);
    explain_run(t, row, s, out); /* first: it may be all that there is room for */
    fprintf(out, "measures\n");
    struct rt_factors all;
    rt_factors_find(t, NULL, &all);
    for (int i = 0; i < all.count; i++)
        explain_measure(t, row, &all.measure[i], out);
}

/* ---- a run's settings ----
 * The weights of a finished run came about under the settings that it had last: the recipe and the
 * changes in its journal, as the run itself makes them. */

/* A change of the journal, made to the recipe. */
static int journal_row_apply(void *self, int columns, const struct rt_rundb_cell *c)
{
    char change[RT_RECIPE_TEXT + 80];
    struct rt_error ignored; /* of an older retort: nothing we could weigh with */
    (void)columns;
    snprintf(change, sizeof change, "%s=%s", c[0].text ? c[0].text : "", c[1].text ? c[1].text : "");
    rt_recipe_set(self, change, &ignored);
    return 0;
}

int rt_explain_settings(const char *folder, struct rt_weight_settings *s, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_rundb *db = NULL;
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = rt_recipe_load(r, rt_run_file_path(folder, RT_RUN_RECIPE, path, sizeof path), e), changes = 0;
    if (rc == 0)
        changes = rt_rundb_open_run(&db, folder, e);
    if (rc == 0 && changes == 0)
        changes = rt_rundb_scan(db, "SELECT key, after FROM journal WHERE key LIKE 'weight.%' ORDER BY number",
                                journal_row_apply, r, e);
    if (rc == 0)
        rt_weight_settings_of(r, s);
    rt_rundb_close(db);
    free(r);
    return rc == RT_EMEM || changes == RT_EMEM ? RT_EMEM : rc == 0;
}

/* Whether the label may be the fault, which no measure shows. */
static void explain_answer(const struct rt_table *t, int row)
{
    double p = row_number(t, row, "p", ""), given = row_number(t, row, "p_label", ""),
           correct = row_number(t, row, "correct", ""), doubt = row_number(t, row, "doubt", "");
    int predicted = rt_table_find(t, "predicted");
    if (!isnan(p) && predicted >= 0)
        rt_plain_print(stdout, "answer       %s with %.4g", rt_table_cell(t, row, predicted), p);
    if (!isnan(p) && predicted >= 0 && !isnan(given))
        rt_plain_print(stdout, ", the label with %.4g%s", given,
                       isnan(correct) ? "" : correct > 0 ? ": right" : ": wrong");
    fputs(isnan(p) || predicted < 0 ? "" : "\n", stdout);
    if (!isnan(doubt))
        printf("doubt        %.4g of the label: 1 less the mean of what student and teacher give it\n", doubt);
}

/* Ids are often paths, of which people write the end. */
static int sample_unknown(const struct rt_table *t, const char *id, const char *source, struct rt_error *e)
{
    struct rt_nearest near = {.word = id};
    const char *like = NULL;
    char quoted[RT_QUOTE], other[RT_QUOTE];
    int column = rt_table_find(t, "id");
    for (int row = 0; row < t->rows && column >= 0; row++) {
        const char *name = rt_table_cell(t, row, column);
        if (!like && *id && strstr(name, id))
            like = name;
        rt_nearest_offer(&near, name);
    }
    like = like ? like : *near.best ? near.best : NULL;
    return rt_error_set(e, RT_EUSAGE, "%s: there is no sample %s%s%s%s", source, rt_quote(quoted, sizeof quoted, id),
                        like ? "; did you mean " : "", like ? rt_quote(other, sizeof other, like) : "",
                        like ? "?" : "");
}

int rt_explain(const struct rt_table *t, const char *id, const char *source, struct rt_error *e)
{
    struct rt_weight_settings s;
    int column = rt_table_find(t, "id"), row = 0;
    while (row < t->rows && strcmp(rt_table_cell(t, row, column), id) != 0)
        row++;
    if (row == t->rows)
        return sample_unknown(t, id, source, e);
    int known = rt_explain_settings(source, &s, e);
    RT_TRY(known);
    rt_explain_row(t, row, known ? &s : NULL, stdout);
    explain_answer(t, row);
    return 0;
}
