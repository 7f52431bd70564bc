/* SPDX-License-Identifier: MIT
 * sample_states: see sample_states.h. */
#include "stages/distill/sample_states.h"

#include <math.h>
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

/* ---- in a checkpoint ----
 * One list of the arrays for saving and loading, so that the two cannot differ. */

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

int rt_sample_states_save(const struct rt_sample_states *s, struct rt_safetensors *out)
{
    struct sample_array a[SAMPLE_ARRAYS];
    sample_arrays(s, a);
    for (int i = 0; i < SAMPLE_ARRAYS; i++) {
        int64_t dim[2] = {s->rows, a[i].columns};
        if (a[i].data == s->agreement && !s->follows_agreement)
            continue;
        struct rt_tensor t = rt_tensor_view(a[i].dtype, 2, dim, a[i].data);
        RT_TRY(rt_safetensors_add(out, a[i].name, &t));
    }
    return 0;
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

int rt_sample_states_load(struct rt_sample_states *s, const struct rt_safetensors *in, const char *name,
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
    return 0;
}
