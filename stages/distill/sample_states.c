/* SPDX-License-Identifier: MIT
 * sample_states: see sample_states.h. */
#include "stages/distill/sample_states.h"

#include "formats/frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- in memory ----
 * A row for each sample of the manifest, which may be a million, so what most of them never have shall cost nothing:
 * the terms' columns are zeros that the system gives and that take no room before they are written, and the zeros say
 * that there is no value. A term that is off never writes its own. */

int rt_sample_states_init(struct rt_sample_states *s, int rows)
{
    size_t n = (size_t)rows + 1;
    *s = (struct rt_sample_states){
        .rows = rows,
        .seen = calloc(n, sizeof *s->seen),
        .quality = malloc(n * sizeof *s->quality),
        .weight = malloc(n * sizeof *s->weight),
        .distance = calloc(n, sizeof *s->distance * RT_TERMS),
        .inside = calloc(n, RT_TERMS),
        .agreement = malloc(n * sizeof *s->agreement),
        .teacher_p = calloc(n, sizeof *s->teacher_p),
        .history = calloc(n, RT_LOSS_HISTORY),
    };
    if (!s->seen || !s->quality || !s->weight || !s->distance || !s->inside || !s->agreement || !s->teacher_p ||
        !s->history)
        return RT_EMEM; /* rt_sample_states_fini frees the rest */
    for (size_t i = 0; i < n; i++)
        s->quality[i] = s->weight[i] = s->agreement[i] = NAN;
    return 0;
}

void rt_sample_states_fini(struct rt_sample_states *s)
{
    free(s->seen);
    free(s->quality);
    free(s->weight);
    free(s->distance);
    free(s->inside);
    free(s->agreement);
    free(s->teacher_p);
    free(s->history);
    memset(s, 0, sizeof *s);
}

static size_t term_place(const struct rt_sample_states *s, int row, int term)
{
    return (size_t)term * (size_t)s->rows + (size_t)row;
}

double rt_sample_distance(const struct rt_sample_states *s, int row, int term)
{
    size_t at = term_place(s, row, term);
    return s->inside[at] == RT_SAMPLE_NEVER ? (double)NAN : (double)s->distance[at];
}

double rt_sample_inside(const struct rt_sample_states *s, int row, int term)
{
    size_t at = term_place(s, row, term);
    return s->inside[at] == RT_SAMPLE_NEVER ? (double)NAN : s->inside[at] == RT_SAMPLE_INSIDE;
}

/* As checkpoints have it: NaN stands for a distance that never was. */
static void term_set(struct rt_sample_states *s, int row, int term, float distance, bool inside)
{
    size_t at = term_place(s, row, term);
    s->distance[at] = isnan(distance) ? 0 : distance;
    s->inside[at] = isnan(distance) ? RT_SAMPLE_NEVER : inside ? RT_SAMPLE_INSIDE : RT_SAMPLE_OUTSIDE;
}

void rt_sample_states_add(struct rt_sample_states *s, int row, double quality, double weight,
                          const struct rt_objective_settings *settings, const double *distance, const double *margin)
{
    size_t at = (size_t)row;
    double loss = 0;
    s->seen[at]++;
    s->quality[at] = (float)quality;
    s->weight[at] = (float)weight;
    for (int k = 0; k < RT_TERMS; k++) {
        double d = distance[k];
        if (isnan(d))
            continue;
        loss += settings->term[k].lambda * d;
        term_set(s, row, k, (float)d, d <= margin[k]);
    }
    rt_loss_history_add(s->history + at * RT_LOSS_HISTORY, (float)loss);
}

/* ---- in a checkpoint ----
 * Only rows that an update has seen, of the terms only those that any row has a value of: what a run has not touched
 * costs nothing. What was touched is packed, a column at a time: which rows, as the gaps between them; counts,
 * qualities, weights and histories are mostly the same few bytes. The distances hardly shrink; but to round them
 * would make run.db say something else than the update did. A column is gathered into room for one. */

#define LEVEL 3 /* of zstd: a checkpoint is not to wait for it */

struct columns_out {
    struct rt_safetensors *file;
    const int32_t *row; /* [n] */
    int n;
    char *room; /* [n, RT_LOSS_HISTORY] at least */
};

static int states_seen(const struct rt_sample_states *s, int32_t *row)
{
    int n = 0;
    for (int i = 0; i < s->rows; i++)
        if (s->seen[i] > 0)
            row[n++] = i;
    return n;
}

