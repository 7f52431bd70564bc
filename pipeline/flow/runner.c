/* SPDX-License-Identifier: MIT
 * runner: the loop thread moves batches, libuv's pool works on them.
 * Every decision is made in pump(), which runs once at the start and then after each finished work; so
 * the loop needs no wake-up of its own, and uv_run returns just when nothing is under way any more.
 * Progress: the last stage that has anything before it always may start (memory cannot hold it back,
 * and the queue behind it is empty); so as long as a batch exists, work is under way.
 * What follows from the times is in account.c and limit.c. */
#include "pipeline/flow/runner.h"
#include "pipeline/flow/queue.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define POOL_MAX 1024 /* libuv's own limit */
#define NO_SEQ UINT64_MAX
#define TOOK 256 /* batches of which percentiles are taken */

struct stage;

/* One worker's place: the loop fills batch before work and reads the rest after it. */
struct job {
    uv_work_t req;
    struct stage *stage;
    struct rt_batch *batch; /* NULL = free */
    size_t claim;           /* bytes set aside for it while under work */
    uint64_t busy;          /* ns inside work */
};

/* What keeps an idle worker from starting. */
enum hold { HOLD_NOTHING, HOLD_INPUT, HOLD_WORKER, HOLD_ROOM, HOLD_MEMORY };

struct stage {
    /* fixed while the run goes on; workers read these */
    struct rt_runner *runner;
    const struct rt_stage_ops *ops;
    void *self;
    int opened;

    /* loop thread only */
    struct job *job; /* [stats.workers] */
    int running;
    enum hold hold;
    size_t largest;          /* packed bytes of the largest batch it has put out */
    struct rt_batch **early; /* [out->limit] finished before their turn, at seq % out->limit */
    uint64_t next_seq;       /* the turn */
    struct rt_stage_stats stats;
    uint64_t took[TOOK];     /* ns inside work of the last batches, at their number % TOOK */
};

struct rt_runner {
    /* any thread */
    atomic_int stop;

    /* loop thread only */
    int queue_batches, signals, stages, used;
    size_t memory;
    struct stage stage[RT_RUNNER_STAGES];
    struct rt_queue queue[RT_RUNNER_STAGES + 1]; /* queue[i] feeds stage i; the last feeds the sink */
    size_t waiting, peak; /* packed bytes in queues and before their turn */
    size_t claimed;       /* packed bytes set aside for batches under work */
    uint64_t asked, sunk; /* batches from the source, and to the sink */
    uint64_t fail_seq;    /* batches behind this one are thrown away; NO_SEQ = none failed */
    int ended;            /* the source has no more */
    int signal;           /* the one that stopped the run */
    struct rt_error error;
    struct rt_source source;
    struct rt_sink sink;
    uint64_t started, settled, finished; /* uv_hrtime; finished 0 = still running */
    uint64_t source_busy, sink_busy;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t handler[2];
};

static void pump(struct rt_runner *r);

/* ---- time ---- */

/* Adds what the idle workers of stage s waited for during ns to its statistics. */
static void settle_stage(const struct stage *s, uint64_t ns, struct rt_stage_stats *stats)
{
    uint64_t idle = ns * (uint64_t)(stats->workers - s->running);
    if (s->hold == HOLD_INPUT)
        stats->wait_in += idle;
    if (s->hold == HOLD_ROOM || s->hold == HOLD_MEMORY)
        stats->wait_out += idle;
    if (s->hold == HOLD_MEMORY)
        stats->wait_memory += idle;
}

/* A queue that is gone leaves what was read from it last. */
static void read_queue(const struct rt_queue *q, struct rt_stage_stats *stats)
{
    if (!q->place)
        return;
    stats->queue_waiting = q->waiting;
    stats->queue_limit = q->limit;
    stats->queue_bytes = q->bytes;
    stats->queue_peak = q->peak_bytes;
}

static void settle(struct rt_runner *r)
{
    uint64_t now = uv_hrtime();
    for (int i = 0; i < r->stages; i++)
        settle_stage(&r->stage[i], now - r->settled, &r->stage[i].stats);
    r->settled = now;
}

