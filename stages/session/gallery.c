/* SPDX-License-Identifier: MIT
 * gallery: see gallery.h. */
#include "stages/session/gallery.h"

#include "stages/metrics/det.h"
#include "stages/metrics/score_norm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "retort.gallery"

/* ---- who is who ---- */

struct enrolment {
    const struct rt_evaluation *v;
    int column;
    int *who; /* [v->count] number of the person, or -1 */
};

static int gallery_find(const struct rt_gallery *g, const char *name)
{
    int k = 0;
    while (k < g->people && strcmp(g->name[k], name) != 0)
        k++;
    return k;
}

/* Adds to a sum of embeddings of length 1; false: of length 0, or not finite. */
static bool embedding_add(float *sum, const float *x, int dim, double factor)
{
    double square = 0;
    for (int k = 0; k < dim; k++)
        square += (double)x[k] * x[k];
    if (!(square > 0) || !isfinite(square))
        return false;
    for (int k = 0; k < dim; k++)
        sum[k] += (float)(factor * x[k] / sqrt(square));
    return true;
}

static const float *enrolment_embedding(const struct enrolment *n, int i)
{
    return n->v->out.embedding + (size_t)n->v->model.dim * (size_t)i;
}

/* Sums, not yet of length 1. */
static int gallery_gather(struct rt_gallery *g, struct enrolment *n)
{
    const struct rt_evaluation *v = n->v;
    for (int i = 0; i < v->count; i++) {
        const char *name = rt_manifest_cell(v->session.dataset.manifest, v->rows[i], n->column);
        int k = gallery_find(g, name);
        n->who[i] = -1;
        if (!v->out.have[i] || !*name ||
            !embedding_add(g->embedding + (size_t)g->dim * (size_t)k, enrolment_embedding(n, i), g->dim, 1))
            continue;
        if (k == g->people && !(g->name[g->people++] = strdup(name)))
            return RT_EMEM;
        n->who[i] = k;
        g->samples[k]++;
    }
    return 0;
}

/* ---- a threshold ----
 * Of the samples themselves, each against its person as the others made them: what a stranger would score is taken from
 * the other people of the gallery. It is a beginning, until there are trials. */

static int threshold_score(struct rt_gallery *g, const struct enrolment *n, double *score, uint8_t *same, size_t *count)
{
    float *others = malloc(sizeof *others * (size_t)g->dim);
    if (!others)
        return RT_EMEM;
    *count = 0;
    for (int i = 0; i < n->v->count; i++) {
        const float *x = enrolment_embedding(n, i);
        for (int k = 0; n->who[i] >= 0 && k < g->people; k++) {
            const float *person = g->embedding + (size_t)g->dim * (size_t)k;
            bool own = k == n->who[i];
            if (own && g->samples[k] < 2)
                continue;
            memcpy(others, person, sizeof *others * (size_t)g->dim);
            if (own)
                embedding_add(others, x, g->dim, -1);
            score[*count] = rt_cosine(x, others, g->dim);
            same[(*count)++] = own;
        }
    }
    free(others);
    return 0;
}

static int gallery_find_threshold(struct rt_gallery *g, const struct enrolment *n, double *eer)
{
    size_t room = (size_t)n->v->count * (size_t)g->people + 1, count = 0;
    double *score = malloc(room * sizeof *score);
    uint8_t *same = malloc(room);
    struct rt_det d = {.point = NULL};
    int rc = score && same ? threshold_score(g, n, score, same, &count) : RT_EMEM;
    if (rc == 0)
        rc = rt_det_init(&d, score, same, count);
    if (rc == 0)
        *eer = rt_det_eer(&d, &g->threshold);
    rt_det_fini(&d);
    free(score);
    free(same);
    return rc == RT_EMEM ? rc : 0; /* of one kind alone: there is none */
}

/* ---- made ---- */

