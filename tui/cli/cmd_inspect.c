/* SPDX-License-Identifier: MIT
 * cmd_inspect: `retort inspect`: the quality of every sample, of a manifest (scored now, or at once from
 * the cache) or of a run (from its run.db), as a table; and one sample explained in words. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/progress.h"
#include "tui/report/explain.h"
#include "tui/report/knee_summary.h"
#include "tui/report/manifest_without.h"
#include "tui/report/quality_table.h"

#include "formats/words.h"
#include "pipeline/run/run_files.h"
#include "pipeline/run/run_table.h"
#include "stages/distill/weight_scale.h"
#include "stages/session/duplicates.h"
#include "stages/session/session.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct request {
    const char *source, *sample, *terms, *columns, *cache, *by, *manifest;
    struct rt_table_view view;
    bool measures;
};

/* What a session finds out about all samples, of every modality that the manifest has. */
static int session_score(struct rt_session *s, const struct request *q, const struct rt_watch *watch,
                         struct rt_error *e)
{
    static struct rt_recipe recipe;
    bool modality[RT_MODALITIES];
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    rt_recipe_init(&recipe);
    if (q->cache)
        snprintf(recipe.cache_dir, sizeof recipe.cache_dir, "%s", q->cache);
    if (q->columns) {
        char text[RT_RECIPE_TEXT];
        snprintf(text, sizeof text, "weight.columns=%s", q->columns);
        RT_TRY(rt_recipe_set(&recipe, text, e));
    }
    RT_TRY(rt_session_open(s, &recipe, q->source, 1, NULL, 0, watch, e));
    RT_TRY(rt_column_measures_read(&s->columns, recipe.weight_columns, s->dataset.manifest, e));
    for (int m = 0; m < RT_MODALITIES; m++)
        modality[m] = s->dataset.column[m] >= 0;
    return rt_session_score(s, modality, front, e);
}

static void measures_print(void)
{
    static const char *const better[] = {"more is better", "less is better", "the middle is better"};
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++) {
            const struct rt_measure *a = &rt_modalities[m]->measures[i];
            char knee[80] = "-";
            if (!rt_knee_is_none(&a->knee))
                rt_knee_write(&a->knee, knee, sizeof knee);
            rt_plain_print(stdout, "%-7s %-12s %-10s %-20s %-16s %s\n", rt_modality_names[m], a->name, a->unit,
                           better[a->better], knee, a->help);
        }
    printf("The numbers are knees: bad, good, or bad, good, good, bad. A measure without one gets it by "
           "weight.knees.\n");
    printf("Besides these, weight.terms may name columns of the manifest that weight.columns makes measures,");
    for (int i = 0; i < RT_WEIGHT_TERMS; i++)
        rt_plain_print(stdout, "%s %s", i == 0 ? "" : i + 1 < RT_WEIGHT_TERMS ? "," : " and", rt_weight_terms[i].name);
    printf(".\n");
}

/* ---- what is said beside the table, on standard error ---- */

#define REASONS 64 /* as many as there are kinds of error, or more */

static void left_out_say(const struct rt_table *t)
{
    int reason = rt_table_find(t, "reason"), kinds = 0, left = 0, rows[REASONS];
    const char *kind[REASONS];
    char text[32];
    for (int i = 0; reason >= 0 && i < t->shown; i++) {
        const char *cell = rt_table_cell(t, t->order[i], reason);
        int k = 0;
        while (*cell && k < kinds && strcmp(kind[k], cell) != 0)
            k++;
        if (!*cell || k == REASONS)
            continue;
        if (k == kinds) {
            kind[kinds++] = cell;
            rows[k] = 0;
        }
        rows[k]++;
        left++;
    }
    if (!left)
        return;
    rt_plain_print(stderr, "%s of these cannot be used:", rt_count_text(left, text));
    for (int k = 0; k < kinds; k++)
        rt_plain_print(stderr, "%s %s %s", k ? "," : "", rt_count_text(rows[k], text), kind[k]);
    fputs(" (why: -w reason --columns id,reason,detail)\n", stderr);
}

/* Of the whole manifest, where any is among what is shown: who looks at a cleaned part need not hear of the rest. */
static void duplicates_say(const struct rt_session *s, const struct rt_table *t)
{
    struct rt_duplicates r = {.first = NULL};
    char words[400];
    int modality = rt_duplicates_modality(&s->dataset), column = rt_table_find(t, "same_as");
    bool any = false;
    for (int i = 0; column >= 0 && i < t->shown; i++)
        any |= *rt_table_cell(t, t->order[i], column) != '\0';
    if (any && modality >= 0 && rt_duplicates_find(&r, &s->dataset, &s->content, modality) == 0) {
        rt_duplicates_words(&r, &s->dataset, words, sizeof words);
        rt_plain_print(stderr, "%s (all: -w same_as)\n", words);
    }
    rt_duplicates_fini(&r);
}

