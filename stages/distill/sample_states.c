/* SPDX-License-Identifier: MIT
 * sample_states: see sample_states.h. */
#include "stages/distill/sample_states.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_sample_states_init(struct rt_sample_states *s, int rows)
{
    size_t n = (size_t)rows + 1;
    *s = (struct rt_sample_states){
        .rows = rows,
        .seen = calloc(n, sizeof *s->seen),
        .quality = malloc(n * sizeof *s->quality),
        .weight = malloc(n * sizeof *s->weight),
        .distance = malloc(n * sizeof *s->distance * RT_TERMS),
        .inside = calloc(n, RT_TERMS),
        .agreement = malloc(n * sizeof *s->agreement),
        .history = malloc(n * sizeof *s->history * RT_LOSS_HISTORY),
    };
    if (!s->seen || !s->quality || !s->weight || !s->distance || !s->inside || !s->agreement || !s->history)
        return RT_EMEM; /* rt_sample_states_fini frees the rest */
    for (size_t i = 0; i < n; i++)
        s->quality[i] = s->weight[i] = s->agreement[i] = NAN;
    for (size_t i = 0; i < n * RT_TERMS; i++)
        s->distance[i] = NAN;
    for (size_t i = 0; i < n * RT_LOSS_HISTORY; i++)
        s->history[i] = NAN;
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
    free(s->history);
    memset(s, 0, sizeof *s);
}

void rt_sample_states_add(struct rt_sample_states *s, int row, double quality, double weight,
                          const struct rt_objective_settings *settings, const struct rt_objective_out *out,
                          int i)
{
    size_t at = (size_t)row;
    double loss = 0;
    s->seen[at]++;
    s->quality[at] = (float)quality;
    s->weight[at] = (float)weight;
    for (size_t k = 0; k < RT_TERMS; k++) {
        double d = out->distance[k][i];
        if (isnan(d))
            continue;
        loss += settings->term[k].lambda * d;
        s->distance[at * RT_TERMS + k] = (float)d;
        s->inside[at * RT_TERMS + k] = d <= out->margin[k];
    }
    rt_loss_history_add(s->history + at * RT_LOSS_HISTORY, (float)loss);
}

/* ---- as checkpoints were ----
 * Every array whole, a row for each of the manifest: 81 MiB for a million samples, each time. Still read. */

#define SAMPLE_ARRAYS 7
struct sample_array {
    const char *name;
    enum rt_dtype dtype;
    int columns;
    void *data;
    bool of_terms; /* a column a term: a run of before a term was added has fewer */
};

static void sample_arrays(const struct rt_sample_states *s, struct sample_array a[SAMPLE_ARRAYS])
{
    a[0] = (struct sample_array){"samples.seen", RT_I32, 1, s->seen, false};
    a[1] = (struct sample_array){"samples.quality", RT_F32, 1, s->quality, false};
    a[2] = (struct sample_array){"samples.weight", RT_F32, 1, s->weight, false};
    a[3] = (struct sample_array){"samples.distance", RT_F32, RT_TERMS, s->distance, true};
    a[4] = (struct sample_array){"samples.inside", RT_U8, RT_TERMS, s->inside, true};
    a[5] = (struct sample_array){"samples.history", RT_F32, RT_LOSS_HISTORY, s->history, false};
    a[6] = (struct sample_array){"samples.agreement", RT_F32, 1, s->agreement, false};
}

static bool sample_array_fits(const struct sample_array *a, int rows, const struct rt_tensor *t)
{
    return t && t->dtype == a->dtype && t->rank == 2 && t->dim[0] == rows &&
           (t->dim[1] == a->columns || (a->of_terms && t->dim[1] > 0 && t->dim[1] < a->columns));
}

static void sample_array_copy(const struct sample_array *a, const struct rt_tensor *t)
{
    size_t size = rt_dtype_size(a->dtype), had = (size_t)t->dim[1] * size, has = (size_t)a->columns * size;
    for (size_t row = 0; row < (size_t)t->dim[0]; row++)
        memcpy((char *)a->data + row * has, (const char *)t->data + row * had, had);
}