/* ---- batches on their way ---- */

static void count_waiting(struct rt_runner *r, size_t bytes)
{
    r->waiting += bytes;
    if (r->waiting > r->peak)
        r->peak = r->waiting;
}

/* Everything behind batch seq becomes worthless; what waits for its turn goes now, the rest when a
 * queue hands it out. */
static void fail_at(struct rt_runner *r, uint64_t seq)
{
    if (seq >= r->fail_seq)
        return;
    r->fail_seq = seq;
    for (int i = 0; i < r->stages; i++) {
        struct rt_queue *out = &r->queue[i + 1];
        for (int k = 0; k < out->limit; k++) {
            struct rt_batch *b = r->stage[i].early[k];
            if (!b || b->seq <= seq)
                continue;
            r->stage[i].early[k] = NULL;
            r->waiting -= rt_batch_bytes(b);
            rt_queue_release(out);
            rt_batch_destroy(b);
        }
    }
}

/* Hands what waits in the last queue to the sink. */
static void drain(struct rt_runner *r)
{
    struct rt_batch *b;
    while ((b = rt_queue_pop(&r->queue[r->stages]))) {
        r->waiting -= rt_batch_bytes(b);
        if (b->seq <= r->fail_seq) {
            r->sunk++;
            uint64_t before = uv_hrtime();
            if (b->error.code < 0)
                r->error = b->error;
            else if (r->sink.done)
                r->sink.done(r->sink.self, b);
            r->sink_busy += uv_hrtime() - before;
        }
        rt_batch_destroy(b);
    }
}

/* Puts a batch that stage i is done with into its reserved place, and moves on those whose turn it is. */
static void finish(struct rt_runner *r, int i, struct rt_batch *b)
{
    struct stage *s = &r->stage[i];
    struct rt_queue *out = &r->queue[i + 1];
    if (b->seq > r->fail_seq) {
        rt_queue_release(out);
        rt_batch_destroy(b);
        return;
    }
    if (b->error.code < 0)
        fail_at(r, b->seq);
    s->early[b->seq % (uint64_t)out->limit] = b;
    count_waiting(r, rt_batch_bytes(b));
    struct rt_batch **turn;
    while (*(turn = &s->early[s->next_seq % (uint64_t)out->limit])) {
        rt_queue_push(out, *turn);
        *turn = NULL;
        s->next_seq++;
    }
    if (i + 1 == r->stages)
        drain(r);
}

/* ---- work ---- */

/* On a thread of the pool: touches its job, its batch and the stage's own state. */
static void work_run(uv_work_t *req)
{
    struct job *j = req->data;
    struct rt_batch *b = j->batch;
    uint64_t before = uv_hrtime();
    int code = j->stage->ops->work(j->stage->self, b, &b->error);
    j->busy = uv_hrtime() - before;
    if (code < 0 && b->error.code == 0)
        rt_error_set(&b->error, code, "%s, epoch %d, batch %d: %s", j->stage->ops->name, b->epoch,
                     b->index, rt_err_words(code));
    b->error.code = code; /* a stage may have used e for something it got over */
}

/* What stage s puts out can be larger than was set aside for its batches under work: set aside more. */
static void learn_largest(struct stage *s, size_t bytes)
{
    s->largest = bytes;
    for (int k = 0; k < s->stats.workers; k++) {
        struct job *j = &s->job[k];
        if (!j->batch || j->claim >= bytes)
            continue;
        s->runner->claimed += bytes - j->claim;
        j->claim = bytes;
    }
}

static void count_done(struct stage *s, const struct job *j)
{
    const struct rt_batch *b = j->batch;
    size_t bytes = rt_batch_bytes(b);
    s->stats.busy += j->busy;
    s->took[s->stats.batches % TOOK] = j->busy;
    s->stats.batches++;
    s->stats.samples += (uint64_t)b->count;
    s->stats.bytes_out += bytes;
    for (int i = 0; i < b->frames; i++)
        s->stats.raw_out += rt_frame_raw_bytes(b->frame[i]);
    if (bytes > s->largest)
        learn_largest(s, bytes);
}

