/* SPDX-License-Identifier: MIT
 * session_texts: what is done with all texts of a manifest before the first update: measuring, TF-IDF. Not a pipeline:
 * they stand in memory, and a text is measured and hashed in less time than it takes to hand it on, or to ask a cache.
 * So each thread takes some rows at a time, and writes what is theirs alone. */
#include "stages/session/session_parts.h"

#include "stages/modality/idf.h"
#include "stages/modality/text_buckets.h"
#include "stages/nn/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define ROWS 1024       /* of a piece */
#define PROGRESS 262144 /* rows between two looks at how far it is */

/* Without memory for threads all is done here. */
static struct rt_parallel *texts_threads(const struct rt_session *s, int count)
{
    struct rt_parallel *p = NULL;
    int pieces = rt_pieces(count, ROWS), threads = s->limits.decoders < pieces ? s->limits.decoders : pieces;
    if (threads > 1 && rt_parallel_create(&p, threads) < 0)
        return NULL;
    return p;
}

/* ---- measuring ----
 * The same key, measures and refusals as decode and quality give a sample of any other modality. Of several texts that
 * end the run the first counts, whichever thread came to one first. */

struct measuring {
    struct rt_session *s;
    const struct rt_modality *text; /* how they are read */
    int id;      /* column */
    int first;   /* row of piece 0 */
    int end;     /* rows of this look */
    uv_mutex_t lock; /* what follows */
    int failed;  /* the first row that ends the run; behind the last = none yet */
    struct rt_error why;
};

static int text_measure_row(const struct measuring *g, int row, struct rt_datafile *f, struct rt_error *e)
{
    struct rt_session *s = g->s;
    const struct rt_manifest *m = s->dataset.manifest;
    const struct rt_modality *text = g->text;
    struct rt_key128 key;
    double value[RT_MEASURES_MAX];
    rt_datafile_of_text(f, rt_manifest_cell(m, row, s->dataset.column[RT_TEXT]), rt_manifest_cell(m, row, g->id));
    RT_TRY(rt_content_key(f, text, &key, e));
    struct rt_tensor raw = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)f->input.size},
                                          (void *)(uintptr_t)f->input.bytes);
    int rc = text->measure(&raw, NULL, value, e);
    if (rc < 0) {
        rt_error_prefix(e, "%s", f->name);
        return rc;
    }
    s->content.key[RT_TEXT][row] = key;
    s->content.cut[row] = s->tokens && rt_tokens_cut(s->tokens, &raw);
    float *out = s->scores.value + (size_t)row * (size_t)s->scores.columns;
    for (int i = 0; i < rt_modality_text.measure_count; i++)
        out[s->scores.first[RT_TEXT] + i] = (float)value[i];
    return 0;
}

static void text_refuse(struct measuring *g, int row, const struct rt_error *why)
{
    struct rt_drop drop = {.sample = row, .modality = RT_TEXT, .reason = why->code};
    if (why->code != RT_EMEM && !g->s->limits.strict) {
        g->s->dataset.reason[RT_TEXT][row] = (int8_t)why->code;
        snprintf(drop.text, sizeof drop.text, "%.*s", (int)sizeof drop.text - 1, why->text);
        rt_session_leave_out(g->s, &drop);
        return;
    }
    uv_mutex_lock(&g->lock);
    if (row < g->failed) {
        g->failed = row;
        g->why = *why;
    }
    uv_mutex_unlock(&g->lock);
}

static void texts_measure_piece(void *self, int piece, int thread)
{
    struct measuring *g = self;
    struct rt_datafile f;
    int first = g->first + piece * ROWS, end = first + ROWS < g->end ? first + ROWS : g->end;
    (void)thread;
    for (int row = first; row < end; row++) {
        struct rt_error why = {0};
        if (g->s->dataset.reason[RT_TEXT][row] == 0 && text_measure_row(g, row, &f, &why) < 0)
            text_refuse(g, row, &why);
    }
}

