/* SPDX-License-Identifier: MIT
 * session: a data set in use: opened, scored, with its caches and the list of samples left out. What
 * run, inspect, eval and embed have in common. */
#ifndef RT_SESSION_H
#define RT_SESSION_H

#include "pipeline/flow/runner.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/store.h"
#include "pipeline/ranks/ranks.h"
#include "stages/decode.h"
#include "stages/teacher.h"
#include "stages/model/model.h"
#include "stages/quality.h"
#include "stages/session/column_measures.h"
#include "stages/session/watch.h"

/* How the pipeline is to be run; from a recipe, or its defaults. */
struct rt_session_limits {
    int decoders;      /* 1 or more */
    int most_decoders; /* that may be asked for while it runs */
    int batches;   /* places of a queue */
    size_t memory; /* bytes of all queues */
    int level;     /* zstd */
    bool strict;
};

struct rt_session {
    struct rt_session_limits limits;
    struct rt_watch watch; /* who is told of what it does */
    struct rt_dataset dataset;
    struct rt_datafiles *sources; /* of the data set's files */
    struct rt_content content;
    struct rt_column_measures columns; /* the caller's to read before scoring; none at first */
    const struct rt_front *tokens; /* the caller's to set before scoring: of a model that reads texts by a tokenizer */
    struct rt_scores scores;
    struct rt_ranks *ranks; /* who score with this one (shared_scores.h): the caller's to set, NULL = alone */
    struct rt_store *shards, *quality, *features[RT_MODALITIES], *sound; /* sound: as decoded */
    char cache[4096];
    uint64_t cache_bytes;
    struct rt_drop *left; /* samples left out, each (sample, modality) once, in manifest order */
    int left_count, left_room;
    uint8_t *left_mark; /* [rows] bit of each modality already in left */
    void *left_lock;
};

struct rt_session_limits rt_session_limits_of(const struct rt_recipe *r);

/* Loads the manifest (rt_dataset_load's arguments) and opens the caches; a cache that cannot be opened
 * is done without, and said. watch is copied, NULL = nobody. Closing is fine after a failure. */
int rt_session_open(struct rt_session *s, const struct rt_recipe *r, const char *manifest, double labels,
                    const char *const *class_name, int classes, const struct rt_watch *watch, struct rt_error *e);
void rt_session_close(struct rt_session *s);

/* The scoring pass over all rows, with ranks over this one's part, for the modalities given; front[m] NULL = no
 * features are prepared. Fills content, scores, reason[] and left, of all rows. RT_ESTOPPED on a signal; with ranks as
 * shared_scores.h. */
int rt_session_score(struct rt_session *s, const bool modality[RT_MODALITIES],
                     const struct rt_front *const front[RT_MODALITIES], struct rt_error *e);

/* Where its samples are read, with the sound that was decoded before. */
struct rt_raw_source rt_session_raw(const struct rt_session *s);

/* TF-IDF weights of the text front end fitted on rows: *idf malloc'ed, [text.buckets]. */
int rt_session_fit_idf(const struct rt_session *s, const struct rt_recipe *r, const int *rows,
                       int count, float **idf, struct rt_error *e);

/* Adds to the list in its order (thread-safe); a (sample, modality) already there is not added
 * again. */
void rt_session_leave_out(void *session, const struct rt_drop *drop);
/* While it is held nobody adds to the list; any thread, not the one that holds it. */
void rt_session_hold(const struct rt_session *s, bool on);
/* The first entry of a row, NULL = not left out. With the list held, or when nobody adds any more. */
const struct rt_drop *rt_session_drop(const struct rt_session *s, int row);
/* "31 of 6,412 samples left out: 29 unreadable audio, 2 empty picture"; "" when none. */
void rt_session_summary(const struct rt_session *s, char *text, size_t size);

/* Outputs of a frozen model for rows, in their order; rows the model has no input for have have = 0.
 * Any pointer may be NULL. feature: only of models with a teacher's head. views: NULL = one, as in training; whole only
 * where rt_net_lengths says so; of several, outputs are means (stages/teacher.h). */
struct rt_outputs {
    uint8_t *have;                       /* [count] */
    float *embedding, *logits, *feature; /* [count, dim], [count, classes], [count, teacher_dim] */
};
int rt_session_infer(struct rt_session *s, struct rt_model *m, const int *rows, int count,
                     bool feature, const struct rt_views *views, struct rt_outputs *out, struct rt_error *e);
void rt_outputs_fini(struct rt_outputs *o);

#endif