/* What lies in room. */
static int column_pack(const struct columns_out *c, const char *name, enum rt_dtype dtype, int columns)
{
    int64_t dim[2] = {c->n, columns};
    struct rt_tensor t = rt_tensor_view(dtype, 2, dim, c->room);
    struct rt_frame *f;
    size_t size;
    RT_TRY(rt_frame_pack(&f, name, &t, LEVEL));
    const void *bytes = rt_frame_bytes(f, &size);
    int64_t length = (int64_t)size;
    struct rt_tensor packed = rt_tensor_view(RT_U8, 1, &length, (void *)(uintptr_t)bytes);
    int rc = rt_safetensors_add(c->file, name, &packed);
    rt_frame_unref(f);
    return rc;
}

static int column_save(const struct columns_out *c, const char *name, enum rt_dtype dtype, int columns,
                       const void *from)
{
    size_t size = rt_dtype_size(dtype) * (size_t)columns;
    for (int i = 0; i < c->n; i++)
        memcpy(c->room + (size_t)i * size, (const char *)from + (size_t)c->row[i] * size, size);
    return column_pack(c, name, dtype, columns);
}

static int gaps_save(const struct columns_out *c)
{
    int32_t *gap = (int32_t *)(void *)c->room;
    for (int i = 0; i < c->n; i++)
        gap[i] = c->row[i] - (i ? c->row[i - 1] : 0);
    return column_pack(c, "samples.gap", RT_I32, 1);
}

static bool term_was_used(const struct rt_sample_states *s, int term, const int32_t *row, int n)
{
    bool used = false;
    for (int i = 0; i < n && !used; i++)
        used = s->inside[term_place(s, row[i], term)] != RT_SAMPLE_NEVER;
    return used;
}

static int term_save(const struct rt_sample_states *s, const struct columns_out *c, int term)
{
    char name[RT_FRAME_NAME + 1];
    float *distance = (float *)(void *)c->room;
    for (int i = 0; i < c->n; i++)
        distance[i] = (float)rt_sample_distance(s, c->row[i], term);
    snprintf(name, sizeof name, "samples.distance.%s", rt_terms[term]->name);
    RT_TRY(column_pack(c, name, RT_F32, 1));
    for (int i = 0; i < c->n; i++)
        c->room[i] = rt_sample_inside(s, c->row[i], term) > 0;
    snprintf(name, sizeof name, "samples.inside.%s", rt_terms[term]->name);
    return column_pack(c, name, RT_U8, 1);
}

/* Of a run with a teacher of its own classes; others have none. */
static bool teacher_was_asked(const struct rt_sample_states *s, const int32_t *row, int n)
{
    bool asked = false;
    for (int i = 0; i < n && !asked; i++)
        asked = s->teacher_p[row[i]] > 0;
    return asked;
}

static int states_save(const struct rt_sample_states *s, const struct columns_out *c)
{
    int64_t one[1] = {1}, rows = s->rows;
    struct rt_tensor count = rt_tensor_view(RT_I64, 1, one, &rows);
    RT_TRY(rt_safetensors_add(c->file, "samples.count", &count));
    RT_TRY(gaps_save(c));
    RT_TRY(column_save(c, "samples.seen", RT_I32, 1, s->seen));
    RT_TRY(column_save(c, "samples.quality", RT_F32, 1, s->quality));
    RT_TRY(column_save(c, "samples.weight", RT_F32, 1, s->weight));
    if (s->follows_agreement)
        RT_TRY(column_save(c, "samples.agreement", RT_F32, 1, s->agreement));
    if (teacher_was_asked(s, c->row, c->n))
        RT_TRY(column_save(c, "samples.teacher_p", RT_F32, 1, s->teacher_p));
    for (int k = 0; k < RT_TERMS; k++)
        if (term_was_used(s, k, c->row, c->n))
            RT_TRY(term_save(s, c, k));
    return column_save(c, "samples.history", RT_U8, RT_LOSS_HISTORY, s->history);
}

int rt_sample_states_save(const struct rt_sample_states *s, struct rt_safetensors *out)
{
    int32_t *row = malloc(((size_t)s->rows + 1) * sizeof *row);
    char *room = malloc((size_t)s->rows * RT_LOSS_HISTORY + 8);
    int rc = RT_EMEM;
    if (row && room) {
        struct columns_out c = {out, row, states_seen(s, row), room};
        rc = states_save(s, &c);
    }
    free(row);
    free(room);
    return rc;
}

/* ---- and back ----
 * A column is a packed one, or, of a checkpoint of before, a plain tensor [n, columns] with `samples.row` in place of
 * the gaps. Either way it is had as a tensor of its own, and refused where it is not of n rows. */

/* What a column is to be: n rows, or at most n. */
struct column_want {
    enum rt_dtype dtype;
    int columns, n;
    bool fewer;
};

static bool column_fits(const struct rt_tensor *t, const struct column_want *w)
{
    return t->dtype == w->dtype && t->rank == 2 && t->dim[1] == w->columns &&
           (t->dim[0] == w->n || (w->fewer && t->dim[0] >= 0 && t->dim[0] < w->n));
}

