/* SPDX-License-Identifier: MIT
 * learner_toy: a learner without a pipeline: two small text networks, one the other's teacher, and
 * minibatches made of numbers. A network of linear layers on bags of words has no batch-norm, so
 * parts of a minibatch are independent. */
#ifndef RT_LEARNER_TOY_H
#define RT_LEARNER_TOY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stages/distill/learner.h"

#define ROWS 16    /* of the data set */
#define CLASSES 3
#define BUCKETS 64
#define WORDS 3    /* of a sample */
#define MEASURES 2

struct learner_toy {
    struct rt_recipe recipe;
    struct rt_model teacher;
    /* of all rows of the data set */
    int32_t bucket[ROWS][WORDS], label[ROWS];
    float value[ROWS][MEASURES], quality[ROWS][MEASURES], factor[ROWS];
    const char *const *measure; /* [MEASURES] */
    uint8_t have[ROWS];
    const struct rt_trials *trials; /* NULL = none */
    int shards; /* of a learner; 0 = 1 */
    float *embedding, *logits; /* [ROWS, ...] the teacher's */
    struct rt_error e;
};

static inline void lt_ok_(struct learner_toy *t, int rc, const char *call)
{
    if (rc < 0)
        fail_msg("%s: %d: %s", call, rc, t->e.text);
}
#define LT_OK(t, call) lt_ok_((t), (call), #call)

static inline float lt_uniform(uint32_t *seed) /* -1..1 */
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1;
}

static inline void lt_set(struct learner_toy *t, const char *assignments)
{
    char list[600], *save;
    snprintf(list, sizeof list, "%s", assignments);
    for (char *w = strtok_r(list, " ", &save); w; w = strtok_r(NULL, " ", &save))
        LT_OK(t, rt_recipe_set(&t->recipe, w, &t->e));
}

static inline void lt_model(struct learner_toy *t, struct rt_model *m, const struct rt_model *teacher)
{
    static const char *const names[] = {"a", "b", "c"};
    LT_OK(t, rt_model_create(m, &t->recipe, names, CLASSES, &teacher, teacher != NULL, NULL, NULL, &t->e));
}

/* Samples of every kind: row 4 has no label, rows 5 and 9 no teacher, some are badly measured. */
static inline void lt_make(struct learner_toy *t, const char *assignments)
{
    uint32_t seed = 11;
    static const char *const measure[MEASURES] = {"sharp", "loud"};
    memset(t, 0, sizeof *t);
    t->measure = measure;
    rt_recipe_init(&t->recipe);
    lt_set(t, "student.modality=text student.net=textbag text.buckets=64 student.embedding=6 seed=3");
    lt_model(t, &t->teacher, NULL);
    lt_set(t, "student.embedding=5 seed=8 train.batch=16 train.threads=1 train.schedule=constant "
              "train.warmup=0 train.lr=0.01 "
              "distill.l2.lambda=2 distill.kl.lambda=1 distill.kl.quantile=0.4 weight.floor=0.1 weight.map=percentile");
    lt_set(t, assignments);
    t->embedding = calloc(ROWS * (size_t)t->teacher.dim, sizeof(float));
    t->logits = calloc(ROWS * CLASSES, sizeof(float));
    assert_true(t->embedding && t->logits);
    for (int i = 0; i < ROWS; i++) {
        t->label[i] = i == 4 ? -1 : i % CLASSES;
        t->have[i] = i != 5 && i != 9;
        t->factor[i] = 1;
        for (int w = 0; w < WORDS; w++)
            t->bucket[i][w] = w == 0 ? i % CLASSES : (i * 7 + w * 13) % BUCKETS;
        for (int q = 0; q < MEASURES; q++)
            t->quality[i][q] = (i + q) % 5 == 0 ? NAN : 0.5f + 0.5f * lt_uniform(&seed);
        for (int d = 0; d < t->teacher.dim; d++)
            t->embedding[i * t->teacher.dim + d] = lt_uniform(&seed) * (float)(1 + i % 4);
        for (int c = 0; c < CLASSES; c++)
            t->logits[i * CLASSES + c] = lt_uniform(&seed) + (c == i % CLASSES ? 2 : 0);
    }
}

static inline void lt_fini(struct learner_toy *t)
{
    rt_model_fini(&t->teacher);
    free(t->embedding);
    free(t->logits);
}

static inline struct rt_learner_settings lt_settings(const struct learner_toy *t)
{
    struct rt_learner_settings s;
    rt_learner_settings_of(&t->recipe, &s);
    return s;
}

static inline int lt_step(const struct learner_toy *t, struct rt_learner *l, const struct rt_minibatch *b,
                          struct rt_step_report *r, struct rt_error *e)
{
    struct rt_learner_settings s = lt_settings(t);
    return rt_learner_step(l, b, &s, r, e);
}

