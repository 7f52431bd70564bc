/* SPDX-License-Identifier: MIT
 * quality: see quality.h. The measures themselves belong to their modality (modality/). */
#include "stages/quality.h"

#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_scores_init(struct rt_scores *s, int rows, const bool modality[RT_MODALITIES],
                   const struct rt_score_column *more, int count)
{
    memset(s, 0, sizeof *s);
    s->rows = rows;
    for (int m = 0; m < RT_MODALITIES; m++) {
        s->first[m] = modality[m] ? s->columns : -1;
        for (int i = 0; modality[m] && i < rt_modalities[m]->measure_count; i++)
            s->column[s->columns++] = (struct rt_score_column){m, &rt_modalities[m]->measures[i]};
    }
    for (int i = 0; i < count; i++)
        s->column[s->columns++] = more[i];
    size_t cells = (size_t)rows * (size_t)s->columns;
    s->value = malloc((cells + 1) * sizeof *s->value);
    s->percentile = malloc((cells + 1) * sizeof *s->percentile);
    if (!s->value || !s->percentile) {
        rt_scores_fini(s);
        return RT_EMEM;
    }
    for (size_t i = 0; i < cells; i++)
        s->value[i] = s->percentile[i] = NAN;
    return 0;
}

void rt_scores_fini(struct rt_scores *s)
{
    free(s->value);
    free(s->percentile);
    memset(s, 0, sizeof *s);
}

int rt_scores_names(const struct rt_scores *s, const char *name[RT_SCORE_COLUMNS])
{
    for (int c = 0; c < s->columns; c++)
        name[c] = s->column[c].measure->name;
    return s->columns;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *value, size_t n, double *sorted)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]))
            sorted[k++] = value[i];
    qsort(sorted, k, sizeof *sorted, by_value);
    return k ? (sorted[(k - 1) / 2] + sorted[k / 2]) / 2 : NAN;
}

int rt_scores_rank(struct rt_scores *s)
{
    size_t n = (size_t)s->rows, columns = (size_t)s->columns;
    double *goodness = malloc((n + 1) * sizeof *goodness);
    double *share = malloc((n + 1) * sizeof *share);
    int rc = goodness && share ? 0 : RT_EMEM;
    for (size_t c = 0; rc == 0 && c < columns; c++) {
        for (size_t i = 0; i < n; i++)
            goodness[i] = s->value[i * columns + c];
        enum rt_better better = s->column[c].measure->better;
        double middle = better == RT_MIDDLE ? median(goodness, n, share) : 0;
        for (size_t i = 0; i < n && better != RT_HIGHER; i++)
            goodness[i] = better == RT_LOWER ? -goodness[i] : -fabs(goodness[i] - middle);
        rc = rt_percentiles(goodness, n, share);
        for (size_t i = 0; rc == 0 && i < n; i++)
            s->percentile[i * columns + c] = (float)share[i];
    }
    free(goodness);
    free(share);
    return rc;
}

/* Keeps measures for later runs; a full disk only costs time. */
static void quality_keep(const struct rt_quality *q, const struct rt_modality *m,
                         struct rt_key128 key, double *value)
{
    int64_t n = m->measure_count;
    struct rt_tensor v = rt_tensor_view(RT_F64, 1, &n, value);
    struct rt_frame *f;
    if (!q->store || m->quick || rt_frame_pack(&f, "measures", &v, 0) < 0)
        return;
    rt_store_put(q->store, rt_modality_measures_key(m, key), f);
    rt_frame_unref(f);
}

/* source: NULL where the modality sees nothing of a file but what raw holds. */
static int quality_measure(const struct rt_quality *q, const struct rt_modality *m,
                           struct rt_frame *raw, struct rt_frame *source, struct rt_key128 key,
                           double *value, struct rt_error *e)
{
    struct rt_tensor t = {0};
    double seen[RT_SOURCE_MAX];
    int rc = rt_frame_unpack(raw, &t, e);
    if (rc < 0)
        goto out;
    if (source && (rc = rt_frame_unpack_into(source, seen, sizeof seen, e)) < 0)
        goto out;
    rc = m->measure(&t, source ? seen : NULL, value, e);
    if (rc == 0)
        quality_keep(q, m, key, value);
out:
    rt_tensor_fini(&t);
    return rc;
}

