/* SPDX-License-Identifier: MIT
 * calibrate: see calibrate.h. */
#include "stages/session/calibrate.h"

#include "formats/manifest.h"
#include "stages/model/model_quantise.h"
#include "stages/session/predict.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16
#define CLIPPED 100 /* one sample in so many may go beyond the range, on either side */

/* ---- which samples ---- */

struct rows {
    struct rt_manifest *manifest;
    const struct rt_modality *modality;
    int *row;
    int count, at;
};

/* Those of train where a manifest has any: what a file is judged by should not have set its ranges. */
static int rows_choose(struct rows *r, struct rt_error *e)
{
    const struct rt_manifest *m = r->manifest;
    int split = rt_manifest_column(m, "split"), column = rt_manifest_column(m, r->modality->name), train = 0, all = 0;
    if (column < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the model", rt_manifest_path(m),
                            r->modality->name);
    r->row = malloc((size_t)rt_manifest_rows(m) * sizeof *r->row);
    if (!r->row)
        return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
    for (int i = 0; i < rt_manifest_rows(m); i++)
        train += split >= 0 && rt_manifest_cell(m, i, column)[0] && strcmp(rt_manifest_cell(m, i, split), "train") == 0;
    for (int i = 0; i < rt_manifest_rows(m); i++)
        if (rt_manifest_cell(m, i, column)[0] && (!train || strcmp(rt_manifest_cell(m, i, split), "train") == 0))
            r->row[all++] = i;
    r->count = all < RT_CALIBRATE_SAMPLES ? all : RT_CALIBRATE_SAMPLES;
    for (int i = 0; i < r->count; i++)
        r->row[i] = r->row[(int64_t)i * all / r->count];
    return 0;
}

static int rows_next(void *self, bool wait, struct rt_predict_sample *s, struct rt_error *e)
{
    struct rows *r = self;
    (void)wait;
    if (r->at == r->count)
        return RT_PREDICT_END;
    int row = r->row[r->at++];
    int modality = (int)r->modality->id;
    char path[2 * PATH_MAX];
    s->id = strdup(rt_manifest_cell(r->manifest, row, rt_manifest_column(r->manifest, "id")));
    if (modality == RT_TEXT) {
        s->text = strdup(rt_manifest_cell(r->manifest, row, rt_manifest_column(r->manifest, "text")));
    } else {
        s->path = strdup(rt_manifest_file(r->manifest, row, modality, path, sizeof path));
        s->extent = rt_manifest_extent(r->manifest, row, modality);
    }
    if (s->id && (s->text || s->path))
        return RT_PREDICT_SAMPLE;
    free(s->id);
    free(s->text);
    free(s->path);
    return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
}

/* ---- what they show ----
 * All extremes are kept and sorted: some thousand numbers for each value. The most extreme sample alone would let one
 * recording of a fault set the step of all others. */

struct extremes {
    int places, count; /* of samples so far */
    float *value;      /* [2 * places, RT_CALIBRATE_SAMPLES] */
};

static int extremes_take(void *self, const struct rt_predicted *p, bool more, struct rt_error *e)
{
    struct extremes *x = self;
    (void)more;
    (void)e;
    if (p->reason)
        return 0;
    for (int k = 0; k < 2 * x->places; k++)
        if (!isfinite(p->embedding[k]))
            return 0;
    for (int k = 0; k < 2 * x->places; k++)
        x->value[(size_t)k * RT_CALIBRATE_SAMPLES + (size_t)x->count] = p->embedding[k];
    x->count++;
    return 0;
}

static int float_order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void extremes_ranges(const struct extremes *x, struct rt_range *range)
{
    int beyond = x->count / CLIPPED;
    for (int k = 0; k < 2 * x->places; k++)
        qsort(x->value + (size_t)k * RT_CALIBRATE_SAMPLES, (size_t)x->count, sizeof *x->value, float_order);
    for (int k = 0; k < x->places; k++) {
        const float *least = x->value + 2 * (size_t)k * RT_CALIBRATE_SAMPLES, *most = least + RT_CALIBRATE_SAMPLES;
        range[k] = (struct rt_range){least[beyond], most[x->count - 1 - beyond]};
    }
}

/* ---- all of it ---- */

static int calibrate_run(struct rt_model *out, const struct rt_model *m, struct rt_model *probe, struct rows *rows,
                         struct extremes *x, bool whole, struct rt_error *e)
{
    struct rt_predict_config c = {.batch = BATCH, .views.whole = whole};
    struct rt_range *range = malloc((size_t)x->places * sizeof *range);
    x->value = malloc(2 * (size_t)x->places * RT_CALIBRATE_SAMPLES * sizeof *x->value);
    int rc = range && x->value ? 0 : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = rt_predict(probe, &c, (struct rt_predict_source){rows, rows_next},
                        (struct rt_predict_sink){x, extremes_take}, e);
    if (rc == 0 && x->count == 0)
        rc = rt_error_set(e, RT_ENODATA, "%s: none of its %d samples can be read", rt_manifest_path(rows->manifest),
                          rows->count);
    if (rc == 0) {
        extremes_ranges(x, range);
        rc = rt_model_quantise(out, m, range, e);
    }
    free(range);
    free(x->value);
    return rc;
}

int rt_calibrate(struct rt_model *out, const struct rt_model *m, const char *manifest, bool whole, int *used,
                 struct rt_error *e)
{
    struct rt_model *probe = calloc(1, sizeof *probe);
    struct rows rows = {.modality = m->modality};
    struct extremes x = {0};
    int rc = probe ? rt_manifest_load(&rows.manifest, manifest, e) : rt_error_set(e, RT_EMEM, "out of memory");
    if (rc == 0)
        rc = rows_choose(&rows, e);
    if (rc == 0)
        rc = rt_model_probe(probe, m, &x.places, e);
    if (rc == 0)
        rc = calibrate_run(out, m, probe, &rows, &x, whole, e);
    *used = x.count;
    if (probe)
        rt_model_fini(probe);
    free(probe);
    free(rows.row);
    rt_manifest_destroy(rows.manifest);
    return rc;
}