int rt_session_score_texts(struct rt_session *s, bool tokens, int first, int behind, bool tell, int *last,
                           struct rt_error *e)
{
    const struct rt_watch nobody = {NULL}, *watch = tell ? &s->watch : &nobody;
    int rows = behind - first;
    struct measuring g = {
        .s = s, .text = tokens ? &rt_modality_tokens : &rt_modality_text, .first = first,
        .id = rt_manifest_column(s->dataset.manifest, "id"), .failed = behind,
    };
    *last = behind - 1;
    if (uv_mutex_init(&g.lock) != 0)
        return rt_error_set(e, RT_EMEM, "no memory to measure %d texts", rows);
    struct rt_parallel *p = texts_threads(s, rows);
    rt_watch_progress(watch, "scoring", 0, rows);
    for (; g.first < behind && g.failed == behind; g.first = g.end) {
        g.end = behind - g.first < PROGRESS ? behind : g.first + PROGRESS;
        rt_parallel_for(p, rt_pieces(g.end - g.first, ROWS), texts_measure_piece, &g);
        rt_watch_progress(watch, "scoring", g.end - first, rows);
    }
    rt_watch_progress(watch, NULL, 0, 0);
    rt_parallel_destroy(p);
    uv_mutex_destroy(&g.lock);
    if (g.failed < behind)
        *last = g.failed;
    return g.failed < behind ? rt_error_set(e, g.why.code, "%s", g.why.text) : 0;
}

/* ---- TF-IDF ----
 * Each thread counts for itself; sums of integers are the same whoever counted what. */

struct counting {
    const struct rt_dataset *dataset;
    const int *rows;
    int count;
    struct rt_idf *fit;              /* [threads] */
    struct rt_text_buckets *buckets; /* [threads] */
    int *failed;                     /* [threads] RT_EMEM */
};

static void texts_count_piece(void *self, int piece, int thread)
{
    struct counting *g = self;
    int first = piece * ROWS, end = first + ROWS < g->count ? first + ROWS : g->count;
    for (int i = first; i < end; i++) {
        const char *text = rt_manifest_cell(g->dataset->manifest, g->rows[i], g->dataset->column[RT_TEXT]);
        int64_t n = rt_text_buckets_find(&g->buckets[thread], text, strlen(text));
        if (n >= 0) /* a text that cannot be used was left out, and counts for nothing */
            rt_idf_add(&g->fit[thread], g->buckets[thread].met, n);
        else if (n == RT_EMEM)
            g->failed[thread] = RT_EMEM;
    }
}

/* Joins all into the first. */
static int texts_count(struct counting *g, const struct rt_front *front, struct rt_parallel *p, int threads)
{
    for (int t = 0; t < threads; t++) {
        RT_TRY(rt_idf_init(&g->fit[t], front->text.buckets));
        RT_TRY(rt_text_buckets_init(&g->buckets[t], front));
    }
    rt_parallel_for(p, rt_pieces(g->count, ROWS), texts_count_piece, g);
    for (int t = 0; t < threads; t++) {
        RT_TRY(g->failed[t]);
        if (t > 0)
            rt_idf_join(&g->fit[0], &g->fit[t]);
    }
    return 0;
}

int rt_session_fit_idf(const struct rt_session *s, const struct rt_recipe *r, const int *rows,
                       int count, float **idf, struct rt_error *e)
{
    struct rt_front front = rt_front_of(r);
    struct rt_parallel *p = texts_threads(s, count);
    int threads = p ? rt_parallel_threads(p) : 1;
    size_t n = (size_t)threads;
    struct counting g = {
        .dataset = &s->dataset, .rows = rows, .count = count, .fit = calloc(n, sizeof *g.fit),
        .buckets = calloc(n, sizeof *g.buckets), .failed = calloc(n, sizeof *g.failed),
    };
    *idf = malloc(sizeof **idf * (size_t)r->text_buckets);
    int rc = g.fit && g.buckets && g.failed && *idf ? texts_count(&g, &front, p, threads) : RT_EMEM;
    if (rc == 0)
        rt_idf_fit(&g.fit[0], *idf);
    for (int t = 0; t < threads; t++) {
        if (g.fit)
            rt_idf_fini(&g.fit[t]);
        if (g.buckets)
            rt_text_buckets_fini(&g.buckets[t]);
    }
    free(g.fit);
    free(g.buckets);
    free(g.failed);
    rt_parallel_destroy(p);
    if (rc == 0)
        return 0;
    free(*idf);
    *idf = NULL;
    return rt_error_set(e, rc, "cannot fit TF-IDF: %s", rt_err_words(rc));
}
