/* SPDX-License-Identifier: MIT
 * eval_samples: see eval_report.h. */
#include "tui/report/eval_report.h"

#include "formats/csv.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct rows {
    const struct rt_eval_answers *a;
    const double *quality;
    double *p; /* [classes] */
    int id, label;
    FILE *out;
};

static void cell(const struct rows *r, const char *text)
{
    rt_csv_write_cell(r->out, text);
    fputc(',', r->out);
}

/* The first reason that the list has; both go by row. */
static const struct rt_drop *row_drop(const struct rt_session *s, int row, int *cursor)
{
    while (*cursor < s->left_count && s->left[*cursor].sample < row)
        (*cursor)++;
    return *cursor < s->left_count && s->left[*cursor].sample == row ? &s->left[*cursor] : NULL;
}

static void row_write(const struct rows *r, int i, const struct rt_drop *drop)
{
    const struct rt_evaluation *v = r->a->v;
    const struct rt_prediction *p = &r->a->prediction[i];
    int row = v->rows[i], classes = v->model.classes;
    bool have = v->out.have[i] && p->predicted >= 0;
    cell(r, rt_manifest_cell(v->session.dataset.manifest, row, r->id));
    cell(r, rt_manifest_cell(v->session.dataset.manifest, row, r->label));
    cell(r, have ? v->model.class_name[p->predicted] : "");
    if (have && p->rank >= 0 && p->rank < INT_MAX)
        fprintf(r->out, "%d", p->rank + 1);
    fputc(',', r->out);
    if (!isnan(r->quality[i]))
        fprintf(r->out, "%.6g", r->quality[i]);
    fputc(',', r->out);
    const char *why = drop ? drop->text : rt_err_words(v->out.have[i] ? RT_ENOTFINITE : RT_EMISSING);
    rt_csv_write_cell(r->out, have ? "" : why);
    if (have)
        rt_probabilities(v->out.logits + (size_t)i * (size_t)classes, classes, v->model.temperature, r->p);
    for (int c = 0; c < classes; c++)
        fprintf(r->out, have ? ",%.9g" : ",", have ? r->p[c] : 0);
    fputc('\n', r->out);
}

static void rows_write(const struct rows *r)
{
    const struct rt_evaluation *v = r->a->v;
    int cursor = 0;
    fputs("id,label,predicted,rank,quality,reason", r->out);
    for (int c = 0; c < v->model.classes; c++) {
        fputc(',', r->out);
        rt_csv_write_cell(r->out, v->model.class_name[c]);
    }
    fputc('\n', r->out);
    for (int i = 0; i < v->judged; i++)
        row_write(r, i, row_drop(&v->session, v->rows[i], &cursor));
}

static int rows_open(struct rows *r, const char *path, struct rt_error *e)
{
    r->out = fopen(path, "we");
    if (!r->out)
        return rt_error_errno(e, "cannot write", path);
    rows_write(r);
    bool failed = ferror(r->out) != 0;
    if (fclose(r->out) != 0 || failed)
        return rt_error_errno(e, "cannot write", path);
    return 0;
}

int rt_eval_samples(const struct rt_eval_answers *a, const char *measures, const char *path, struct rt_error *e)
{
    const struct rt_manifest *m = a->v->session.dataset.manifest;
    double *quality = malloc(((size_t)a->v->judged + 1) * sizeof *quality);
    struct rows r = {.a = a, .quality = quality, .p = malloc(((size_t)a->v->model.classes + 1) * sizeof *r.p),
                     .id = rt_manifest_column(m, "id"), .label = rt_manifest_column(m, "label")};
    int rc = quality && r.p ? rt_eval_quality(a->v, measures, quality, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = rows_open(&r, path, e);
    free(quality);
    free(r.p);
    return rc;
}
