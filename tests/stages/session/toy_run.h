/* SPDX-License-Identifier: MIT
 * toy_run: a training run of a moment, for tests of the session: a text student on a manifest of a few words, no
 * teacher, with validation and test samples. */
#ifndef RT_TOY_RUN_H
#define RT_TOY_RUN_H

#include "stages/session/training.h"
#include "tests/stages/toy.h"

#define TOY_RUN_SETTINGS                                                                           \
    "student.modality=text student.net=textbag text.buckets=64 student.embedding=4 train.batch=6 " \
    "train.threads=1 train.epochs=2 train.warmup=0 pipeline.decoders=2 run.keep=2 seed=5"
#define TOY_RUN_EPOCH 2 /* updates in an epoch: 12 rows to learn from in batches of 6 */

struct toy_run {
    struct rt_training training;
    struct rt_session session;
    struct rt_recipe recipe;
};

/* The manifest, and in t->recipe the settings of a run with it. */
static inline void toy_run_make(struct toy *t)
{
    static const char *const kind[] = {"red", "green", "blue"}, *const split[] = {"train", "train", "valid", "test"};
    char table[3000] = "id\tsplit\tlabel\ttext\n", set[400];
    toy_make(t, TOY_RUN_SETTINGS);
    for (int i = 0; i < 24; i++)
        sprintf(table + strlen(table), "s%d\t%s\t%s\ta %s thing %d\n", i, split[i % 4], kind[i % 3], kind[i % 3],
                i % 5);
    scratch_write(&t->dir, "words.tsv", table, strlen(table));
    snprintf(set, sizeof set, "data.manifest=%s/words.tsv cache.dir=%s/cache", t->dir.path, t->dir.path);
    toy_set(&t->recipe, set);
}

/* A run of t's recipe, opened; NULL *rc < 0 and t->e says why. To be closed in any case. */
static inline struct toy_run *toy_run_open(struct toy *t, struct rt_training_request request, int *rc)
{
    struct toy_run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->recipe = t->recipe;
    *rc = rt_training_open(&r->training, &r->session, &r->recipe, &request, &t->e);
    return r;
}

static inline void toy_run_close(struct toy_run *r)
{
    rt_training_close(&r->training);
    rt_session_close(&r->session);
    free(r);
}

/* All that it does, from the beginning or on. */
static inline int toy_run_whole(struct toy *t, struct rt_training_request request)
{
    int rc;
    struct toy_run *r = toy_run_open(t, request, &rc);
    if (rc == 0)
        rc = rt_training_run(&r->training, &t->e);
    toy_run_close(r);
    return rc;
}

/* All rows of a query on the run in a folder, a line each; stands until the next call. */
static inline int toy_run_row(void *self, int columns, const char **name, const char **value)
{
    char *text = self;
    size_t at = strlen(text);
    (void)name;
    for (int i = 0; i < columns && at < 19000; i++)
        at += (size_t)sprintf(text + at, "%s%s", value[i] ? value[i] : "-", i + 1 < columns ? " " : "\n");
    return 0;
}

static inline const char *toy_run_query(struct toy *t, const char *folder, const char *sql)
{
    static char text[20000];
    struct rt_rundb *db;
    *text = '\0';
    TOY_OK(t, rt_rundb_open_run(&db, folder, &t->e));
    TOY_OK(t, rt_rundb_query(db, sql, toy_run_row, text, &t->e));
    rt_rundb_close(db);
    return text;
}

/* The bytes of two files are the same. */
static inline void toy_run_same_file(const char *a, const char *b)
{
    size_t sizes[2];
    uint8_t *x = read_bytes(a, &sizes[0]), *y = read_bytes(b, &sizes[1]);
    if (sizes[0] != sizes[1] || memcmp(x, y, sizes[0]) != 0)
        fail_msg("%s and %s differ", a, b);
    free(x);
    free(y);
}

#endif
