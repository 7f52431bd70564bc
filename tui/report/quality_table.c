/* SPDX-License-Identifier: MIT
 * quality_table: see quality_table.h. */
#include "tui/report/quality_table.h"

#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"
#include "stages/session/duplicates.h"

#include <math.h>
#include <string.h>

/* ---- quality ---- */

static double quality_of(const struct rt_scores *s, int row, const struct rt_weight_columns *c)
{
    double value[RT_WEIGHT_COLUMNS], q;
    for (int i = 0; i < c->count; i++)
        value[i] = s->percentile[(size_t)row * (size_t)s->columns + (size_t)c->column[i]];
    rt_weight_quality(value, 1, c->count, &q);
    return q;
}

static int quality_terms(const struct rt_scores *s, const char *measures, struct rt_weight_columns *c,
                         struct rt_error *e)
{
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_source have = {name, rt_scores_names(s, name), 0};
    RT_TRY(rt_weight_terms_read("--terms", measures ? measures : "", &have, c, e));
    for (int m = 0; !measures && m < RT_MODALITIES; m++)
        if (s->first[m] >= 0)
            c->column[c->count++] = s->first[m];
    return 0;
}

/* ---- columns ----
 * What a person looks for first stands first; what is only asked for by name is there and hidden, so that --where and
 * --columns know it. */

/* It stands among the measures then, as numbers. */
static bool column_is_measure(const struct rt_column_measures *c, const char *name)
{
    bool is = false;
    for (int k = 0; k < c->count; k++)
        is |= strcmp(c->name[k], name) == 0;
    return is;
}

static int table_add_manifest(struct rt_table *t, const struct rt_session *s)
{
    static const char *const shown[] = {"id", "label", "split", "group"};
    const struct rt_manifest *m = s->dataset.manifest;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < rt_manifest_columns(m); c++) {
            const char *name = rt_manifest_column_name(m, c);
            bool known = false;
            for (int i = 0; i < 4; i++)
                known |= strcmp(name, shown[i]) == 0;
            if (known != (pass == 0) || column_is_measure(&s->columns, name))
                continue;
            int at = rt_table_add(t, name, "", true);
            RT_TRY(at);
            t->column[at].hidden = pass == 1 || strcmp(name, "group") == 0;
            for (int row = 0; row < t->rows; row++)
                RT_TRY(rt_table_text(t, row, at, rt_manifest_cell(m, row, c)));
        }
    return 0;
}

static int table_add_scores(struct rt_table *t, const struct rt_scores *s)
{
    for (int c = 0; c < s->columns; c++) {
        char name[72];
        snprintf(name, sizeof name, "%s_pct", s->column[c].measure->name);
        int value = rt_table_add(t, s->column[c].measure->name, s->column[c].measure->unit, false);
        RT_TRY(value);
        int percentile = rt_table_add(t, name, "", false);
        RT_TRY(percentile);
        t->column[percentile].hidden = true;
        for (int row = 0; row < t->rows; row++) {
            size_t at = (size_t)row * (size_t)s->columns + (size_t)c;
            t->column[value].number[row] = s->value[at];
            t->column[percentile].number[row] = s->percentile[at];
        }
    }
    return 0;
}

static int table_add_reasons(struct rt_table *t, const struct rt_session *s)
{
    static const char *const name[] = {"reason", "modality", "detail"};
    int column[3];
    for (int i = 0; i < 3; i++) {
        column[i] = rt_table_add(t, name[i], "", true);
        RT_TRY(column[i]);
        t->column[column[i]].hidden = i > 0;
    }
    for (int i = 0; i < s->left_count; i++) {
        const struct rt_drop *d = &s->left[i];
        if (t->column[column[0]].text[d->sample])
            continue; /* the first modality's reason stands */
        RT_TRY(rt_table_text(t, d->sample, column[0], rt_err_words(d->reason)));
        RT_TRY(rt_table_text(t, d->sample, column[1], rt_modality_names[d->modality]));
        RT_TRY(rt_table_text(t, d->sample, column[2], d->text));
    }
    return 0;
}

/* The id of the first sample with the same content; whoever cleans a table keeps those that have none. */
static int table_add_repeats(struct rt_table *t, const struct rt_session *s)
{
    const struct rt_dataset *d = &s->dataset;
    struct rt_duplicates r = {.first = NULL};
    int modality = rt_duplicates_modality(d), id = rt_manifest_column(d->manifest, "id");
    int column = rt_table_add(t, "same_as", "", true), rc = column < 0 ? column : 0;
    if (rc < 0 || modality < 0)
        return rc;
    rc = rt_duplicates_find(&r, d, &s->content, modality);
    for (int row = 0; rc == 0 && row < d->count; row++)
        if (r.first[row] != row)
            rc = rt_table_text(t, row, column, rt_manifest_cell(d->manifest, r.first[row], id));
    t->column[column].hidden = r.rows == 0;
    rt_duplicates_fini(&r);
    return rc;
}

static int table_fill(struct rt_table *t, const struct rt_session *s, const struct rt_weight_columns *c)
{
    RT_TRY(rt_table_init(t, s->dataset.count));
    RT_TRY(table_add_manifest(t, s));
    RT_TRY(table_add_scores(t, &s->scores));
    int quality = rt_table_add(t, "quality", "", false);
    RT_TRY(quality);
    for (int row = 0; row < t->rows; row++)
        t->column[quality].number[row] = (float)quality_of(&s->scores, row, c);
    for (int i = 0; i < s->left_count; i++)
        t->column[quality].number[s->left[i].sample] = NAN; /* left out: no quality to speak of */
    RT_TRY(table_add_repeats(t, s));
    return table_add_reasons(t, s);
}

int rt_quality_table(struct rt_table *t, const struct rt_session *s, const char *measures, struct rt_error *e)
{
    struct rt_weight_columns columns;
    RT_TRY(quality_terms(&s->scores, measures, &columns, e));
    int rc = table_fill(t, s, &columns);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", rt_manifest_path(s->dataset.manifest), rt_err_words(rc)) : 0;
}
