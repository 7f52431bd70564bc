/* SPDX-License-Identifier: MIT
 * eval_accuracy: see eval_report.h. */
#include "tui/report/eval_report.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/words.h"
#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"
#include "stages/metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The class of each sample asked for; -1: none that the model knows, or no output. malloc'ed. */
static int *truth_labels(const struct rt_evaluation *v)
{
    int *label = malloc(sizeof *label * ((size_t)v->count + 1));
    for (int i = 0; label && i < v->count; i++)
        label[i] = v->out.have[i] ? v->session.dataset.truth[v->rows[i]] : -1;
    return label;
}

/* ---- accuracy ----
 * A label that the model does not know counts nowhere; better said than wondered about. */

static void truth_tell_strangers(const struct rt_evaluation *v)
{
    const struct rt_dataset *d = &v->session.dataset;
    int column = rt_manifest_column(d->manifest, "label"), labels = 0, strange = 0;
    char a[32], b[32];
    for (int i = 0; i < v->count; i++) {
        int row = v->rows[i], labelled = rt_manifest_cell(d->manifest, row, column)[0] != '\0';
        labels += labelled;
        strange += labelled && d->truth[row] < 0;
    }
    if (strange)
        rt_plain_print(stderr, "retort: %s of %s labels are not among the model's %d classes; these samples "
                       "do not count\n", rt_count_text(strange, a), rt_count_text(labels, b), v->model.classes);
}

static void confusion_print(const struct rt_accuracy *a, const struct rt_model *m)
{
    printf("confusion (rows: truth, columns: answer, in the order of the rows)\n");
    for (int t = 0; t < m->classes; t++) {
        rt_plain_print(stdout, "%-20.20s", m->class_name[t]);
        for (int p = 0; p < m->classes; p++)
            printf(" %4lld", (long long)a->confusion[(size_t)t * (size_t)m->classes + (size_t)p]);
        putchar('\n');
    }
}

static void confusion_print_json(const struct rt_accuracy *a, const struct rt_model *m)
{
    printf(", \"classes\": [");
    for (int c = 0; c < m->classes; c++) {
        fputs(c ? ", " : "", stdout);
        rt_json_text(stdout, m->class_name[c]);
    }
    printf("], \"confusion\": [");
    for (int t = 0; t < m->classes; t++)
        for (int p = 0; p < m->classes; p++)
            rt_plain_print(stdout, "%s%lld%s", p ? ", " : t ? ", [" : "[",
                           (long long)a->confusion[(size_t)t * (size_t)m->classes + (size_t)p],
                           p == m->classes - 1 ? "]" : "");
    putchar(']');
}

static void accuracy_print(const struct rt_accuracy *a, const struct rt_model *m, bool confusion, struct rt_figures *f)
{
    rt_figures_number(f, "samples", "samples with a label", a->count);
    if (!a->count)
        return;
    rt_figures_percent(f, "top1", "top-1", a->top1);
    rt_figures_percent(f, "top5", "top-5", a->top5);
    rt_figures_percent(f, "macro_f1", "macro-F1", a->macro_f1);
    if (confusion)
        (f->json ? confusion_print_json : confusion_print)(a, m);
}

int rt_eval_accuracy(const struct rt_evaluation *v, bool confusion, struct rt_figures *f)
{
    struct rt_accuracy a = {0};
    int *label = truth_labels(v);
    int rc = label ? rt_accuracy(&a, v->out.logits, label, v->count, v->model.classes) : RT_EMEM;
    truth_tell_strangers(v);
    if (rc == 0)
        accuracy_print(&a, &v->model, confusion, f);
    rt_accuracy_fini(&a);
    free(label);
    return rc;
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

static int quality_fill(const struct rt_evaluation *v, const char *measures, double *quality, struct rt_error *e)
{
    const struct rt_scores *s = &v->session.scores;
    struct rt_weight_columns c;
    RT_TRY(quality_columns(v, measures, &c, e));
    for (int i = 0; i < v->count; i++) {
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

/* Top-1 of the samples with low <= quality < high. some: room for v->count labels. */
static int third_accuracy(const struct rt_evaluation *v, const int *label, const double *quality, double low,
                          double high, int *some, const char *name, struct rt_figures *f)
{
    struct rt_accuracy a = {0};
    for (int i = 0; i < v->count; i++)
        some[i] = quality[i] >= low && quality[i] < high ? label[i] : -1;
    RT_TRY(rt_accuracy(&a, v->out.logits, some, v->count, v->model.classes));
    if (a.count) {
        char key[64], title[64];
        snprintf(key, sizeof key, "top1.quality.%s", name);
        snprintf(title, sizeof title, "top-1, %s quality", name);
        rt_figures_percent(f, key, title, a.top1);
    }
    rt_accuracy_fini(&a);
    return 0;
}

/* sorted: room for v->count values. */
static int thirds_print(const struct rt_evaluation *v, const int *label, int *some, const double *quality,
                        double *sorted, struct rt_figures *f)
{
    static const char *const name[] = {"lowest", "middle", "highest"};
    size_t usable = 0;
    for (int i = 0; i < v->count; i++)
        if (label[i] >= 0)
            sorted[usable++] = quality[i];
    qsort(sorted, usable, sizeof *sorted, compare_doubles);
    for (size_t third = 0; usable >= 3 && third < 3; third++) {
        double low = third ? sorted[usable * third / 3] : -1;
        double high = third < 2 ? sorted[usable * (third + 1) / 3] : 2;
        RT_TRY(third_accuracy(v, label, quality, low, high, some, name[third], f));
    }
    return 0;
}

int rt_eval_thirds(const struct rt_evaluation *v, const char *measures, struct rt_figures *f, struct rt_error *e)
{
    size_t room = (size_t)v->count + 1;
    double *quality = malloc(2 * sizeof *quality * room);
    int *label = truth_labels(v), *some = malloc(sizeof *some * room);
    int rc = quality && label && some ? quality_fill(v, measures, quality, e) : RT_EMEM;
    if (rc == 0)
        rc = thirds_print(v, label, some, quality, quality + room, f);
    free(quality);
    free(label);
    free(some);
    return rc;
}