static int gallery_allocate(struct rt_gallery *g, int samples)
{
    size_t n = (size_t)samples + 1;
    g->name = calloc(n, sizeof *g->name);
    g->embedding = calloc(n * (size_t)g->dim, sizeof *g->embedding);
    g->samples = calloc(n, sizeof *g->samples);
    return g->name && g->embedding && g->samples ? 0 : RT_EMEM;
}

static void gallery_normalise(struct rt_gallery *g)
{
    for (int i = 0; i < g->people; i++) {
        float *x = g->embedding + (size_t)g->dim * (size_t)i;
        double square = 0;
        for (int k = 0; k < g->dim; k++)
            square += (double)x[k] * x[k];
        for (int k = 0; square > 0 && k < g->dim; k++)
            x[k] = (float)(x[k] / sqrt(square));
    }
}

int rt_gallery_make(struct rt_gallery *g, const struct rt_evaluation *v, const char *column, double *eer,
                    struct rt_error *e)
{
    const struct rt_manifest *m = v->session.dataset.manifest;
    struct enrolment n = {v, rt_manifest_column(m, column), NULL};
    *g = (struct rt_gallery){.dim = v->model.dim, .views = v->views, .model = v->model.key, .threshold = NAN};
    *eer = NAN;
    if (n.column < 0)
        return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s'", rt_manifest_path(m), column);
    n.who = malloc(sizeof *n.who * ((size_t)v->count + 1));
    int rc = n.who ? gallery_allocate(g, v->count) : RT_EMEM;
    if (rc == 0)
        rc = gallery_gather(g, &n);
    if (rc == 0)
        rc = gallery_find_threshold(g, &n, eer);
    free(n.who);
    if (rc < 0)
        return rt_error_set(e, rc, "no memory for the people of %d samples", v->count);
    gallery_normalise(g);
    return g->people ? 0 : rt_error_set(e, RT_ENODATA, "%s: no usable sample has a value in column '%s'",
                                        rt_manifest_path(m), column);
}

void rt_gallery_fini(struct rt_gallery *g)
{
    for (int i = 0; g->name && i < g->people; i++)
        free(g->name[i]);
    free(g->name);
    free(g->embedding);
    free(g->samples);
    *g = (struct rt_gallery){.people = 0};
}

/* ---- as a file ---- */

static int gallery_set_texts(const struct rt_gallery *g, struct rt_safetensors *s)
{
    char text[96];
    size_t size = 1;
    for (int i = 0; i < g->people; i++)
        size += strlen(g->name[i]) + 1;
    char *names = malloc(size), *at = names;
    for (int i = 0; names && i < g->people; i++)
        at = stpcpy(stpcpy(at, g->name[i]), i + 1 < g->people ? "\n" : "");
    int rc = names ? rt_safetensors_set_text(s, "retort.names", names) : RT_EMEM;
    free(names);
    RT_TRY(rc);
    snprintf(text, sizeof text, "model %016llx%016llx", (unsigned long long)g->model.hi,
             (unsigned long long)g->model.lo);
    RT_TRY(rt_safetensors_set_text(s, MARK, text));
    snprintf(text, sizeof text, "%d %d %d", g->views.whole, g->views.crops, g->views.flips);
    RT_TRY(rt_safetensors_set_text(s, "retort.views", text));
    if (isnan(g->threshold))
        return 0;
    snprintf(text, sizeof text, "%.17g", g->threshold);
    return rt_safetensors_set_text(s, "retort.threshold", text);
}

static int gallery_fill(const struct rt_gallery *g, struct rt_safetensors *s)
{
    int64_t dim[2] = {g->people, g->dim};
    struct rt_tensor embedding = rt_tensor_view(RT_F32, 2, dim, g->embedding);
    struct rt_tensor samples = rt_tensor_view(RT_I32, 1, dim, g->samples);
    RT_TRY(rt_safetensors_add(s, "embedding", &embedding));
    RT_TRY(rt_safetensors_add(s, "samples", &samples));
    RT_TRY(gallery_set_texts(g, s));
    return rt_safetensors_seal(s);
}

