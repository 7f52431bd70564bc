/* SPDX-License-Identifier: MIT
 * runner_parts: what the runner's own files share: runner.c (a run from begin to end), runner_move.c (batches
 * through stages) and runner_account.c (what the stages did with their time). */
#ifndef RT_RUNNER_PARTS_H
#define RT_RUNNER_PARTS_H

#include "pipeline/flow/signals.h"
#include "pipeline/flow/queue.h"
#include "pipeline/flow/runner.h"

#include <stdatomic.h>
#include <uv.h>

#define RT_NO_SEQ UINT64_MAX
#define RT_TOOK 256 /* batches of which percentiles are taken */

struct rt_stage_run;

/* One worker's place: the loop fills batch before work and reads the rest after it. */
struct rt_job {
    uv_work_t req;
    struct rt_stage_run *stage;
    struct rt_batch *batch; /* NULL = free */
    size_t claim;           /* bytes set aside for it while under work */
    uint64_t busy;          /* ns inside work */
};

/* What keeps an idle worker from starting. */
enum rt_hold { RT_HOLD_NOTHING, RT_HOLD_INPUT, RT_HOLD_WORKER, RT_HOLD_ROOM, RT_HOLD_MEMORY };

struct rt_stage_run {
    /* fixed while the run goes on; workers read these */
    struct rt_runner *runner;
    const struct rt_stage_ops *ops;
    void *self;
    int opened;

    atomic_int wanted; /* workers; any thread */

    /* loop thread only */
    struct rt_job *job; /* [RT_RUNNER_WORKERS] */
    int running;        /* more than stats.workers for a while when that was lowered */
    enum rt_hold hold;
    size_t largest;     /* packed bytes of the largest batch it has put out */
    struct rt_batch *early[RT_QUEUE_PLACES]; /* finished before their turn, at seq % RT_QUEUE_PLACES */
    uint64_t next_seq;  /* the turn */
    struct rt_stage_stats stats;
    uint64_t took[RT_TOOK]; /* ns inside work of the last batches, at their number % RT_TOOK */

    struct rt_batch *last; /* under the runner's lock: a copy of the last one put out; NULL = none */
};

struct rt_runner {
    /* any thread */
    atomic_int stop, wanted_batches;
    atomic_size_t wanted_memory;
    uv_mutex_t lock; /* last of each stage */

    /* loop thread only */
    int signals, stages, used;
    size_t memory;
    struct rt_stage_run stage[RT_RUNNER_STAGES];
    struct rt_queue queue[RT_RUNNER_STAGES + 1]; /* queue[i] feeds stage i; the last feeds the sink */
    size_t waiting, peak; /* packed bytes in queues and before their turn */
    size_t claimed;       /* packed bytes set aside for batches under work */
    uint64_t asked, sunk; /* batches from the source, and to the sink */
    uint64_t fail_seq;    /* batches behind this one are thrown away; RT_NO_SEQ = none failed */
    int ended;            /* the source has no more */
    int signal;           /* the one that stopped the run */
    struct rt_error error;
    struct rt_source source;
    struct rt_sink sink;
    uint64_t started, settled, finished; /* uv_hrtime; finished 0 = still running */
    uint64_t source_busy, sink_busy;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t handler[RT_SIGNALS];
    sigset_t mask; /* before the handlers stood */
};

/* Starts all that can start, under the limits that are wanted now. */
void rt_runner_pump(struct rt_runner *r);
/* Adds the time since the last call to the statistics. */
void rt_runner_settle(struct rt_runner *r);
/* How full it is. A queue that is gone leaves what was read from it last. */
void rt_runner_read_queue(const struct rt_queue *q, struct rt_stage_stats *stats);

#endif