static int states_load_whole(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                             struct rt_error *e)
{
    struct sample_array a[SAMPLE_ARRAYS];
    sample_arrays(s, a);
    for (int i = 0; i < SAMPLE_ARRAYS; i++) {
        const struct rt_tensor *t = rt_safetensors_get(in, a[i].name);
        if (!t && (a[i].data == s->history || a[i].data == s->agreement))
            continue; /* a run that began before it was kept, or does not follow it, goes on without */
        if (!sample_array_fits(&a[i], s->rows, t))
            return rt_error_set(e, RT_EMISMATCH, "%s: %s is missing or not [%d, %d]: the manifest "
                                "changed since; start a new run", name, a[i].name, s->rows, a[i].columns);
        sample_array_copy(&a[i], t);
        s->follows_agreement |= a[i].data == s->agreement;
    }
    for (size_t i = 0; i < (size_t)s->rows * RT_LOSS_HISTORY; i++)
        s->history[i] = rt_loss_history_value(rt_loss_history_code(s->history[i]));
    return 0;
}

/* ---- in a checkpoint ----
 * Only rows that an update has seen, of the terms only those that any row has a value of: what a run has not touched
 * costs nothing. A column is gathered into room for one and added; loading scatters it again. */

static int states_seen(const struct rt_sample_states *s, int32_t *row)
{
    int n = 0;
    for (int i = 0; i < s->rows; i++)
        if (s->seen[i] > 0)
            row[n++] = i;
    return n;
}

/* size bytes of a row at stride bytes from one to the next. */
static int column_save(struct rt_safetensors *out, const char *name, enum rt_dtype dtype, int columns, const void *from,
                       size_t stride, const int32_t *row, int n, char *room)
{
    size_t size = rt_dtype_size(dtype) * (size_t)columns;
    int64_t dim[2] = {n, columns};
    for (int i = 0; i < n; i++)
        memcpy(room + (size_t)i * size, (const char *)from + (size_t)row[i] * stride, size);
    struct rt_tensor t = rt_tensor_view(dtype, 2, dim, room);
    return rt_safetensors_add(out, name, &t);
}

static bool term_was_used(const struct rt_sample_states *s, int term, const int32_t *row, int n)
{
    bool used = false;
    for (int i = 0; i < n && !used; i++)
        used = !isnan(s->distance[(size_t)row[i] * RT_TERMS + (size_t)term]);
    return used;
}

static int terms_save(const struct rt_sample_states *s, struct rt_safetensors *out, const int32_t *row, int n,
                      char *room)
{
    char name[80];
    for (int k = 0; k < RT_TERMS; k++) {
        if (!term_was_used(s, k, row, n))
            continue;
        snprintf(name, sizeof name, "samples.distance.%s", rt_terms[k]->name);
        RT_TRY(column_save(out, name, RT_F32, 1, s->distance + k, RT_TERMS * sizeof *s->distance, row, n, room));
        snprintf(name, sizeof name, "samples.inside.%s", rt_terms[k]->name);
        RT_TRY(column_save(out, name, RT_U8, 1, s->inside + k, RT_TERMS, row, n, room));
    }
    return 0;
}

static int history_save(const struct rt_sample_states *s, struct rt_safetensors *out, const int32_t *row, int n,
                        char *room)
{
    int64_t dim[2] = {n, RT_LOSS_HISTORY};
    uint8_t *code = (uint8_t *)room;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < RT_LOSS_HISTORY; k++)
            *code++ = rt_loss_history_code(s->history[(size_t)row[i] * RT_LOSS_HISTORY + (size_t)k]);
    struct rt_tensor t = rt_tensor_view(RT_U8, 2, dim, room);
    return rt_safetensors_add(out, "samples.history", &t);
}

static int states_save(const struct rt_sample_states *s, struct rt_safetensors *out, int32_t *row, char *room)
{
    int n = states_seen(s, row);
    int64_t dim[2] = {n, 1}, one[1] = {1}, rows = s->rows;
    struct rt_tensor list = rt_tensor_view(RT_I32, 2, dim, row), count = rt_tensor_view(RT_I64, 1, one, &rows);
    RT_TRY(rt_safetensors_add(out, "samples.count", &count));
    RT_TRY(rt_safetensors_add(out, "samples.row", &list));
    RT_TRY(column_save(out, "samples.seen", RT_I32, 1, s->seen, sizeof *s->seen, row, n, room));
    RT_TRY(column_save(out, "samples.quality", RT_F32, 1, s->quality, sizeof *s->quality, row, n, room));
    RT_TRY(column_save(out, "samples.weight", RT_F32, 1, s->weight, sizeof *s->weight, row, n, room));
    if (s->follows_agreement)
        RT_TRY(column_save(out, "samples.agreement", RT_F32, 1, s->agreement, sizeof *s->agreement, row, n, room));
    RT_TRY(terms_save(s, out, row, n, room));
    return history_save(s, out, row, n, room);
}