/* Whatever the frame says of itself, nothing larger than what is wanted is unpacked. */
static int column_unpack(const struct rt_tensor *packed, const struct column_want *w, struct rt_tensor *out)
{
    struct rt_frame *f;
    size_t used;
    RT_TRY(rt_frame_parse(&f, packed->data, (size_t)packed->dim[0], &used, NULL));
    struct rt_tensor shape = rt_frame_shape(f);
    int rc = column_fits(&shape, w) ? rt_frame_unpack(f, out, NULL) : RT_EMISMATCH;
    rt_frame_unref(f);
    return rc;
}

/* 1 = there; 0 = there is none of this name; else it cannot be had, or is another than is wanted. */
static int column_find(const struct rt_safetensors *in, const char *name, const struct column_want *w,
                       struct rt_tensor *out)
{
    const struct rt_tensor *t = rt_safetensors_get(in, name);
    *out = (struct rt_tensor){0};
    if (!t)
        return 0;
    if (t->rank == 1 && t->dtype == RT_U8) {
        RT_TRY(column_unpack(t, w, out));
        return 1;
    }
    if (!column_fits(t, w))
        return RT_EMISMATCH;
    RT_TRY(rt_tensor_init(out, t->dtype, 2, t->dim));
    if (rt_tensor_bytes(t))
        memcpy(out->data, t->data, rt_tensor_bytes(t));
    return 1;
}

/* As column_find, into the rows of `to`. */
static int column_load(const struct rt_safetensors *in, const char *name, enum rt_dtype dtype, int columns,
                       const int32_t *row, int n, void *to)
{
    size_t size = rt_dtype_size(dtype) * (size_t)columns;
    struct rt_tensor t;
    int there = column_find(in, name, &(struct column_want){dtype, columns, n, false}, &t);
    for (int i = 0; there > 0 && i < n; i++)
        memcpy((char *)to + (size_t)row[i] * size, (const char *)t.data + (size_t)i * size, size);
    rt_tensor_fini(&t);
    return there;
}

static int term_load(struct rt_sample_states *s, const struct rt_safetensors *in, int term, const int32_t *row, int n)
{
    char name[80];
    struct rt_tensor distance, inside;
    snprintf(name, sizeof name, "samples.distance.%s", rt_terms[term]->name);
    int there = column_find(in, name, &(struct column_want){RT_F32, 1, n, false}, &distance);
    if (there <= 0)
        return there;
    snprintf(name, sizeof name, "samples.inside.%s", rt_terms[term]->name);
    there = column_find(in, name, &(struct column_want){RT_U8, 1, n, false}, &inside);
    for (int i = 0; there > 0 && i < n; i++)
        term_set(s, row[i], term, ((const float *)distance.data)[i], ((const uint8_t *)inside.data)[i]);
    rt_tensor_fini(&distance);
    rt_tensor_fini(&inside);
    return there > 0 ? there : RT_EMISMATCH;
}

static bool count_fits(const struct rt_sample_states *s, const struct rt_safetensors *in)
{
    const struct rt_tensor *count = rt_safetensors_get(in, "samples.count");
    return count->dtype == RT_I64 && count->rank == 1 && count->dim[0] == 1 &&
           *(const int64_t *)count->data == s->rows;
}

/* The rows listed, as numbers, ascending and all there. */
static int rows_find(const struct rt_sample_states *s, const struct rt_safetensors *in, struct rt_tensor *list)
{
    int64_t before = 0;
    bool gaps = rt_safetensors_get(in, "samples.gap") != NULL;
    int there = column_find(in, gaps ? "samples.gap" : "samples.row",
                            &(struct column_want){RT_I32, 1, s->rows, true}, list);
    if (there <= 0)
        return there < 0 ? there : RT_EMISMATCH;
    int32_t *row = list->data;
    for (int64_t i = 0; i < list->dim[0]; i++) {
        int64_t at = row[i] + (gaps ? before : 0);
        if (at < 0 || at >= s->rows || (i > 0 && at <= before))
            return RT_EMISMATCH;
        row[i] = (int32_t)at;
        before = at;
    }
    return 0;
}

static int column_demand(int there)
{
    return there > 0 ? 0 : there < 0 ? there : RT_EMISMATCH;
}

static int states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const int32_t *row, int n)
{
    RT_TRY(column_demand(column_load(in, "samples.seen", RT_I32, 1, row, n, s->seen)));
    RT_TRY(column_demand(column_load(in, "samples.quality", RT_F32, 1, row, n, s->quality)));
    RT_TRY(column_demand(column_load(in, "samples.weight", RT_F32, 1, row, n, s->weight)));
    RT_TRY(column_demand(column_load(in, "samples.history", RT_U8, RT_LOSS_HISTORY, row, n, s->history)));
    int agreement = column_load(in, "samples.agreement", RT_F32, 1, row, n, s->agreement);
    RT_TRY(agreement);
    s->follows_agreement |= agreement > 0;
    RT_TRY(column_load(in, "samples.teacher_p", RT_F32, 1, row, n, s->teacher_p));
    for (int k = 0; k < RT_TERMS; k++)
        RT_TRY(term_load(s, in, k, row, n));
    return 0;
}