static void work_done(uv_work_t *req, int status)
{
    struct job *j = req->data;
    struct stage *s = j->stage;
    struct rt_runner *r = s->runner;
    assert(status == 0); /* nobody cancels */
    (void)status;
    settle(r);
    count_done(s, j);
    struct rt_batch *b = j->batch;
    j->batch = NULL;
    s->running--;
    r->claimed -= j->claim;
    finish(r, (int)(s - r->stage), b);
    pump(r);
}

static void start_work(struct rt_runner *r, struct stage *s, struct rt_batch *b, size_t claim)
{
    struct job *j = s->job;
    while (j->batch)
        j++;
    j->batch = b;
    j->claim = claim;
    r->claimed += claim;
    s->running++;
    s->stats.bytes_in += rt_batch_bytes(b);
    int code = uv_queue_work(&r->loop, &j->req, work_run, work_done);
    assert(code == 0); /* fails only without a work function */
    (void)code;
}

/* ---- scheduling ---- */

/* Nothing waits or is under work behind queue i (places are reserved for all that is). */
static int nothing_after(const struct rt_runner *r, int i)
{
    for (int k = i + 1; k <= r->stages; k++)
        if (r->queue[k].waiting + r->queue[k].reserved > 0)
            return 0;
    return 1;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Starts stage i on its next batch, or passes on a failed one, or throws a worthless one away.
 * Returns why nothing could be done, HOLD_NOTHING when something was. */
static enum hold advance(struct rt_runner *r, int i)
{
    struct stage *s = &r->stage[i];
    struct rt_batch *b = rt_queue_peek(&r->queue[i]);
    if (!b)
        return HOLD_INPUT;
    size_t bytes = rt_batch_bytes(b), claim = larger(bytes, s->largest);
    int worthless = b->seq > r->fail_seq, failed = b->error.code < 0;
    if (!worthless && !failed) {
        if (s->running == s->stats.workers)
            return HOLD_WORKER;
        if (r->waiting - bytes + r->claimed + claim > r->memory && !nothing_after(r, i))
            return HOLD_MEMORY;
    }
    if (!worthless && !rt_queue_reserve(&r->queue[i + 1]))
        return HOLD_ROOM;
    rt_queue_pop(&r->queue[i]);
    r->waiting -= bytes;
    if (worthless)
        rt_batch_destroy(b);
    else if (failed)
        finish(r, i, b);
    else
        start_work(r, s, b, claim);
    return HOLD_NOTHING;
}

/* Asks the source for one batch if there is room. Returns 1 when one came. */
static int ask_source(struct rt_runner *r)
{
    if (r->ended || r->fail_seq != NO_SEQ)
        return 0;
    if (r->waiting + r->claimed > r->memory && !nothing_after(r, -1))
        return 0;
    if (!rt_queue_reserve(&r->queue[0]))
        return 0;
    struct rt_batch *b = NULL;
    uint64_t before = uv_hrtime();
    int code = r->source.next(r->source.self, &b, &r->error);
    r->source_busy += uv_hrtime() - before;
    if (code < 0 || !b) {
        rt_batch_destroy(b);
        rt_queue_release(&r->queue[0]);
        r->ended = 1;
        if (code < 0 && r->error.code == 0)
            rt_error_set(&r->error, code, "source: %s", rt_err_words(code));
        r->error.code = code;
        return 0;
    }
    r->ended = (b->marks & RT_MARK_END) != 0;
    b->seq = r->asked++;
    rt_queue_push(&r->queue[0], b);
    count_waiting(r, rt_batch_bytes(b));
    return 1;
}

/* Starts all that can start, from the last stage to the first: room made behind is used at once. */
static void pump(struct rt_runner *r)
{
    int moved;
    do {
        moved = 0;
        if (atomic_load(&r->stop))
            return;
        for (int i = r->stages - 1; i >= 0; i--)
            while ((r->stage[i].hold = advance(r, i)) == HOLD_NOTHING)
                moved = 1;
        if (ask_source(r))
            moved = 1;
    } while (moved);
}

static void on_tick(uv_timer_t *timer)
{
    struct rt_runner *r = timer->data;
    r->sink.tick(r->sink.self);
}

static void on_signal(uv_signal_t *handler, int number)
{
    struct rt_runner *r = handler->data;
    r->signal = number;
    rt_runner_stop(r);
}

/* ---- a run ---- */

/* Only work keeps the loop going: the handles are unref'd. */
static int open_loop(struct rt_runner *r)
{
    static const int number[2] = {SIGINT, SIGTERM};
    int code = 0;
    uv_timer_init(&r->loop, &r->tick);
    r->tick.data = r;
    if (r->sink.tick && r->sink.tick_ms > 0)
        uv_timer_start(&r->tick, on_tick, (uint64_t)r->sink.tick_ms, (uint64_t)r->sink.tick_ms);
    uv_unref((uv_handle_t *)&r->tick);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&r->loop, &r->handler[i]);
        r->handler[i].data = r;
        if (code == 0 && r->signals)
            code = uv_signal_start(&r->handler[i], on_signal, number[i]);
        uv_unref((uv_handle_t *)&r->handler[i]);
    }
    return code;
}

