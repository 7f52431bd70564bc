/* SPDX-License-Identifier: MIT
 * eval_parts: see eval_report.h: accuracy of parts of the samples, by quality and by what the manifest says of them. */
#include "tui/report/eval_report.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 1000 /* of a column: each takes a pass over the samples */

/* ---- one part ---- */

struct part {
    int count;
    double top1, within[2];
};

/* hit: of the samples of the part 0 or 1, of all others -1. */
static struct part part_of(const struct rt_eval_answers *a, const int8_t *hit)
{
    struct part p = {0};
    int right = 0;
    for (int i = 0; i < a->v->judged; i++) {
        p.count += hit[i] >= 0;
        right += hit[i] > 0;
    }
    p.top1 = p.count ? (double)right / p.count : 0;
    rt_fraction_interval(p.within, hit, a->v->judged, &a->units);
    return p;
}

static int8_t answer_hit(const struct rt_prediction *p)
{
    return p->label < 0 ? -1 : p->rank == 0;
}

/* ---- by quality ----
 * Thirds of the samples that count, cut at values and not at ranks: samples of one quality are never in two thirds. */

/* Of a model's own list those that this session did not measure are passed over: a teacher's terms need the
 * teacher. */
static int quality_columns(const struct rt_evaluation *v, const char *measures, struct rt_weight_columns *c,
                           struct rt_error *e)
{
    const struct rt_scores *s = &v->session.scores;
    const char *name[RT_SCORE_COLUMNS], *own = v->model.recipe.weight_terms;
    struct rt_weight_source have = {name, rt_scores_names(s, name), 0};
    int rc = rt_weight_terms_read("--quality", measures ? measures : own, &have, c, e);
    if (rc < 0 && measures)
        return rc;
    if (!c->count)
        c->column[c->count++] = s->first[v->model.modality->id];
    return 0;
}

int rt_eval_quality(const struct rt_evaluation *v, const char *measures, double *quality, struct rt_error *e)
{
    const struct rt_scores *s = &v->session.scores;
    struct rt_weight_columns c;
    RT_TRY(quality_columns(v, measures, &c, e));
    for (int i = 0; i < v->judged; i++) {
        double value[RT_WEIGHT_COLUMNS];
        for (int t = 0; t < c.count; t++)
            value[t] = s->percentile[(size_t)v->rows[i] * (size_t)s->columns + (size_t)c.column[t]];
        rt_weight_quality(value, 1, c.count, &quality[i]);
    }
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sorted, hit: room for v->judged each. */
static void thirds_print(const struct rt_eval_answers *a, const double *quality, double *sorted, int8_t *hit,
                         struct rt_figures *f)
{
    static const char *const name[] = {"lowest", "middle", "highest"};
    size_t usable = 0;
    for (int i = 0; i < a->v->judged; i++)
        if (a->prediction[i].label >= 0)
            sorted[usable++] = quality[i];
    qsort(sorted, usable, sizeof *sorted, compare_doubles);
    for (size_t third = 0; usable >= 3 && third < 3; third++) {
        double low = third ? sorted[usable * third / 3] : -1;
        double high = third < 2 ? sorted[usable * (third + 1) / 3] : 2;
        for (int i = 0; i < a->v->judged; i++)
            hit[i] = quality[i] >= low && quality[i] < high ? answer_hit(&a->prediction[i]) : -1;
        struct part p = part_of(a, hit);
        char key[64], title[64];
        snprintf(key, sizeof key, "top1.quality.%s", name[third]);
        snprintf(title, sizeof title, "top-1, %s quality", name[third]);
        if (p.count)
            rt_figures_percent_within(f, key, title, p.top1, p.within);
    }
}

int rt_eval_thirds(const struct rt_eval_answers *a, const char *measures, struct rt_figures *f, struct rt_error *e)
{
    size_t room = (size_t)a->v->judged + 1;
    double *quality = malloc(2 * sizeof *quality * room);
    int8_t *hit = malloc(room);
    int rc = quality && hit ? rt_eval_quality(a->v, measures, quality, e) : RT_EMEM;
    if (rc == 0)
        thirds_print(a, quality, quality + room, hit, f);
    free(quality);
    free(hit);
    return rc;
}

/* ---- by a column ---- */

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void value_print(const struct part *p, const char *value, const char *column, bool first, struct rt_figures *f)
{
    char title[100];
    if (!f->json) {
        snprintf(title, sizeof title, "top-1, %.30s %.40s", column, value[0] ? value : "(empty)");
        rt_plain_print(stdout, "%-24s %6.2f %%  [%.2f, %.2f]  of %d\n", title, 100 * p->top1, 100 * p->within[0],
                       100 * p->within[1], p->count);
        return;
    }
    fputs(first ? "[{\"value\": " : ", {\"value\": ", stdout);
    rt_json_text(stdout, value);
    rt_plain_print(stdout, ", \"samples\": %d, \"top1\": ", p->count);
    rt_json_number(stdout, p->top1);
    fputs(", \"top1.interval\": [", stdout);
    rt_json_number(stdout, p->within[0]);
    fputs(", ", stdout);
    rt_json_number(stdout, p->within[1]);
    fputs("]}", stdout);
}

/* value, hit: room for v->judged each. */
static int column_print(const struct rt_eval_answers *a, const char *name, int column, const char **value, int8_t *hit,
                        struct rt_figures *f, struct rt_error *e)
{
    const struct rt_evaluation *v = a->v;
    const struct rt_manifest *m = v->session.dataset.manifest;
    size_t values = 0, kept = 0;
    char key[80];
    for (int i = 0; i < v->judged; i++)
        if (a->prediction[i].label >= 0)
            value[values++] = rt_manifest_cell(m, v->rows[i], column);
    qsort(value, values, sizeof *value, text_compare);
    for (size_t i = 0; i < values; i++)
        if (i == 0 || strcmp(value[i], value[kept - 1]) != 0)
            value[kept++] = value[i];
    if (kept > VALUES_MAX)
        return rt_error_set(e, RT_EUSAGE, "--by %s: it has %zu values; at most %d are shown", name, kept, VALUES_MAX);
    snprintf(key, sizeof key, "by.%.60s", name);
    if (f->json)
        rt_figures_key(f, key);
    for (size_t k = 0; k < kept; k++) {
        for (int i = 0; i < v->judged; i++)
            hit[i] = strcmp(rt_manifest_cell(m, v->rows[i], column), value[k]) ? -1 : answer_hit(&a->prediction[i]);
        struct part p = part_of(a, hit);
        value_print(&p, value[k], name, k == 0, f);
    }
    if (f->json)
        fputs(kept ? "]" : "[]", stdout);
    return 0;
}

int rt_eval_by(const struct rt_eval_answers *a, const char *columns, struct rt_figures *f, struct rt_error *e)
{
    size_t room = (size_t)a->v->judged + 1;
    const char **value = malloc(room * sizeof *value);
    int8_t *hit = malloc(room);
    char *list = strdup(columns), *rest = list, *name;
    int rc = value && hit && list ? 0 : RT_EMEM;
    while (rc == 0 && (name = strsep(&rest, ",")) != NULL) {
        int column = rt_manifest_column(a->v->session.dataset.manifest, name);
        if (column < 0)
            rc = rt_error_set(e, RT_EUSAGE, "--by %s: %s has no such column", name,
                              rt_manifest_path(a->v->session.dataset.manifest));
        else
            rc = column_print(a, name, column, value, hit, f, e);
    }
    free(value);
    free(hit);
    free(list);
    return rc;
}
