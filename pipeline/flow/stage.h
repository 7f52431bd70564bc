/* SPDX-License-Identifier: MIT
 * stage: the contract of everything that is done to a batch.
 *
 * The runner calls, for each stage:
 *   open   once, before the first batch, on the thread that calls rt_runner_run.
 *   work   once per batch, on a thread of libuv's pool. Gets the batch and changes it in place: unpacks
 *          the frames it needs, puts new ones, removes those nobody needs further on. With `workers`
 *          1 the calls come one after the other in seq order, though not always from the same thread;
 *          with more, several at once on different batches and in no order, and work may touch only
 *          its batch and what it guards itself. The batches leave in seq order either way.
 *          Returns 0, or a negative RT_E... with *e filled: the batch then carries the error in-band
 *          to the end, earlier batches are finished, later ones are not started, and the run ends.
 *          Bad samples are not errors: they are dropped (rt_batch_drop) and the rest goes on.
 *   close  once, after the last work has returned, on the thread of open, last stage first; also when
 *          the run failed, and when this stage's own open failed half-way (so open cleans up nothing).
 *          A stage whose open was never called is not closed.
 * work must not touch the loop, the queues or another stage. A batch with count 0 still comes (it may
 * carry marks). */
#ifndef RT_STAGE_H
#define RT_STAGE_H

#include "pipeline/flow/batch.h"

struct rt_stage_ops {
    const char *name;    /* "decode" */
    const char *summary; /* one line for help and screens */
    const char *remedy;  /* what to change when this stage limits the run */
    int (*open)(void *self, struct rt_error *e); /* may be NULL */
    int (*work)(void *self, struct rt_batch *b, struct rt_error *e);
    void (*close)(void *self); /* may be NULL */
};

/* Written by the loop thread only; read by others through rt_runner_account. Times in ns. */
struct rt_stage_stats {
    const char *name;
    int workers;       /* now */
    uint64_t batches, samples;
    uint64_t offered;  /* the time that there was: sum over workers */
    uint64_t busy;     /* sum over workers of time inside work */
    uint64_t p50, p95; /* time of a batch inside work, percentiles of the last ones; 0 = none yet */
    uint64_t wait_in;  /* idle because the input queue was empty */
    uint64_t wait_out; /* idle with a batch at hand: no place in the output queue, or no memory */
    uint64_t wait_memory; /* the part of wait_out that the memory limit caused */
    uint64_t bytes_in, bytes_out; /* packed bytes */
    uint64_t raw_out;             /* the same batches unpacked */
    int queue_waiting, queue_limit; /* input queue, now */
    size_t queue_bytes, queue_peak;
    const char *remedy; /* as in rt_stage_ops */
};

#endif
