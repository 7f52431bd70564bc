/* SPDX-License-Identifier: MIT
 * toy: a small real data set in a temporary folder and the stages' view of it, for tests of the stages:
 * recordings written here, pictures copied from tests/data, texts in the manifest. */
#ifndef RT_TOY_H
#define RT_TOY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "formats/file.h"
#include "formats/recipe.h"
#include "pipeline/flow/runner.h"
#include "pipeline/data/sampler.h"
#include "stages/decode.h"
#include "stages/teacher.h"
#include "stages/model/model.h"
#include "stages/quality.h"
#include "tests/support/support.h"

struct toy {
    struct scratch dir;
    struct rt_recipe recipe;
    struct rt_dataset data;
    struct rt_content content;
    struct rt_front front; /* of recipe */
    struct rt_error e;
};

/* The folder goes. */
static inline void toy_drop(struct toy *t)
{
    scratch_remove(&t->dir);
}

/* Fails with the message when rc is not 0. */
#define TOY_OK(t, call)                                                                            \
    do {                                                                                           \
        int toy_rc = (call);                                                                       \
        if (toy_rc)                                                                                \
            fail_msg("%s: %d: %s", #call, toy_rc, (t)->e.text);                                    \
    } while (0)

static inline void toy_set(struct rt_recipe *r, const char *assignments)
{
    char list[600], *save;
    struct rt_error e;
    snprintf(list, sizeof list, "%s", assignments);
    for (char *w = strtok_r(list, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (rt_recipe_set(r, w, &e) < 0)
            fail_msg("%s", e.text);
}

static inline void toy_make(struct toy *t, const char *assignments)
{
    memset(t, 0, sizeof *t);
    scratch_make(&t->dir);
    rt_recipe_init(&t->recipe);
    toy_set(&t->recipe, assignments);
    t->front = rt_front_of(&t->recipe);
}

static inline void toy_copy(struct toy *t, const char *from, const char *name)
{
    uint8_t *bytes;
    size_t size;
    TOY_OK(t, rt_file_read(from, RT_FILE_MAX, &bytes, &size, &t->e));
    scratch_write(&t->dir, name, bytes, size);
    free(bytes);
}

/* A 16 kHz recording of a wandering tone; other seeds sound otherwise. */
static inline void toy_wav(struct toy *t, const char *name, int seed, int samples)
{
    uint8_t *w = calloc(1, 44 + 2 * (size_t)samples);
    assert_non_null(w);
    /* file size; size of fmt, format and channels, rate, bytes a second, block and bits; data size */
    uint32_t field[] = {36 + 2 * (uint32_t)samples, 16, 0x00010001, 16000, 32000, 0x00100002,
                        2 * (uint32_t)samples};
    memcpy(w, "RIFF", 4);
    memcpy(w + 4, &field[0], 4);
    memcpy(w + 8, "WAVEfmt ", 8);
    memcpy(w + 16, &field[1], 20);
    memcpy(w + 36, "data", 4);
    memcpy(w + 40, &field[6], 4);
    for (int i = 0; i < samples; i++) {
        double s = i / 16000.0, f = 200 + 60 * seed + 90 * sin(5 * s);
        int16_t v = (int16_t)(9000 * sin(6.2832 * f * s) * (0.4 + 0.5 * sin(9 * s) * sin(9 * s)));
        memcpy(w + 44 + 2 * i, &v, 2);
    }
    scratch_write(&t->dir, name, w, 44 + 2 * (size_t)samples);
    free(w);
}

static inline void toy_load(struct toy *t, const char *table)
{
    scratch_write(&t->dir, "m.tsv", table, strlen(table));
    TOY_OK(t, rt_dataset_load(&t->data, scratch_file(&t->dir, "m.tsv"), 1, 1, NULL, 0, &t->e));
    TOY_OK(t, rt_content_init(&t->content, t->data.count));
}

static inline void toy_fini(struct toy *t)
{
    rt_content_fini(&t->content);
    rt_dataset_fini(&t->data);
    scratch_remove(&t->dir);
}

static inline struct rt_decode toy_decode(struct toy *t)
{
    return (struct rt_decode){.dataset = &t->data, .content = &t->content, .seed = 5, .level = 1};
}

static inline struct rt_batch *toy_batch(enum rt_batch_kind kind, const int *rows, int count)
{
    struct rt_batch *b = rt_batch_create(kind, rows, count);
    assert_non_null(b);
    return b;
}

static inline const void *toy_frame(const struct rt_batch *b, const char *name, struct rt_tensor *t)
{
    struct rt_error e;
    if (rt_batch_unpack(b, name, t, &e) < 0)
        fail_msg("no frame %s", name);
    return t->data;
}

/* One number for the samples and every frame of a batch. */
static inline uint64_t toy_digest(const struct rt_batch *b)
{
    struct rt_key128 k = rt_key128_of(b->sample, sizeof *b->sample * (size_t)b->count,
                                      (struct rt_key128){(uint64_t)b->frames + 1, 0});
    for (int i = 0; i < b->frames; i++) {
        size_t size;
        const void *bytes = rt_frame_bytes(b->frame[i], &size);
        k = rt_key128_of(bytes, size, k);
    }
    return k.lo;
}

struct toy_digests {
    uint64_t of[64];
    int count;
};

static inline void toy_take(void *self, const struct rt_batch *b)
{
    struct toy_digests *d = self;
    assert_true(d->count < 64);
    d->of[d->count++] = toy_digest(b);
}

/* All rows in batches of `batch` through the stages with `workers` each, on a real runner. */
static inline struct toy_digests toy_run(struct toy *t, enum rt_batch_kind kind, int batch,
                                         int workers, const struct rt_stage_ops *const *ops,
                                         void *const *self, int stages)
{
    struct rt_runner *runner;
    struct rt_lister *lister;
    struct toy_digests d = {.count = 0};
    int *rows = calloc((size_t)t->data.count, sizeof *rows);
    for (int i = 0; i < t->data.count; i++)
        rows[i] = i;
    TOY_OK(t, rt_lister_create(&lister, kind, rows, t->data.count, batch));
    TOY_OK(t, rt_runner_create(&runner, 2, 1 << 24, 0));
    for (int i = 0; i < stages; i++)
        TOY_OK(t, rt_runner_add(runner, ops[i], self[i], workers));
    TOY_OK(t, rt_runner_run(runner, rt_lister_source(lister),
                            (struct rt_sink){.self = &d, .done = toy_take}, &t->e));
    rt_runner_destroy(runner);
    rt_lister_destroy(lister);
    free(rows);
    return d;
}

static inline void toy_same(struct toy_digests a, struct toy_digests b)
{
    assert_true(a.count > 0);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.of, b.of, sizeof a.of[0] * (size_t)a.count);
}

/* Scores every row in one batch with the real stages; q may be NULL: content keys only. */
static inline void toy_score(struct toy *t, struct rt_decode *d, struct rt_quality *q)
{
    int rows[64];
    for (int i = 0; i < t->data.count; i++)
        rows[i] = i;
    struct rt_batch *b = toy_batch(RT_BATCH_SCORE, rows, t->data.count);
    TOY_OK(t, rt_stage_decode.work(d, b, &t->e));
    if (q)
        TOY_OK(t, rt_stage_quality.work(q, b, &t->e));
    rt_batch_destroy(b);
}

#endif