int rt_gallery_write(const struct rt_gallery *g, const char *path, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = gallery_fill(g, s);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc)) : rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int gallery_read_names(struct rt_gallery *g, const char *text)
{
    for (;;) {
        size_t n = strcspn(text, "\n");
        if (!(g->name[g->people] = strndup(text, n)))
            return RT_EMEM;
        g->people++;
        if (!text[n])
            return 0;
        text += n + 1;
    }
}

/* No score is above that of a person whose numbers are none: that one would be the answer to everything. */
static int gallery_check(const struct rt_gallery *g, size_t people)
{
    for (size_t i = 0; i < people; i++)
        if (g->samples[i] < 1)
            return RT_EFORMAT;
    for (size_t i = 0; i < people * (size_t)g->dim; i++)
        if (!isfinite(g->embedding[i]))
            return RT_ENOTFINITE;
    return 0;
}

/* Sizes are those of the tensors at hand; names must be as many. */
static int gallery_take(struct rt_gallery *g, const struct rt_safetensors *s)
{
    const struct rt_tensor *x = rt_safetensors_get(s, "embedding"), *n = rt_safetensors_get(s, "samples");
    const char *mark = rt_safetensors_text(s, MARK), *names = rt_safetensors_text(s, "retort.names");
    const char *views = rt_safetensors_text(s, "retort.views"), *threshold = rt_safetensors_text(s, "retort.threshold");
    unsigned long long hi, lo;
    int whole, flips;
    if (!x || !n || !mark || !names || !views || x->dtype != RT_F32 || x->rank != 2 || n->dtype != RT_I32 ||
        n->rank != 1 || n->dim[0] != x->dim[0] || x->dim[0] < 1 || x->dim[1] < 1 || x->dim[0] > INT32_MAX ||
        x->dim[1] > INT32_MAX || sscanf(mark, "model %16llx%16llx", &hi, &lo) != 2 ||
        sscanf(views, "%d %d %d", &whole, &g->views.crops, &flips) != 3 || g->views.crops < 0 || g->views.crops > 1000)
        return RT_EFORMAT;
    int64_t lines = 1;
    for (const char *c = names; *c; c++)
        lines += *c == '\n';
    if (lines != x->dim[0])
        return RT_EFORMAT;
    g->views.whole = whole != 0;
    g->views.flips = flips != 0;
    g->model = (struct rt_key128){.lo = lo, .hi = hi};
    g->dim = (int)x->dim[1];
    char *end = NULL;
    g->threshold = threshold ? strtod(threshold, &end) : NAN;
    if (threshold && (end == threshold || *end || !isfinite(g->threshold)))
        return RT_EFORMAT;
    RT_TRY(gallery_allocate(g, (int)x->dim[0]));
    memcpy(g->embedding, x->data, rt_tensor_bytes(x));
    memcpy(g->samples, n->data, rt_tensor_bytes(n));
    RT_TRY(gallery_check(g, (size_t)x->dim[0]));
    return gallery_read_names(g, names);
}

int rt_gallery_read(struct rt_gallery *g, const char *path, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    *g = (struct rt_gallery){.threshold = NAN};
    RT_TRY(rt_safetensors_read(&s, path, e));
    int rc = gallery_take(g, s);
    rt_safetensors_destroy(s);
    if (rc == RT_EFORMAT)
        return rt_error_set(e, rc, "%s: is not a gallery, which retort enrol writes", path);
    return rc < 0 ? rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc)) : 0;
}

/* ---- asked ---- */

int rt_gallery_nearest(const struct rt_gallery *g, const float *embedding, int top, int *who, double *score)
{
    int found = 0;
    for (int i = 0; i < g->people; i++) {
        double s = rt_cosine(embedding, g->embedding + (size_t)g->dim * (size_t)i, g->dim);
        if (found == top && !(s > score[top - 1]))
            continue;
        int at = found < top ? found++ : top - 1; /* the last place, free or taken over */
        for (; at > 0 && s > score[at - 1]; at--) {
            score[at] = score[at - 1];
            who[at] = who[at - 1];
        }
        score[at] = s;
        who[at] = i;
    }
    return found;
}
