/* SPDX-License-Identifier: MIT
 * runner: moves batches from a source through stages on a libuv loop.
 * Queues and scheduling belong to the loop thread (the caller of rt_runner_run); work runs on libuv's
 * pool. The loop starts a stage's work when its input has a batch, a worker is free, and its output
 * has a reserved place: back-pressure without locks or deadlock. The queues together hold at most
 * `memory` packed bytes: past it the source is asked for nothing more (at least one batch is always
 * let through, so a batch larger than the limit still passes).
 * SIGINT and SIGTERM stop the run after the work under way: queued batches are thrown away. */
#ifndef RT_RUNNER_H
#define RT_RUNNER_H

#include "pipeline/flow/stage.h"

#define RT_RUNNER_STAGES 8

/* Called on the loop thread; must be quick. *out = the next batch (ownership passes) or NULL at the
 * end. RT_E... ends the run. */
struct rt_source {
    void *self;
    int (*next)(void *self, struct rt_batch **out, struct rt_error *e);
};

/* Gets every batch that passed all stages, in seq order, on the loop thread, and must not keep it.
 * tick comes about every tick_ms milliseconds for progress lines; both may be NULL. */
struct rt_sink {
    void *self;
    void (*done)(void *self, const struct rt_batch *b);
    void (*tick)(void *self);
    int tick_ms;
};

struct rt_runner; /* opaque */

/* queue_batches: places of each queue; memory: bytes of all queues; signals: 1 = handle SIGINT,
 * SIGTERM. */
int rt_runner_create(struct rt_runner **out, int queue_batches, size_t memory, int signals);
void rt_runner_destroy(struct rt_runner *r);
/* Stages run in the order they were added. self is the stage's own state, borrowed. */
int rt_runner_add(struct rt_runner *r, const struct rt_stage_ops *ops, void *self, int workers);

/* Runs to the end. 0; RT_ESTOPPED after rt_runner_stop or a signal; else the first error.
 * Every stage's close has been called and no work is under way when this returns. Once per runner. */
int rt_runner_run(struct rt_runner *r, struct rt_source source, struct rt_sink sink,
                  struct rt_error *e);
/* Asks for the end; any thread, and from signal handlers. */
void rt_runner_stop(struct rt_runner *r);

/* Loop thread only (sink callbacks, or after run). Returns the number of stages filled in. */
int rt_runner_stats(const struct rt_runner *r, struct rt_stage_stats stats[RT_RUNNER_STAGES]);
/* One sentence naming the stage that limits the run, from the waiting times, and what to change:
 * "student limits the run (busy 97 %, decode waits 61 % for room): ...". */
void rt_runner_limit(const struct rt_runner *r, char *text, size_t size);
/* Largest sum of packed bytes the queues held. */
size_t rt_runner_peak(const struct rt_runner *r);

/* Sets libuv's pool size (UV_THREADPOOL_SIZE) for workers of all stages; call once at program start,
 * before any other use of libuv. */
void rt_runner_pool(int threads);

#endif
