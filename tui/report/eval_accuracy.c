/* SPDX-License-Identifier: MIT
 * eval_accuracy: see eval_report.h. */
#include "tui/report/eval_report.h"

#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

const char *rt_eval_label(const struct rt_eval_answers *a, int label)
{
    const struct rt_dataset *d = &a->v->session.dataset;
    return label < d->classes ? a->v->model.class_name[label] : d->stranger_name[label - d->classes];
}

/* What it cannot answer is wrong; better said than wondered about. */
static void answers_tell_strangers(const struct rt_eval_answers *a)
{
    const struct rt_dataset *d = &a->v->session.dataset;
    int labels = 0, strange = 0, first = -1;
    char x[32], y[32];
    for (int i = 0; i < a->v->judged; i++) {
        int label = d->named[a->v->rows[i]];
        labels += label >= 0;
        strange += label >= d->classes;
        first = first < 0 && label >= d->classes ? label : first;
    }
    if (strange)
        rt_plain_print(stderr, "retort: %s of %s labels are not among the model's %d classes (\"%.60s\"%s): they "
                "count as wrong answers\n", rt_count_text(strange, x), rt_count_text(labels, y), d->classes,
                rt_eval_label(a, first), strange > 1 ? ", ..." : "");
}

/* Samples by the text of a cell, so that those of one group stand together. */
struct celled {
    const char *cell;
    int at;
};

static int celled_compare(const void *a, const void *b)
{
    const struct celled *x = a, *y = b;
    int by = strcmp(x->cell, y->cell);
    return by ? by : (x->at > y->at) - (x->at < y->at);
}

/* A sample without a group is one of its own. */
static int answers_group(struct rt_eval_answers *a)
{
    const struct rt_manifest *m = a->v->session.dataset.manifest;
    int column = rt_manifest_column(m, "group"), n = a->v->judged;
    if (column < 0)
        return 0;
    struct celled *by = malloc(((size_t)n + 1) * sizeof *by);
    a->unit = malloc(((size_t)n + 1) * sizeof *a->unit);
    for (int i = 0; by && i < n; i++)
        by[i] = (struct celled){rt_manifest_cell(m, a->v->rows[i], column), i};
    if (by && n)
        qsort(by, (size_t)n, sizeof *by, celled_compare);
    for (int i = 0; by && a->unit && i < n; i++) {
        bool same = i && by[i].cell[0] && strcmp(by[i].cell, by[i - 1].cell) == 0;
        a->unit[by[i].at] = same ? a->units.units - 1 : a->units.units++;
    }
    free(by);
    a->units.unit = a->unit;
    return by && a->unit ? 0 : RT_EMEM;
}

int rt_eval_answers_init(struct rt_eval_answers *a, const struct rt_evaluation *v, struct rt_error *e)
{
    const struct rt_dataset *d = &v->session.dataset;
    size_t n = (size_t)v->judged + 1;
    *a = (struct rt_eval_answers){.v = v, .all = d->classes + d->strangers};
    a->prediction = malloc(n * sizeof *a->prediction);
    int *label = malloc(n * sizeof *label);
    int rc = a->prediction && label ? answers_group(a) : RT_EMEM;
    for (int i = 0; rc == 0 && i < v->judged; i++)
        label[i] = v->out.have[i] ? d->named[v->rows[i]] : -1;
    if (rc == 0)
        rc = rt_predictions(a->prediction, v->out.logits, label, v->judged, v->model.classes, v->model.temperature);
    free(label);
    if (rc < 0)
        return rt_error_set(e, rc, "the model's answers: %s", rt_err_words(rc));
    answers_tell_strangers(a);
    return 0;
}

void rt_eval_answers_fini(struct rt_eval_answers *a)
{
    free(a->prediction);
    free(a->unit);
    *a = (struct rt_eval_answers){0};
}

/* ---- the matrix ---- */

static int64_t *confusion_count(const struct rt_eval_answers *a)
{
    int64_t *count = calloc((size_t)a->all * (size_t)a->v->model.classes + 1, sizeof *count);
    for (int i = 0; count && i < a->v->judged; i++)
        if (a->prediction[i].label >= 0)
            count[(size_t)a->prediction[i].label * (size_t)a->v->model.classes + (size_t)a->prediction[i].predicted]++;
    return count;
}

static void confusion_print(const struct rt_eval_answers *a, const int64_t *count)
{
    rt_plain_print(stdout, "confusion (rows: truth, columns: answer, in the order of the rows)\n");
    for (int t = 0; t < a->all; t++) {
        rt_plain_print(stdout, "%-20.20s", rt_eval_label(a, t));
        for (int p = 0; p < a->v->model.classes; p++)
            rt_plain_print(stdout, " %4lld", (long long)*count++);
        putchar('\n');
    }
}