int rt_sample_states_save(const struct rt_sample_states *s, struct rt_safetensors *out)
{
    int32_t *row = malloc(((size_t)s->rows + 1) * sizeof *row);
    char *room = malloc((size_t)s->rows * RT_LOSS_HISTORY + 8);
    int rc = row && room ? states_save(s, out, row, room) : RT_EMEM;
    free(row);
    free(room);
    return rc;
}

/* ---- and back ---- */

/* NULL: there is none of this name and shape. */
static const void *column_find(const struct rt_safetensors *in, const char *name, enum rt_dtype dtype, int n,
                               int columns)
{
    const struct rt_tensor *t = rt_safetensors_get(in, name);
    bool fits = t && t->dtype == dtype && t->rank == 2 && t->dim[0] == n && t->dim[1] == columns;
    return fits ? t->data : NULL;
}

static void column_load(void *to, size_t stride, const void *from, size_t size, const int32_t *row, int n)
{
    for (int i = 0; from && i < n; i++)
        memcpy((char *)to + (size_t)row[i] * stride, (const char *)from + (size_t)i * size, size);
}

static void terms_load(struct rt_sample_states *s, const struct rt_safetensors *in, const int32_t *row, int n)
{
    char name[80];
    for (int k = 0; k < RT_TERMS; k++) {
        snprintf(name, sizeof name, "samples.distance.%s", rt_terms[k]->name);
        column_load(s->distance + k, RT_TERMS * sizeof *s->distance, column_find(in, name, RT_F32, n, 1),
                    sizeof *s->distance, row, n);
        snprintf(name, sizeof name, "samples.inside.%s", rt_terms[k]->name);
        column_load(s->inside + k, RT_TERMS, column_find(in, name, RT_U8, n, 1), 1, row, n);
    }
}

/* The number of rows listed, ascending and all there; -1 when they are not those of a checkpoint of s. */
static int rows_find(const struct rt_sample_states *s, const struct rt_safetensors *in, const int32_t **row)
{
    const struct rt_tensor *count = rt_safetensors_get(in, "samples.count"),
                           *list = rt_safetensors_get(in, "samples.row");
    bool fits = count && count->dtype == RT_I64 && count->rank == 1 && count->dim[0] == 1 &&
                *(const int64_t *)count->data == s->rows && list && list->dtype == RT_I32 && list->rank == 2 &&
                list->dim[1] == 1 && list->dim[0] <= s->rows;
    int n = fits ? (int)list->dim[0] : -1;
    *row = fits ? list->data : NULL;
    for (int i = 0; i < n; i++)
        if ((*row)[i] < 0 || (*row)[i] >= s->rows || (i > 0 && (*row)[i] <= (*row)[i - 1]))
            return -1;
    return n;
}

static int states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                       struct rt_error *e)
{
    const int32_t *row;
    int n = rows_find(s, in, &row);
    const void *seen = column_find(in, "samples.seen", RT_I32, n, 1),
               *weight = column_find(in, "samples.weight", RT_F32, n, 1),
               *quality = column_find(in, "samples.quality", RT_F32, n, 1);
    const uint8_t *code = column_find(in, "samples.history", RT_U8, n, RT_LOSS_HISTORY);
    if (n < 0 || (n > 0 && (!seen || !weight || !quality || !code)))
        return rt_error_set(e, RT_EMISMATCH, "%s: samples.* are missing or not of %d rows: the manifest changed since; "
                            "start a new run", name, s->rows);
    column_load(s->seen, sizeof *s->seen, seen, sizeof *s->seen, row, n);
    column_load(s->quality, sizeof *s->quality, quality, sizeof *s->quality, row, n);
    column_load(s->weight, sizeof *s->weight, weight, sizeof *s->weight, row, n);
    s->follows_agreement |= rt_safetensors_get(in, "samples.agreement") != NULL;
    column_load(s->agreement, sizeof *s->agreement, column_find(in, "samples.agreement", RT_F32, n, 1),
                sizeof *s->agreement, row, n);
    terms_load(s, in, row, n);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < RT_LOSS_HISTORY; k++)
            s->history[(size_t)row[i] * RT_LOSS_HISTORY + k] = rt_loss_history_value(*code++);
    return 0;
}

int rt_sample_states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
                          struct rt_error *e)
{
    return rt_safetensors_get(in, "samples.count") ? states_load(s, in, name, e) : states_load_whole(s, in, name, e);
}