static inline int lt_conclude(struct learner_toy *t, struct rt_learner *l, struct rt_eval_report *r)
{
    struct rt_learner_settings s = lt_settings(t);
    return rt_learner_conclude(l, &s, r, &t->e);
}

/* A learner and its model. */
struct lt_learner {
    struct rt_model model;
    struct rt_learner *learner;
};

static inline int lt_start(struct learner_toy *t, struct lt_learner *l, int teachers, int threads,
                           const struct rt_exchange *others)
{
    const struct rt_model *const teacher[] = {&t->teacher};
    struct rt_learner_settings settings = lt_settings(t);
    struct rt_learner_config c = {
        .model = &l->model, .teacher = teacher, .teachers = teachers, .settings = &settings,
        .optimizer = t->recipe.train_optimizer, .batch = ROWS, .shards = t->shards ? t->shards : 1, .threads = threads,
        .rows = ROWS, .measure = t->measure, .measures = MEASURES, .steps = 20, .others = others,
        .trials = t->trials,
    };
    lt_model(t, &l->model, teachers ? &t->teacher : NULL);
    return rt_learner_create(&l->learner, &c, &t->e);
}

static inline void lt_stop(struct lt_learner *l)
{
    rt_learner_destroy(l->learner);
    rt_model_fini(&l->model);
}

/* Rows of the data set as a minibatch; its arrays live here. */
struct lt_batch {
    struct rt_minibatch b;
    struct rt_taught taught;
    int sample[ROWS], shard[ROWS], keep[ROWS];
    int32_t offset[ROWS + 1], bucket[ROWS * WORDS], label[ROWS];
    float weight[ROWS * WORDS], factor[ROWS], logits[ROWS * CLASSES];
    float value[ROWS * MEASURES], quality[ROWS * MEASURES];
    uint8_t have[ROWS];
    float embedding[ROWS * 8];
};

static inline void lt_batch(const struct learner_toy *t, struct lt_batch *b, const int *rows, int count)
{
    size_t dim = (size_t)t->teacher.dim;
    assert_true(count <= ROWS && dim <= 8);
    memset(b, 0, sizeof *b);
    for (int i = 0; i < count; i++) {
        int row = b->sample[i] = rows[i];
        b->offset[i + 1] = b->offset[i] + WORDS;
        memcpy(b->bucket + i * WORDS, t->bucket[row], sizeof t->bucket[row]);
        for (int w = 0; w < WORDS; w++)
            b->weight[i * WORDS + w] = 1.0f / WORDS;
        b->label[i] = t->label[row];
        b->factor[i] = t->factor[row];
        memcpy(b->value + i * MEASURES, t->value[row], sizeof t->value[row]);
        memcpy(b->quality + i * MEASURES, t->quality[row], sizeof t->quality[row]);
        b->have[i] = t->have[row];
        memcpy(b->embedding + (size_t)i * dim, t->embedding + (size_t)row * dim, sizeof(float) * dim);
        memcpy(b->logits + i * CLASSES, t->logits + row * CLASSES, sizeof(float) * CLASSES);
    }
    b->taught = (struct rt_taught){b->have, b->embedding, b->logits};
    b->b = (struct rt_minibatch){
        .count = count, .sample = b->sample, .bags = {b->offset, b->bucket, b->weight}, .label = b->label,
        .factor = b->factor, .value = b->value, .percentile = b->quality, .taught = &b->taught,
    };
}

/* One number for all that a checkpoint holds; states 0: but for what is known of samples. */
static inline struct rt_key128 lt_fingerprint(struct learner_toy *t, const struct lt_learner *l, int states)
{
    struct rt_safetensors *s;
    struct rt_key128 k = {0, 0};
    const char *name;
    LT_OK(t, rt_safetensors_create(&s));
    LT_OK(t, rt_learner_save(l->learner, s));
    for (int i = 0; i < rt_safetensors_count(s); i++) {
        const struct rt_tensor *x = rt_safetensors_at(s, i, &name);
        if (!states && strncmp(name, "samples.", 8) == 0)
            continue;
        k = rt_key128_of(name, strlen(name), k);
        k = rt_key128_of(x->data, rt_tensor_bytes(x), k);
    }
    const char *progress = rt_safetensors_text(s, "retort.progress");
    k = rt_key128_of(progress, strlen(progress), k);
    rt_safetensors_destroy(s);
    return k;
}

static inline void lt_same(struct learner_toy *t, const struct lt_learner *a, const struct lt_learner *b, int states)
{
    struct rt_key128 x = lt_fingerprint(t, a, states), y = lt_fingerprint(t, b, states);
    assert_true(x.lo == y.lo && x.hi == y.hi);
}

#endif