static void close_loop(struct rt_runner *r)
{
    uv_close((uv_handle_t *)&r->tick, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&r->handler[i], NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&r->loop);
    assert(code == 0); /* no handle is left open */
    (void)code;
}

/* Queues, turns and workers of every stage. */
static int make_places(struct rt_runner *r)
{
    if (rt_queue_init(&r->queue[0], r->queue_batches) < 0)
        return RT_EMEM;
    for (int i = 0; i < r->stages; i++) {
        struct stage *s = &r->stage[i];
        int places = r->queue_batches + s->stats.workers - 1;
        if (rt_queue_init(&r->queue[i + 1], places) < 0)
            return RT_EMEM;
        s->early = calloc((size_t)places, sizeof *s->early);
        s->job = calloc((size_t)s->stats.workers, sizeof *s->job);
        if (!s->early || !s->job)
            return RT_EMEM;
        for (int k = 0; k < s->stats.workers; k++) {
            s->job[k].stage = s;
            s->job[k].req.data = &s->job[k];
        }
    }
    return 0;
}

static int open_stages(struct rt_runner *r, struct rt_error *e)
{
    for (int i = 0; i < r->stages; i++) {
        struct stage *s = &r->stage[i];
        s->opened = 1; /* also when open fails half-way: close cleans up */
        struct rt_error why = {0};
        int code = s->ops->open ? s->ops->open(s->self, &why) : 0;
        if (code < 0)
            return rt_error_set(e, code, "%s%s%s", why.text[0] ? "" : s->ops->name,
                                why.text[0] ? "" : ": ",
                                why.text[0] ? why.text : rt_err_words(code));
    }
    return 0;
}

static void close_stages(struct rt_runner *r)
{
    for (int i = r->stages - 1; i >= 0; i--) {
        struct stage *s = &r->stage[i];
        if (s->opened && s->ops->close)
            s->ops->close(s->self);
        s->opened = 0;
    }
}

/* Throws away what is still on its way; statistics stay. */
static void drop_places(struct rt_runner *r)
{
    for (int i = 0; i < r->stages; i++) {
        struct stage *s = &r->stage[i];
        for (int k = 0; s->early && k < r->queue[i + 1].limit; k++)
            rt_batch_destroy(s->early[k]);
        free(s->early);
        free(s->job);
        s->early = NULL;
        s->job = NULL;
        read_queue(&r->queue[i], &s->stats);
    }
    for (int i = 0; i <= r->stages; i++)
        rt_queue_fini(&r->queue[i]);
}

/* How the run ended. */
static int outcome(const struct rt_runner *r, struct rt_error *e)
{
    if (r->error.code < 0)
        return rt_error_set(e, r->error.code, "%s", r->error.text);
    if (r->ended && r->sunk == r->asked)
        return 0;
    assert(atomic_load(&r->stop));
    return rt_error_set(e, RT_ESTOPPED, "stopped %s after batch %llu",
                        r->signal == SIGINT    ? "by SIGINT"
                        : r->signal == SIGTERM ? "by SIGTERM"
                                               : "on request",
                        (unsigned long long)r->sunk);
}

