/* SPDX-License-Identifier: MIT
 * cmd_inspect: `retort inspect`: the quality of every sample, of a manifest (scored now, or at once from
 * the cache) or of a run (from its run.db), as a table; and one sample explained in words. */
#include "tui/cli/cmd.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/progress.h"
#include "tui/report/explain.h"

#include "pipeline/run/run_table.h"
#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"
#include "stages/session/session.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct request {
    const char *source, *sample, *terms, *cache;
    struct rt_table_view view;
    bool measures;
};

/* ---- a manifest ---- */

static double quality_of(const struct rt_scores *s, int row, const struct rt_weight_columns *c)
{
    double value[RT_WEIGHT_COLUMNS], q;
    for (int i = 0; i < c->count; i++)
        value[i] = s->percentile[(size_t)row * (size_t)s->columns + (size_t)c->column[i]];
    rt_weight_quality(value, 1, c->count, &q);
    return q;
}

/* --terms, or the first measure of each modality. */
static int quality_terms(const struct request *q, const struct rt_scores *s, struct rt_weight_columns *c,
                         struct rt_error *e)
{
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_source have = {name, rt_scores_names(s, name), 0};
    RT_TRY(rt_weight_terms_read("--terms", q->terms ? q->terms : "", &have, c, e));
    for (int m = 0; !q->terms && m < RT_MODALITIES; m++)
        if (s->first[m] >= 0)
            c->column[c->count++] = s->first[m];
    return 0;
}

static int table_add_manifest(struct rt_table *t, const struct rt_session *s)
{
    static const char *const shown[] = {"id", "label", "split", "group"};
    const struct rt_manifest *m = s->dataset.manifest;
    int rc = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; rc >= 0 && c < rt_manifest_columns(m); c++) {
            const char *name = rt_manifest_column_name(m, c);
            bool known = false;
            for (int i = 0; i < 4; i++)
                known |= strcmp(name, shown[i]) == 0;
            if (known != (pass == 0) || (rc = rt_table_add(t, name, "", true)) < 0)
                continue;
            t->column[rc].hidden = pass == 1 || strcmp(name, "group") == 0;
            for (int row = 0, at = rc; rc >= 0 && row < t->rows; row++)
                if (rt_table_text(t, row, at, rt_manifest_cell(m, row, c)) < 0)
                    rc = RT_EMEM;
        }
    return rc < 0 ? rc : 0;
}

