/* SPDX-License-Identifier: MIT
 * runner: moves batches from a source through stages on a libuv loop.
 * Queues and scheduling belong to the loop thread (the caller of rt_runner_run); work runs on libuv's
 * pool. The loop starts a stage's work when its input has a batch, a worker is free, and its output
 * has a reserved place: back-pressure without locks or deadlock. A batch that is ready before its turn
 * waits in its reserved place; so batches leave every stage in order. A queue has `queue_batches`
 * places, plus one for each worker but the first of the stage that fills it. Limits may be changed while
 * the run goes on; what is on its way above a lower limit drains.
 * Memory: a stage takes a batch only when all waiting batches, and those under work at the largest
 * packed size that their stage has put out so far, fit in `memory`. Only sizes not seen before can
 * pass it: at most one batch per worker. The stage with nothing before it on the way to the sink may
 * always take one batch, so a batch larger than the limit still passes. The frames of the batch that
 * each stage put out last are kept besides, for those who ask to see them: one batch per stage at most.
 * An error ends the run at one place in the order: batches before it reach the sink, those behind it
 * are thrown away. Of several errors the one of the earliest batch counts, whatever came first.
 * SIGINT, SIGTERM, SIGHUP and SIGXCPU stop the run after the work under way, as rt_runner_stop does: queued
 * batches are thrown away. A finished batch of the last stage still reaches the sink. One of them that was ignored
 * when the run began (nohup) does nothing. */
#ifndef RT_RUNNER_H
#define RT_RUNNER_H

#include "pipeline/flow/account.h"

#define RT_RUNNER_BATCHES 1024 /* the highest limit of a queue */
#define RT_RUNNER_WORKERS 256  /* of a stage, at most */

/* Called on the loop thread; must be quick. *out = the next batch (ownership passes) or NULL at the end; not called
 * again after that or after a batch marked RT_MARK_END. RT_EBUSY: none yet, it is asked again when a stage has done a
 * batch. Another RT_E... ends the run. */
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

/* queue_batches: places of each queue, 1 to RT_RUNNER_BATCHES; memory: bytes of all queues; signals: 1 =
 * handle the signals above. RT_ERANGE, RT_EMEM. */
int rt_runner_create(struct rt_runner **out, int queue_batches, size_t memory, int signals);
void rt_runner_destroy(struct rt_runner *r);
/* Stages run in the order they were added. self is the stage's own state, borrowed. RT_ERANGE: more than
 * RT_RUNNER_STAGES, or workers not from 1 to RT_RUNNER_WORKERS. */
int rt_runner_add(struct rt_runner *r, const struct rt_stage_ops *ops, void *self, int workers);

/* Runs to the end. 0 (also when a stop came after the last batch); RT_ESTOPPED after rt_runner_stop or a
 * signal; else the first error in the order of batches. RT_EUSAGE without a stage or the second time.
 * Every stage's close has been called and no work is under way when this returns. */
int rt_runner_run(struct rt_runner *r, struct rt_source source, struct rt_sink sink,
                  struct rt_error *e);
/* Asks for the end; any thread, and from signal handlers, at any time while the runner exists. */
void rt_runner_stop(struct rt_runner *r);
/* 1 after that: work that waits for something should return. Any thread. */
int rt_runner_stopping(const struct rt_runner *r);

/* New limits, from the next finished work on; any thread, at any time while the runner exists. Workers only of
 * a stage whose work may run several at once; above the pool's threads they wait. RT_ENOTFOUND: no such
 * stage; RT_ERANGE. */
int rt_runner_limits(struct rt_runner *r, int queue_batches, size_t memory);
int rt_runner_workers(struct rt_runner *r, const char *stage, int workers);
/* The name of stage i, NULL behind the last. Any thread while the run goes on. */
const char *rt_runner_stage(const struct rt_runner *r, int i);
/* A copy of the batch that a stage put out last, for the caller to destroy; NULL before the first and after
 * the end. Any thread. RT_ENOTFOUND: no such stage; RT_EMEM. */
int rt_runner_last(struct rt_runner *r, const char *stage, struct rt_batch **out);

/* The account of the run so far. Loop thread only (sink callbacks, or after run). */
void rt_runner_account(const struct rt_runner *r, struct rt_account *a);

/* Sets libuv's pool size (UV_THREADPOOL_SIZE) for workers of all stages; call once at program start,
 * before any other use of libuv. */
void rt_runner_pool(int threads);

#endif