int rt_runner_run(struct rt_runner *r, struct rt_source source, struct rt_sink sink,
                  struct rt_error *e)
{
    if (r->used || r->stages == 0 || !source.next)
        return rt_error_set(e, RT_EUSAGE, "a runner runs once, and needs a source and a stage");
    r->used = 1;
    r->source = source;
    r->sink = sink;
    int code = uv_loop_init(&r->loop);
    if (code < 0)
        return rt_error_set(e, RT_EIO, "cannot make an event loop: %s", uv_strerror(code));
    code = open_loop(r);
    if (code < 0)
        code = rt_error_set(e, RT_EIO, "cannot watch for signals: %s", uv_strerror(code));
    else if ((code = make_places(r)) < 0)
        rt_error_set(e, code, "no memory for queues of %d batches", r->queue_batches);
    else
        code = open_stages(r, e);
    if (code == 0) {
        r->started = r->settled = uv_hrtime();
        pump(r);
        uv_run(&r->loop, UV_RUN_DEFAULT);
        settle(r);
        r->finished = r->settled;
        code = outcome(r, e);
    }
    drop_places(r);
    close_stages(r);
    close_loop(r);
    return code;
}

/* ---- making, asking ---- */

int rt_runner_create(struct rt_runner **out, int queue_batches, size_t memory, int signals)
{
    *out = NULL;
    if (queue_batches < 1)
        return RT_ERANGE;
    struct rt_runner *r = calloc(1, sizeof *r);
    if (!r)
        return RT_EMEM;
    atomic_init(&r->stop, 0);
    r->queue_batches = queue_batches;
    r->memory = memory;
    r->signals = signals;
    r->fail_seq = NO_SEQ;
    *out = r;
    return 0;
}

void rt_runner_destroy(struct rt_runner *r)
{
    free(r); /* a run frees what it made before it returns */
}

int rt_runner_add(struct rt_runner *r, const struct rt_stage_ops *ops, void *self, int workers)
{
    if (r->stages == RT_RUNNER_STAGES || workers < 1)
        return RT_ERANGE;
    struct stage *s = &r->stage[r->stages++];
    *s = (struct stage){.runner = r, .ops = ops, .self = self};
    s->stats.name = ops->name;
    s->stats.remedy = ops->remedy;
    s->stats.workers = workers;
    return 0;
}

void rt_runner_stop(struct rt_runner *r)
{
    atomic_store(&r->stop, 1);
}

int rt_runner_stopping(const struct rt_runner *r)
{
    return atomic_load(&r->stop);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of the last batches' times. */
static void find_percentiles(const struct stage *s, struct rt_stage_stats *stats)
{
    uint64_t sorted[TOOK];
    size_t n = s->stats.batches < TOOK ? (size_t)s->stats.batches : TOOK;
    memcpy(sorted, s->took, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    stats->p50 = n ? sorted[(n - 1) / 2] : 0;
    stats->p95 = n ? sorted[(n - 1) * 95 / 100] : 0;
}

void rt_runner_account(const struct rt_runner *r, struct rt_account *a)
{
    uint64_t now = r->finished ? r->finished : uv_hrtime();
    uint64_t since = r->started && !r->finished ? now - r->settled : 0;
    *a = (struct rt_account){.stages = r->stages, .source = r->source_busy, .sink = r->sink_busy,
                             .elapsed = r->started ? now - r->started : 0, .peak = r->peak};
    for (int i = 0; i < r->stages; i++) {
        a->stage[i] = r->stage[i].stats;
        settle_stage(&r->stage[i], since, &a->stage[i]);
        read_queue(&r->queue[i], &a->stage[i]);
        find_percentiles(&r->stage[i], &a->stage[i]);
    }
}

void rt_runner_pool(int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads < 1 ? 1 : threads > POOL_MAX ? POOL_MAX : threads);
    setenv("UV_THREADPOOL_SIZE", number, 1);
}
