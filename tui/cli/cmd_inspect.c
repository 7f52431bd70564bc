/* SPDX-License-Identifier: MIT
 * cmd_inspect: `retort inspect`: the quality of every sample, of a manifest (scored now, or at once from
 * the cache) or of a run (from its run.db), as a table; and one sample explained in words. */
#include "tui/cli/cmd.h"
#include "tui/report/explain.h"
#include "stages/session/progress.h"
#include "stages/session/session.h"
#include "pipeline/run/run_table.h"

#include "pipeline/run/rundb.h"
#include "stages/distill/weights.h"

#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: retort inspect MANIFEST|DIR [options]\n"
    "The quality of every sample of a manifest, or of a run (with weights and losses).\n\n"
    "  -w, --where EXPR     only these, e.g. 'snr < 10 and label = animals and not reason'\n"
    "      --sort COLUMN    by a column; -COLUMN for descending\n"
    "      --columns A,B    only these columns (--columns all: every one)\n"
    "  -n, --head N         at most N rows\n"
    "      --csv, --json    instead of an aligned table\n"
    "      --sample ID      one sample, explained in words\n"
    "      --measures       what is measured, and stop\n"
    "      --terms A,B      measures whose percentiles make `quality` (a manifest)\n"
    "      --cache DIR      where measures are kept (default ~/.cache/retort)\n";

enum { OPT_SORT = 256, OPT_COLUMNS, OPT_CSV, OPT_JSON, OPT_SAMPLE, OPT_MEASURES, OPT_TERMS,
       OPT_CACHE };

static const struct option options[] = {
    {"where", required_argument, NULL, 'w'},       {"sort", required_argument, NULL, OPT_SORT},
    {"columns", required_argument, NULL, OPT_COLUMNS}, {"head", required_argument, NULL, 'n'},
    {"csv", no_argument, NULL, OPT_CSV},           {"json", no_argument, NULL, OPT_JSON},
    {"sample", required_argument, NULL, OPT_SAMPLE}, {"measures", no_argument, NULL, OPT_MEASURES},
    {"terms", required_argument, NULL, OPT_TERMS}, {"cache", required_argument, NULL, OPT_CACHE},
    {"help", no_argument, NULL, 'h'},              {NULL, 0, NULL, 0},
};

struct request {
    const char *source, *sample, *terms, *cache;
    struct rt_table_view view;
};

/* --- a manifest --- */

static double quality_of(const struct rt_scores *s, int row, const int *column, int terms)
{
    double value[RT_SCORE_COLUMNS], q;
    for (int i = 0; i < terms; i++)
        value[i] = s->percentile[(size_t)row * (size_t)s->columns + (size_t)column[i]];
    rt_weight_quality(value, 1, terms, &q);
    return q;
}

/* --terms, or the first measure of each modality. */
static int quality_terms(const struct request *q, const struct rt_scores *s, int *column, int *terms,
                         struct rt_error *e)
{
    char list[1024];
    *terms = 0;
    snprintf(list, sizeof list, "%s", q->terms ? q->terms : "");
    for (char *save = NULL, *w = strtok_r(list, ", ", &save); w && *terms < RT_SCORE_COLUMNS;
         w = strtok_r(NULL, ", ", &save)) {
        column[*terms] = rt_scores_column(s, w);
        if (column[(*terms)++] < 0)
            return rt_error_set(e, RT_EUSAGE, "--terms: '%s' is not measured here; see "
                                "retort inspect --measures", w);
    }
    for (int m = 0; !q->terms && m < RT_MODALITIES; m++)
        if (s->first[m] >= 0)
            column[(*terms)++] = s->first[m];
    return 0;
}

static int add_manifest_columns(struct rt_table *t, const struct rt_session *s)
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

static int add_scores(struct rt_table *t, const struct rt_scores *s)
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

static int add_reasons(struct rt_table *t, const struct rt_session *s)
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