static int quality_recall(const struct rt_quality *q, const struct rt_modality *m,
                          struct rt_key128 key, double *value, struct rt_error *e)
{
    struct rt_frame *f = q->store ? rt_store_get(q->store, rt_modality_measures_key(m, key)) : NULL;
    if (!f)
        return rt_error_set(e, RT_ENOTFOUND, "the quality store lost a sample's measures");
    int rc = rt_frame_unpack_into(f, value, sizeof(double) * (size_t)m->measure_count, e);
    rt_frame_unref(f);
    return rc;
}

static int score_sample(const struct rt_quality *q, struct rt_batch *b, int at,
                        const struct rt_modality *m, struct rt_error *e)
{
    int row = b->sample[at];
    char name[RT_FRAME_NAME + 1];
    double value[RT_MEASURES_MAX];
    struct rt_error why = {0};
    snprintf(name, sizeof name, "raw.%s.%d", m->name, at);
    struct rt_frame *raw = rt_batch_get(b, name);
    snprintf(name, sizeof name, "source.%s.%d", m->name, at);
    struct rt_frame *source = rt_batch_get(b, name);
    struct rt_key128 key = q->content->key[m->id][row];
    int rc = raw ? quality_measure(q, m, raw, source, key, value, &why)
                 : quality_recall(q, m, key, value, &why);
    if (rc == RT_EMEM || (rc < 0 && q->strict))
        return rt_error_set(e, rc, "%s", why.text);
    if (rc < 0 && rt_batch_drop(b, row, m->id, rc, why.text) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the reason of a left-out sample");
    if (rc < 0)
        return 0;
    float *out = q->scores->value + (size_t)row * (size_t)q->scores->columns;
    for (int i = 0; i < m->measure_count; i++)
        out[q->scores->first[m->id] + i] = (float)value[i];
    return 0;
}

/* From here on the data set knows why drop[from..] cannot be used. */
static void note_reasons(const struct rt_quality *q, const struct rt_batch *b, int from)
{
    for (int i = from; i < b->drops; i++)
        q->dataset->reason[b->drop[i].modality][b->drop[i].sample] = (int8_t)b->drop[i].reason;
}

static int score_batch(const struct rt_quality *q, struct rt_batch *b, struct rt_error *e)
{
    int rc = 0, before = b->drops;
    note_reasons(q, b, 0);
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int at = 0; rc == 0 && q->scores->first[m] >= 0 && !q->measured[m] && at < b->count; at++)
            if (q->dataset->reason[m][b->sample[at]] == 0)
                rc = score_sample(q, b, at, rt_modalities[m], e);
    note_reasons(q, b, before);
    for (int i = 0; q->left_out && i < b->drops; i++)
        q->left_out(q->left_out_self, &b->drop[i]);
    while (b->frames)
        rt_batch_remove(b, rt_frame_name(b->frame[b->frames - 1]));
    return rc;
}

/* The batch's rows of a table [rows, columns]. */
static int attach_rows(const struct rt_quality *q, struct rt_batch *b, const float *table, const char *name,
                       struct rt_error *e)
{
    size_t columns = (size_t)q->scores->columns;
    int64_t dim[2] = {b->count, q->scores->columns};
    struct rt_tensor t;
    int rc = rt_tensor_init(&t, RT_F32, 2, dim);
    for (int at = 0; rc == 0 && at < b->count; at++)
        memcpy((float *)t.data + (size_t)at * columns,
               table + (size_t)b->sample[at] * columns, columns * sizeof(float));
    if (rc == 0)
        rc = rt_batch_pack(b, name, &t, q->level);
    rt_tensor_fini(&t);
    return rc < 0 ? rt_error_set(e, rc, "quality: %s", rt_err_words(rc)) : 0;
}

/* Both, and not only what weight.map asks for: it may change while batches are on their way. */
static int attach_scores(const struct rt_quality *q, struct rt_batch *b, struct rt_error *e)
{
    RT_TRY(attach_rows(q, b, q->scores->value, "measures", e));
    return attach_rows(q, b, q->scores->percentile, "quality", e);
}

static int quality_work(void *self, struct rt_batch *b, struct rt_error *e)
{
    const struct rt_quality *q = self;
    return b->kind == RT_BATCH_SCORE ? score_batch(q, b, e) : attach_scores(q, b, e);
}

const struct rt_stage_ops rt_stage_quality = {
    .name = "quality",
    .summary = "measures samples once, then gives each its values and percentiles",
    .remedy = "score the data set beforehand with retort inspect",
    .work = quality_work,
};
