/* SPDX-License-Identifier: MIT
 * runner: a run from begin to end: the loop, the stages' workers, what is asked for meanwhile. The loop thread
 * moves batches (runner_move.c), libuv's pool works on them. */
#include "pipeline/flow/runner_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_MAX 1024 /* libuv's own limit */

/* ---- what wakes the loop besides finished work ----
 * Both handles are unref'd: they keep no loop alive, so uv_run returns as soon as no work is under
 * way. A signal only sets the same flag as rt_runner_stop; nothing is torn down while a stage still
 * works. One that was ignored when the program began stays so (nohup). SIGPIPE is left to whoever owns the output. */

static void runner_on_tick(uv_timer_t *timer)
{
    struct rt_runner *r = timer->data;
    r->sink.tick(r->sink.self);
}

static void runner_on_signal(uv_signal_t *handler, int number)
{
    struct rt_runner *r = handler->data;
    r->signal = number;
    rt_runner_stop(r);
}

/* ---- a run ----
 * The order of opening is the order of the stages, closing is the reverse, and both happen on the
 * loop thread while no work runs: a stage's open and close need no lock. A stage whose open failed
 * is closed too, so that each stage has one place that frees what it holds, however far it came. */

/* Only work keeps the loop going: the handles are unref'd. */
static int runner_open_loop(struct rt_runner *r)
{
    int code = 0;
    uv_timer_init(&r->loop, &r->tick);
    r->tick.data = r;
    if (r->sink.tick && r->sink.tick_ms > 0)
        uv_timer_start(&r->tick, runner_on_tick, (uint64_t)r->sink.tick_ms,
                       (uint64_t)r->sink.tick_ms);
    uv_unref((uv_handle_t *)&r->tick);
    for (int i = 0; i < RT_SIGNALS; i++) {
        uv_signal_init(&r->loop, &r->handler[i]);
        r->handler[i].data = r;
        if (code == 0 && r->signals && !rt_signal_ignored(rt_signals[i].number))
            code = uv_signal_start(&r->handler[i], runner_on_signal, rt_signals[i].number);
        uv_unref((uv_handle_t *)&r->handler[i]);
    }
    if (r->signals)
        rt_signals_deliver(&r->mask); /* those held back until now, too */
    return code;
}