/* ---- a manifest of what is shown ---- */

static int manifest_write(const struct request *q, const struct rt_table *t, bool is_run, struct rt_error *e)
{
    char path[RT_RUN_PATH], kept[32], all[32];
    int shown = q->view.head && q->view.head < t->shown ? q->view.head : t->shown;
    struct rt_recipe *r = is_run ? malloc(sizeof *r) : NULL;
    uint8_t *out = malloc((size_t)t->rows + 1);
    int rc = out && (r || !is_run) ? 0 : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0 && is_run)
        rc = rt_recipe_load(r, rt_run_file_path(q->source, RT_RUN_RECIPE, path, sizeof path), e);
    if (rc == 0) {
        memset(out, 1, (size_t)t->rows);
        for (int i = 0; i < shown; i++)
            out[t->order[i]] = 0;
        rc = rt_manifest_without(is_run ? r->data_manifest : q->source, out, t->rows, q->manifest, e);
    }
    if (rc >= 0)
        rt_plain_print(stderr, "%s: %s of %s rows\n", q->manifest, rt_count_text(rc, kept),
                       rt_count_text(t->rows, all));
    free(out);
    free(r);
    return rc < 0 ? rc : 0;
}

static int inspect_show(const struct request *q, struct rt_table *t, struct rt_session *s,
                        const struct rt_watch *watch, struct rt_error *e)
{
    struct stat st;
    bool is_run = stat(q->source, &st) == 0 && S_ISDIR(st.st_mode);
    if (is_run) {
        RT_TRY(rt_run_table(t, q->source, e));
    } else {
        RT_TRY(session_score(s, q, watch, e));
        RT_TRY(rt_quality_table(t, s, q->terms, e));
    }
    if (q->sample)
        return rt_explain(t, q->sample, q->source, e);
    struct rt_weight_settings *now = calloc(1, sizeof *now);
    if (!now)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = is_run ? rt_explain_settings(q->source, now, e) : 0;
    if (rc >= 0)
        rc = q->manifest ? rt_table_select(t, &q->view, e) : rt_table_show(t, &q->view, stdout, e);
    if (rc == 0 && q->manifest)
        rc = manifest_write(q, t, is_run, e);
    fflush(stdout);
    if (rc == 0 && t->shown == 0 && t->rows)
        rt_plain_print(stderr, "retort: none of %d samples is as --where says: %s\n", t->rows, q->view.where);
    if (rc == 0)
        left_out_say(t);
    if (rc == 0 && !is_run)
        duplicates_say(s, t);
    if (rc == 0)
        rc = rt_knee_summary(t, now->knees, q->by, stderr, e);
    free(now);
    return rc;
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
    int rc = s && t ? inspect_show(q, t, s, &watch, e) : rt_error_set(e, RT_EMEM, "out of memory");
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
    .about = "The quality of every sample of a manifest, or of a run (with weights and losses). Standard error says "
             "how many cannot be used, repeat another (same_as), or fall below a measure's knee. A cleaned table: "
             "retort inspect MANIFEST -w 'not reason and not same_as' --manifest clean.tsv",
    .options = (const struct rt_option[]){
        RT_OPTIONS_VIEW(struct request, view, "snr < 10 and label = animals and not reason"),
        {'n', "head", "N", "at most N rows", RT_OPTION_WHOLE(struct request, view.head, 1, INT_MAX)},
        {0, "sample", "ID", "one sample, explained in words", RT_OPTION_TEXT(struct request, sample)},
        {0, "measures", NULL, "what is measured of each modality, and stop", RT_OPTION_FLAG(struct request, measures),
         .alone = true},
        {0, "terms", "A,B", "measures whose percentiles make `quality` (for a manifest; a run has its recipe's)",
         RT_OPTION_TEXT(struct request, terms)},
        {0, "by", "COLUMN", "which groups those below a measure's knee are counted in (on stderr)",
         RT_OPTION_TEXT(struct request, by), .otherwise = "label"},
        {0, "weight-columns", "A,B",
         "columns of the manifest that are measures, too, as weight.columns: 'nisqa_mos up' (for a manifest)",
         RT_OPTION_TEXT(struct request, columns)},
        {0, "manifest", "FILE", "instead of the table: a new manifest of the rows that it would show, for the next run",
         RT_OPTION_TEXT(struct request, manifest), .files = "/"},
        RT_OPTION_CACHE(struct request, cache),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"MANIFEST|DIR", "which manifest or run?", offsetof(struct request, source), .files = "*.tsv"},
        {0}},
    .request_size = sizeof(struct request),
    .run = inspect_run,
};