static int table_add_scores(struct rt_table *t, const struct rt_scores *s)
{
    for (int c = 0; c < s->columns; c++) {
        char name[72];
        snprintf(name, sizeof name, "%s_pct", s->column[c].measure->name);
        int value = rt_table_add(t, s->column[c].measure->name, s->column[c].measure->unit, false);
        int share = value < 0 ? value : rt_table_add(t, name, "", false);
        if (share < 0)
            return share;
        t->column[share].hidden = true;
        for (int row = 0; row < t->rows; row++) {
            size_t at = (size_t)row * (size_t)s->columns + (size_t)c;
            t->column[value].number[row] = s->value[at];
            t->column[share].number[row] = s->percentile[at];
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
        if (column[i] < 0)
            return column[i];
        t->column[column[i]].hidden = i > 0;
    }
    for (int i = 0; i < s->left_count; i++) {
        const struct rt_drop *d = &s->left[i];
        if (t->column[column[0]].text[d->sample])
            continue; /* the first modality's reason stands */
        if (rt_table_text(t, d->sample, column[0], rt_err_words(d->reason)) < 0 ||
            rt_table_text(t, d->sample, column[1], rt_modality_names[d->modality]) < 0 ||
            rt_table_text(t, d->sample, column[2], d->text) < 0)
            return RT_EMEM;
    }
    return 0;
}

/* What a session finds out about all samples, of every modality that the manifest has. */
static int session_measure(struct rt_session *s, const struct request *q, const struct rt_watch *watch,
                           struct rt_error *e)
{
    static struct rt_recipe recipe;
    bool modality[RT_MODALITIES];
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    rt_recipe_init(&recipe);
    if (q->cache)
        snprintf(recipe.cache_dir, sizeof recipe.cache_dir, "%s", q->cache);
    RT_TRY(rt_session_open(s, &recipe, q->source, 1, NULL, 0, watch, e));
    for (int m = 0; m < RT_MODALITIES; m++)
        modality[m] = s->dataset.column[m] >= 0;
    return rt_session_score(s, modality, front, e);
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
    return table_add_reasons(t, s);
}

static int table_of_manifest(struct rt_table *t, const struct request *q, struct rt_session *s,
                             const struct rt_watch *watch, struct rt_error *e)
{
    struct rt_weight_columns columns;
    RT_TRY(session_measure(s, q, watch, e));
    RT_TRY(quality_terms(q, &s->scores, &columns, e));
    int rc = table_fill(t, s, &columns);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", q->source, rt_err_words(rc)) : 0;
}

/* ---- the command ---- */

static void measures_print(void)
{
    static const char *const better[] = {"more is better", "less is better", "the middle is better"};
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++) {
            const struct rt_measure *a = &rt_modalities[m]->measures[i];
            printf("%-7s %-12s %-10s %-20s %s\n", rt_modality_names[m], a->name, a->unit,
                   better[a->better], a->help);
        }
    printf("Besides these, weight.terms may name");
    for (int i = 0; i < RT_WEIGHT_TERMS; i++)
        printf("%s %s", i == 0 ? "" : i + 1 < RT_WEIGHT_TERMS ? "," : " and", rt_weight_terms[i].name);
    printf(".\n");
}

static int inspect(const struct request *q, struct rt_table *t, struct rt_session *s, const struct rt_watch *watch,
                   struct rt_error *e)
{
    struct stat st;
    bool is_run = stat(q->source, &st) == 0 && S_ISDIR(st.st_mode);
    RT_TRY(is_run ? rt_run_table(t, q->source, e) : table_of_manifest(t, q, s, watch, e));
    return q->sample ? rt_explain(t, q->sample, q->source, e) : rt_table_show(t, &q->view, stdout, e);
}

static int inspect_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    if (q->measures) {
        measures_print();
        return RT_EXIT_DONE;
    }
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    struct rt_session *s = calloc(1, sizeof *s);
    struct rt_table *t = calloc(1, sizeof *t);
    int rc = s && t ? inspect(q, t, s, &watch, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (t)
        rt_table_fini(t);
    if (s)
        rt_session_close(s);
    free(t);
    free(s);
    return rc;
}

const struct rt_command cmd_inspect = {
    .name = "inspect",
    .summary = "the quality of every sample",
    .usage = {"MANIFEST|DIR [--where EXPR] [--sort COLUMN] [options]"},
    .about = "The quality of every sample of a manifest, or of a run (with weights and losses).",
    .options = (const struct rt_option[]){
        RT_OPTIONS_VIEW(struct request, view, "snr < 10 and label = animals and not reason"),
        {'n', "head", "N", "at most N rows", RT_OPTION_WHOLE(struct request, view.head, 1, INT_MAX)},
        {0, "sample", "ID", "one sample, explained in words", RT_OPTION_TEXT(struct request, sample)},
        {0, "measures", NULL, "what is measured of each modality, and stop", RT_OPTION_FLAG(struct request, measures),
         .alone = true},
        {0, "terms", "A,B", "measures whose percentiles make `quality` (for a manifest; a run has its recipe's)",
         RT_OPTION_TEXT(struct request, terms)},
        RT_OPTION_CACHE(struct request, cache),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"MANIFEST|DIR", "which manifest or run?", offsetof(struct request, source), .files = "*.tsv"},
        {0}},
    .request_size = sizeof(struct request),
    .run = inspect_run,
};