static void runner_close_loop(struct rt_runner *r)
{
    if (r->signals)
        rt_signals_restore(&r->mask);
    uv_close((uv_handle_t *)&r->tick, NULL);
    for (int i = 0; i < RT_SIGNALS; i++)
        uv_close((uv_handle_t *)&r->handler[i], NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    int code = uv_loop_close(&r->loop);
    assert(code == 0); /* no handle is left open */
    (void)code;
}

/* The workers of every stage. */
static int runner_make_jobs(struct rt_runner *r)
{
    for (int i = 0; i < r->stages; i++) {
        struct rt_stage_run *s = &r->stage[i];
        s->job = calloc(RT_RUNNER_WORKERS, sizeof *s->job);
        if (!s->job)
            return RT_EMEM;
        for (int k = 0; k < RT_RUNNER_WORKERS; k++) {
            s->job[k].stage = s;
            s->job[k].req.data = &s->job[k];
        }
    }
    return 0;
}

static int stages_open(struct rt_runner *r, struct rt_error *e)
{
    for (int i = 0; i < r->stages; i++) {
        struct rt_stage_run *s = &r->stage[i];
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

static void stages_close(struct rt_runner *r)
{
    for (int i = r->stages - 1; i >= 0; i--) {
        struct rt_stage_run *s = &r->stage[i];
        if (s->opened && s->ops->close)
            s->ops->close(s->self);
        s->opened = 0;
    }
}

/* Throws away what is still on its way; statistics stay. */
static void runner_drop_batches(struct rt_runner *r)
{
    for (int i = 0; i < r->stages; i++) {
        struct rt_stage_run *s = &r->stage[i];
        for (int k = 0; k < RT_QUEUE_PLACES; k++) {
            rt_batch_destroy(s->early[k]);
            s->early[k] = NULL;
        }
        free(s->job);
        s->job = NULL;
        uv_mutex_lock(&r->lock);
        rt_batch_destroy(s->last);
        s->last = NULL;
        uv_mutex_unlock(&r->lock);
        rt_runner_read_queue(&r->queue[i], &s->stats);
    }
    for (int i = 0; i <= r->stages; i++)
        rt_queue_fini(&r->queue[i]);
}

/* A run that stops early is an error with a code of its own (RT_ESTOPPED), not a success with less
 * in it: callers write a checkpoint then, and must not take the last evaluation for the run's
 * result. */

static const char *runner_stopped_by(const struct rt_runner *r)
{
    for (int i = 0; i < RT_SIGNALS; i++)
        if (r->signal == rt_signals[i].number)
            return rt_signals[i].words;
    return "on request";
}

/* How the run ended. */
static int runner_outcome(const struct rt_runner *r, struct rt_error *e)
{
    if (r->error.code < 0)
        return rt_error_set(e, r->error.code, "%s", r->error.text);
    if (r->ended && r->sunk == r->asked)
        return 0;
    assert(atomic_load(&r->stop));
    return rt_error_set(e, RT_ESTOPPED, "stopped %s after batch %llu", runner_stopped_by(r),
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
    code = runner_open_loop(r);
    if (code < 0)
        code = rt_error_set(e, RT_EIO, "cannot watch for signals: %s", uv_strerror(code));
    else if ((code = runner_make_jobs(r)) < 0)
        rt_error_set(e, code, "no memory for the stages' workers");
    else
        code = stages_open(r, e);
    if (code == 0) {
        r->started = r->settled = uv_hrtime();
        rt_runner_pump(r);
        uv_run(&r->loop, UV_RUN_DEFAULT);
        rt_runner_settle(r);
        r->finished = r->settled;
        code = runner_outcome(r, e);
    }
    runner_drop_batches(r);
    stages_close(r);
    runner_close_loop(r);
    return code;
}

/* ---- making, asking ----
 * What may be asked for during a run (workers, queue lengths, memory) is an atomic that the loop
 * thread reads when it next decides something. It never waits for anybody, and whoever asks never
 * waits for it. The one lock guards the last batch of each stage, which the socket's thread copies.
 */

int rt_runner_create(struct rt_runner **out, int queue_batches, size_t memory, int signals)
{
    *out = NULL;
    if (queue_batches < 1 || queue_batches > RT_RUNNER_BATCHES)
        return RT_ERANGE;
    struct rt_runner *r = calloc(1, sizeof *r);
    if (!r || uv_mutex_init(&r->lock) != 0) {
        free(r);
        return RT_EMEM;
    }
    atomic_init(&r->stop, 0);
    atomic_init(&r->wanted_batches, queue_batches);
    atomic_init(&r->wanted_memory, memory);
    r->signals = signals;
    r->fail_seq = RT_NO_SEQ;
    *out = r;
    return 0;
}

void rt_runner_destroy(struct rt_runner *r)
{
    if (!r)
        return;
    uv_mutex_destroy(&r->lock);
    free(r); /* a run frees what it made before it returns */
}

int rt_runner_add(struct rt_runner *r, const struct rt_stage_ops *ops, void *self, int workers)
{
    if (r->stages == RT_RUNNER_STAGES || workers < 1 || workers > RT_RUNNER_WORKERS)
        return RT_ERANGE;
    struct rt_stage_run *s = &r->stage[r->stages++];
    s->runner = r;
    s->ops = ops;
    s->self = self;
    atomic_init(&s->wanted, workers);
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

int rt_runner_limits(struct rt_runner *r, int queue_batches, size_t memory)
{
    if (queue_batches < 1 || queue_batches > RT_RUNNER_BATCHES)
        return RT_ERANGE;
    atomic_store(&r->wanted_batches, queue_batches);
    atomic_store(&r->wanted_memory, memory);
    return 0;
}

static struct rt_stage_run *runner_find_stage(struct rt_runner *r, const char *name)
{
    for (int i = 0; i < r->stages; i++)
        if (strcmp(r->stage[i].ops->name, name) == 0)
            return &r->stage[i];
    return NULL;
}

int rt_runner_workers(struct rt_runner *r, const char *stage, int workers)
{
    struct rt_stage_run *s = runner_find_stage(r, stage);
    if (!s)
        return RT_ENOTFOUND;
    if (workers < 1 || workers > RT_RUNNER_WORKERS)
        return RT_ERANGE;
    atomic_store(&s->wanted, workers);
    return 0;
}

const char *rt_runner_stage(const struct rt_runner *r, int i)
{
    return i >= 0 && i < r->stages ? r->stage[i].ops->name : NULL;
}

int rt_runner_last(struct rt_runner *r, const char *stage, struct rt_batch **out)
{
    struct rt_stage_run *s = runner_find_stage(r, stage);
    *out = NULL;
    if (!s)
        return RT_ENOTFOUND;
    uv_mutex_lock(&r->lock);
    *out = s->last ? rt_batch_copy(s->last) : NULL;
    int code = s->last && !*out ? RT_EMEM : 0;
    uv_mutex_unlock(&r->lock);
    return code;
}

void rt_runner_pool(int threads)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads < 1 ? 1 : threads > POOL_MAX ? POOL_MAX : threads);
    setenv("UV_THREADPOOL_SIZE", number, 1);
}