/* ---- as checkpoints were at first ----
 * Every array whole, a row for each of the manifest: 81 MiB for a million samples, each time. Still read. */

static int whole_refuse(const struct rt_sample_states *s, const char *file, const char *name, int columns,
                        struct rt_error *e)
{
    return rt_error_set(e, RT_EMISMATCH, "%s: %s is missing or not [%d, %d]: the manifest changed since; start a new "
                        "run", file, name, s->rows, columns);
}

/* A column a term: a run of before a term was added has fewer. */
static bool whole_terms_fit(const struct rt_sample_states *s, const struct rt_tensor *t, enum rt_dtype dtype)
{
    return t && t->dtype == dtype && t->rank == 2 && t->dim[0] == s->rows && t->dim[1] > 0 && t->dim[1] <= RT_TERMS;
}

static bool whole_fits(const struct rt_sample_states *s, const struct rt_tensor *t, enum rt_dtype dtype, int columns)
{
    return t && t->dtype == dtype && t->rank == 2 && t->dim[0] == s->rows && t->dim[1] == columns;
}

static int whole_load_terms(struct rt_sample_states *s, const struct rt_safetensors *in, const char *file,
                            struct rt_error *e)
{
    const struct rt_tensor *distance = rt_safetensors_get(in, "samples.distance"),
                           *inside = rt_safetensors_get(in, "samples.inside");
    if (!whole_terms_fit(s, distance, RT_F32))
        return whole_refuse(s, file, "samples.distance", RT_TERMS, e);
    if (!whole_terms_fit(s, inside, RT_U8) || inside->dim[1] != distance->dim[1])
        return whole_refuse(s, file, "samples.inside", RT_TERMS, e);
    int terms = (int)distance->dim[1];
    for (int row = 0; row < s->rows; row++)
        for (int k = 0; k < terms; k++) {
            size_t at = (size_t)row * (size_t)terms + (size_t)k;
            term_set(s, row, k, ((const float *)distance->data)[at], ((const uint8_t *)inside->data)[at]);
        }
    return 0;
}

static int whole_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *file,
                      struct rt_error *e)
{
    const struct {
        const char *name;
        enum rt_dtype dtype;
        void *to;
        bool needed; /* else a run that began before it was kept, or does not follow it, goes on without */
    } column[] = {{"samples.seen", RT_I32, s->seen, true}, {"samples.quality", RT_F32, s->quality, true},
                  {"samples.weight", RT_F32, s->weight, true}, {"samples.agreement", RT_F32, s->agreement, false}};
    for (size_t i = 0; i < sizeof column / sizeof *column; i++) {
        const struct rt_tensor *t = rt_safetensors_get(in, column[i].name);
        if (!t && !column[i].needed)
            continue;
        if (!whole_fits(s, t, column[i].dtype, 1))
            return whole_refuse(s, file, column[i].name, 1, e);
        memcpy(column[i].to, t->data, rt_tensor_bytes(t));
        s->follows_agreement |= column[i].to == s->agreement;
    }
    RT_TRY(whole_load_terms(s, in, file, e));
    const struct rt_tensor *history = rt_safetensors_get(in, "samples.history");
    if (history && !whole_fits(s, history, RT_F32, RT_LOSS_HISTORY))
        return whole_refuse(s, file, "samples.history", RT_LOSS_HISTORY, e);
    for (size_t i = 0; history && i < (size_t)s->rows * RT_LOSS_HISTORY; i++)
        s->history[i] = rt_loss_history_code(((const float *)history->data)[i]);
    return 0;
}

int rt_sample_states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                          struct rt_error *e)
{
    struct rt_tensor list = {0};
    if (!rt_safetensors_get(in, "samples.count"))
        return whole_load(s, in, name, e);
    int rc = count_fits(s, in) ? rows_find(s, in, &list) : RT_EMISMATCH;
    if (rc == 0)
        rc = states_load(s, in, list.data, (int)list.dim[0]);
    rt_tensor_fini(&list);
    return rc == 0          ? 0
           : rc == RT_EMEM ? rt_error_set(e, rc, "%s: no memory for the samples' states", name)
                           : rt_error_set(e, RT_EMISMATCH, "%s: samples.* are missing, damaged or not of %d rows: the "
                                          "manifest changed since; start a new run", name, s->rows);
}