static void confusion_print_json(const struct rt_eval_answers *a, const int64_t *count, struct rt_figures *f)
{
    int classes = a->v->model.classes;
    rt_figures_key(f, "classes");
    for (int c = 0; c < a->all; c++) {
        fputs(c ? ", " : "[", stdout);
        rt_json_text(stdout, rt_eval_label(a, c));
    }
    fputs("]", stdout);
    rt_figures_key(f, "confusion");
    for (int t = 0; t < a->all; t++)
        for (int p = 0; p < classes; p++)
            rt_plain_print(stdout, "%s%lld%s", p ? ", " : t ? ", [" : "[[", (long long)*count++,
                           p == classes - 1 ? "]" : "");
    putchar(']');
}

static void classes_print(const struct rt_eval_answers *a, const struct rt_class_figures *c)
{
    rt_plain_print(stdout, "%-20s %8s %10s %10s %10s\n", "class", "samples", "precision", "recall", "F1");
    for (int i = 0; i < a->all; i++) {
        rt_plain_print(stdout, "%-20.20s %8.0f", rt_eval_label(a, i), c[i].truth);
        const double value[] = {c[i].precision, c[i].recall, c[i].f1};
        for (int k = 0; k < 3; k++)
            rt_plain_print(stdout, isnan(value[k]) ? "          -" : " %8.2f %%", 100 * value[k]);
        putchar('\n');
    }
}

static void classes_print_json(const struct rt_eval_answers *a, const struct rt_class_figures *c, struct rt_figures *f)
{
    rt_figures_key(f, "by_class");
    for (int i = 0; i < a->all; i++) {
        fputs(i ? ", {\"class\": " : "[{\"class\": ", stdout);
        rt_json_text(stdout, rt_eval_label(a, i));
        rt_plain_print(stdout, ", \"samples\": %.0f, \"predicted\": %.0f, \"precision\": ", c[i].truth, c[i].predicted);
        rt_json_number(stdout, c[i].precision);
        fputs(", \"recall\": ", stdout);
        rt_json_number(stdout, c[i].recall);
        fputs(", \"f1\": ", stdout);
        rt_json_number(stdout, c[i].f1);
        putchar('}');
    }
    putchar(']');
}

static int confusion_report(const struct rt_eval_answers *a, struct rt_figures *f)
{
    int64_t *count = confusion_count(a);
    if (!count)
        return RT_EMEM;
    if (f->json)
        confusion_print_json(a, count, f);
    else
        confusion_print(a, count);
    free(count);
    return 0;
}

static void classes_report(const struct rt_eval_answers *a, const struct rt_class_figures *class, struct rt_figures *f)
{
    if (f->json)
        classes_print_json(a, class, f);
    else
        classes_print(a, class);
}

/* ---- accuracy ---- */

struct measured {
    const struct rt_eval_answers *a;
    struct rt_class_figures *class; /* [all] */
};

static void measure_macro_f1(void *self, const double *weight, double *figure)
{
    const struct measured *m = self;
    struct rt_classifier_figures f;
    rt_classifier_figures(&f, m->a->prediction, m->a->v->judged, m->a->all, weight, m->class);
    figure[0] = f.macro_f1;
}

/* hit: room for v->judged marks. */
static void accuracy_within(const struct rt_eval_answers *a, int rank, int8_t *hit, double interval[2])
{
    for (int i = 0; i < a->v->judged; i++)
        hit[i] = a->prediction[i].label < 0 ? -1 : a->prediction[i].rank < rank;
    rt_fraction_interval(interval, hit, a->v->judged, &a->units);
}

static int accuracy_print(const struct rt_eval_answers *a, struct rt_class_figures *class, int8_t *hit,
                          enum rt_eval_detail detail, struct rt_figures *f)
{
    struct rt_classifier_figures r;
    double within[2], f1_within[1][2];
    RT_TRY(rt_bootstrap(f1_within, 1, a->v->judged, &a->units, RT_BOOTSTRAP_DRAWS, measure_macro_f1,
                        &(struct measured){a, class}));
    rt_classifier_figures(&r, a->prediction, a->v->judged, a->all, NULL, class);
    rt_figures_count(f, "samples", "samples with a label", (long long)r.count);
    if (r.count == 0)
        return 0;
    accuracy_within(a, 1, hit, within);
    rt_figures_percent_within(f, "top1", "top-1", r.top1, within);
    accuracy_within(a, 5, hit, within);
    rt_figures_percent_within(f, "top5", "top-5", r.top5, within);
    rt_figures_percent_within(f, "macro_f1", "macro-F1", r.macro_f1, f1_within[0]);
    if (detail == RT_EVAL_CONFUSION)
        RT_TRY(confusion_report(a, f));
    if (detail != RT_EVAL_WHOLE)
        classes_report(a, class, f);
    return 0;
}

int rt_eval_accuracy(const struct rt_eval_answers *a, enum rt_eval_detail detail, struct rt_figures *f)
{
    struct rt_class_figures *class = malloc(((size_t)a->all + 1) * sizeof *class);
    int8_t *hit = malloc((size_t)a->v->judged + 1);
    int rc = class && hit ? accuracy_print(a, class, hit, detail, f) : RT_EMEM;
    free(class);
    free(hit);
    return rc;
}
