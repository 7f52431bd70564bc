/* SPDX-License-Identifier: MIT
 * batch: what moves through the pipeline: a place in the run, the samples, and a set of frames.
 * A batch has one owner at a time (the source, a queue, a stage's work, the sink); ownership moves
 * with the pointer. Frames inside are shared and never change. */
#ifndef RT_BATCH_H
#define RT_BATCH_H

#include "formats/error.h"
#include "formats/frame.h"
#include <stdint.h>

#define RT_BATCH_FRAMES 512

enum rt_batch_kind {
    RT_BATCH_TRAIN, /* the student learns from it */
    RT_BATCH_EVAL,  /* the student is measured on it; nothing is augmented */
    RT_BATCH_SCORE  /* the scoring pass: raw samples for quality */
};
enum rt_batch_mark { /* in-band ends: the last batch of ... */
    RT_MARK_EPOCH = 1, /* an epoch's training batches */
    RT_MARK_EVAL = 2,  /* an evaluation */
    RT_MARK_END = 4    /* the run */
};

/* A sample that was left out of this batch, and why. */
struct rt_drop {
    int sample;   /* manifest row */
    int modality; /* enum rt_modality_id */
    int reason;   /* RT_E... */
    char text[200];
};

struct rt_batch {
    uint64_t seq;  /* 0, 1, 2, ... in the order the source made them; set by the runner */
    int epoch;     /* from 0 */
    int index;     /* within the epoch (TRAIN) or the evaluation (EVAL) */
    int64_t draw;   /* TRAIN: by what is drawn how a sample is presented: the epoch, or where a sample may come
                     * several times in one, the update */
    int64_t update; /* TRAIN of a run: the number of the update it is for, from 1; else 0 */
    enum rt_batch_kind kind;
    unsigned marks; /* enum rt_batch_mark */
    int count;      /* samples; may be 0 after drops */
    int *sample;    /* [count] manifest rows, owned */
    int *shard;     /* [count] the part of the batch that each is in, ascending from 0; owned */
    struct rt_drop *drop; /* [drops], owned */
    int drops;
    struct rt_frame *frame[RT_BATCH_FRAMES]; /* one reference each */
    int frames;
    struct rt_error error; /* code < 0: the batch carries the error that ends the run */
};

/* Copies sample[0..count). NULL when out of memory. */
struct rt_batch *rt_batch_create(enum rt_batch_kind kind, const int *sample, int count);
void rt_batch_destroy(struct rt_batch *b); /* NULL is fine */
/* A second batch of the same samples that shares the frames. NULL when out of memory. */
struct rt_batch *rt_batch_copy(const struct rt_batch *b);

/* Cuts the samples, before anything else is done to them, into `shards` parts as even as can be, none of a single
 * sample where there are more (few samples leave the last parts empty), and keeps those of parts first to
 * first + own - 1, which count from 0 then. */
void rt_batch_cut(struct rt_batch *b, int shards, int first, int own);
/* The most samples of one part, of batches of at most `count`. */
int rt_batch_shard_rows(int count, int shards);

/* Takes over the caller's reference, also on failure. A frame of that name is replaced.
 * RT_ELARGE past RT_BATCH_FRAMES. */
int rt_batch_put(struct rt_batch *b, struct rt_frame *f);
/* Packs and puts in one call. */
int rt_batch_pack(struct rt_batch *b, const char *name, const struct rt_tensor *t, int level);
/* Borrowed; NULL when absent. */
struct rt_frame *rt_batch_get(const struct rt_batch *b, const char *name);
/* Unpacks frame name into *t (caller fini's). RT_ENOTFOUND when absent. */
int rt_batch_unpack(const struct rt_batch *b, const char *name, struct rt_tensor *t,
                    struct rt_error *e);
void rt_batch_remove(struct rt_batch *b, const char *name);

/* Notes that sample was left out; text may be NULL. RT_EMEM. Does not touch sample[] and count: the
 * stage that drops takes the sample out of them and out of its frames together. */
int rt_batch_drop(struct rt_batch *b, int sample, int modality, int reason, const char *text);

/* Packed bytes of all frames: what the queues count. */
size_t rt_batch_bytes(const struct rt_batch *b);

#endif