static int manifest_table(const struct request *q, struct rt_session *s, struct rt_table *t,
                          struct rt_error *e)
{
    static struct rt_recipe recipe;
    bool modality[RT_MODALITIES];
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    int column[RT_SCORE_COLUMNS], terms = 0;
    rt_recipe_init(&recipe);
    if (q->cache)
        snprintf(recipe.cache_dir, sizeof recipe.cache_dir, "%s", q->cache);
    static struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    int rc = rt_session_open(s, &recipe, q->source, 1, NULL, 0, &watch, e);
    for (int m = 0; rc == 0 && m < RT_MODALITIES; m++)
        modality[m] = s->dataset.column[m] >= 0;
    if (rc == 0)
        rc = rt_session_score(s, modality, front, e);
    if (rc == 0)
        rc = quality_terms(q, &s->scores, column, &terms, e);
    if (rc < 0)
        return rc;
    rc = rt_table_init(t, s->dataset.count);
    if (rc == 0)
        rc = add_manifest_columns(t, s);
    if (rc == 0)
        rc = add_scores(t, &s->scores);
    int quality = rc == 0 ? rt_table_add(t, "quality", "", false) : rc;
    for (int row = 0; quality >= 0 && row < t->rows; row++)
        t->column[quality].number[row] = (float)quality_of(&s->scores, row, column, terms);
    for (int i = 0; quality >= 0 && i < s->left_count; i++)
        t->column[quality].number[s->left[i].sample] = NAN; /* left out: no quality to speak of */
    rc = quality < 0 ? quality : add_reasons(t, s);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", q->source, rt_err_words(rc)) : 0;
}

/* --- a run --- */

static int show(const struct request *q, struct rt_table *t, struct rt_error *e)
{
    return q->sample ? rt_explain(t, q->sample, q->source, e) : rt_table_show(t, &q->view, stdout, e);
}

static void list_measures(void)
{
    static const char *const better[] = {"more is better", "less is better", "the middle is better"};
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int i = 0; i < rt_modalities[m]->measure_count; i++) {
            const struct rt_measure *a = &rt_modalities[m]->measures[i];
            printf("%-7s %-12s %-10s %-20s %s\n", rt_modality_names[m], a->name, a->unit,
                   better[a->better], a->help);
        }
    printf("Besides these, weight.terms may name teacher_norm and teacher_confidence.\n");
}

/* -1 for anything but a whole number from 1 on. */
static int whole_number(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    return *text && !*end && n >= 1 && n <= INT_MAX ? (int)n : -1;
}

int cmd_inspect(int argc, char **argv)
{
    struct request q = {0};
    int c;
    optind = 0;
    while ((c = getopt_long(argc, argv, "w:n:h", options, NULL)) != -1) {
        switch (c) {
        case 'w': q.view.where = optarg; break;
        case 'n': q.view.head = whole_number(optarg); break;
        case OPT_SORT: q.view.sort = optarg; break;
        case OPT_COLUMNS: q.view.columns = optarg; break;
        case OPT_CSV: q.view.form = RT_TABLE_CSV; break;
        case OPT_JSON: q.view.form = RT_TABLE_JSON; break;
        case OPT_SAMPLE: q.sample = optarg; break;
        case OPT_MEASURES: list_measures(); return RT_EXIT_DONE;
        case OPT_TERMS: q.terms = optarg; break;
        case OPT_CACHE: q.cache = optarg; break;
        case 'h': fputs(usage, stdout); return RT_EXIT_DONE;
        default: return rt_cmd_usage("inspect", "unknown option or missing value");
        }
    }
    if (q.view.head < 0)
        return rt_cmd_usage("inspect", "--head needs a number of rows, 1 or more");
    if (optind + 1 != argc)
        return rt_cmd_usage("inspect", optind == argc ? "which manifest or run?"
                                                      : "one manifest or run at a time");
    q.source = argv[optind];
    struct stat st;
    struct rt_session *s = calloc(1, sizeof *s);
    struct rt_table *t = calloc(1, sizeof *t);
    struct rt_error e = {0};
    bool is_run = stat(q.source, &st) == 0 && S_ISDIR(st.st_mode);
    int rc = !s || !t ? rt_error_set(&e, RT_EMEM, "out of memory")
             : is_run ? rt_run_table(t, q.source, &e)
                      : manifest_table(&q, s, t, &e);
    if (rc == 0)
        rc = show(&q, t, &e);
    if (t)
        rt_table_fini(t);
    if (s)
        rt_session_close(s);
    free(t);
    free(s);
    return rc < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
