/* SPDX-License-Identifier: MIT
 * runner_move: moves batches through the stages. Every decision is made in rt_runner_pump(), which runs once at
 * the start and then after each finished work; so the loop needs no wake-up of its own, and uv_run returns
 * just when nothing is under way any more.
 * Progress: the last stage that has anything before it always may start (memory cannot hold it back,
 * and the queue behind it is empty); so as long as a batch exists, work is under way. */
#include "pipeline/flow/runner_parts.h"

#include <assert.h>
#include <string.h>

/* ---- batches on their way ----
 * Workers of a stage finish in any order, but batches leave in the order they came: `early` holds
 * those that are done before their turn, one place for each number modulo the queue's places, which
 * suffices because each has a place reserved behind it. Order is what makes a run's bytes
 * independent of timing. An error takes the same way as its batch. Of several the one with the
 * lowest number counts, and what is behind it is thrown away, so that a run that fails fails at the
 * same place every time. */

static void waiting_add(struct rt_runner *r, size_t bytes)
{
    r->waiting += bytes;
    if (r->waiting > r->peak)
        r->peak = r->waiting;
}

/* Everything behind batch seq becomes worthless; what waits for its turn goes now, the rest when a
 * queue hands it out. */
static void runner_fail_at(struct rt_runner *r, uint64_t seq)
{
    if (seq >= r->fail_seq)
        return;
    r->fail_seq = seq;
    for (int i = 0; i < r->stages; i++) {
        struct rt_queue *out = &r->queue[i + 1];
        for (int k = 0; k < RT_QUEUE_PLACES; k++) {
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
static void sink_drain(struct rt_runner *r)
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
static void stage_put_out(struct rt_runner *r, int i, struct rt_batch *b)
{
    struct rt_stage_run *s = &r->stage[i];
    struct rt_queue *out = &r->queue[i + 1];
    if (b->seq > r->fail_seq) {
        rt_queue_release(out);
        rt_batch_destroy(b);
        return;
    }
    if (b->error.code < 0)
        runner_fail_at(r, b->seq);
    s->early[b->seq % RT_QUEUE_PLACES] = b;
    waiting_add(r, rt_batch_bytes(b));
    struct rt_batch **turn;
    while (*(turn = &s->early[s->next_seq % RT_QUEUE_PLACES])) {
        rt_queue_push(out, *turn);
        *turn = NULL;
        s->next_seq++;
    }
    if (i + 1 == r->stages)
        sink_drain(r);
}

/* ---- work ----
 * Memory is set aside for a batch before it is worked on, at the largest size that its stage has
 * put out so far: a stage may turn a few row numbers into megabytes, and what it needs is known
 * only afterwards. The first batches may therefore exceed the limit by what nobody could know. */

/* On a thread of the pool: touches its job, its batch and the stage's own state. */
static void work_run(uv_work_t *req)
{
    struct rt_job *j = req->data;
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
static void stage_claim_more(struct rt_stage_run *s, size_t bytes)
{
    s->largest = bytes;
    for (int k = 0; k < RT_RUNNER_WORKERS; k++) {
        struct rt_job *j = &s->job[k];
        if (!j->batch || j->claim >= bytes)
            continue;
        s->runner->claimed += bytes - j->claim;
        j->claim = bytes;
    }
}

static void stage_count_done(struct rt_stage_run *s, const struct rt_job *j)
{
    const struct rt_batch *b = j->batch;
    size_t bytes = rt_batch_bytes(b);
    s->stats.busy += j->busy;
    s->took[s->stats.batches % RT_TOOK] = j->busy;
    s->stats.batches++;
    s->stats.samples += (uint64_t)b->count;
    s->stats.bytes_out += bytes;
    for (int i = 0; i < b->frames; i++)
        s->stats.raw_out += rt_frame_raw_bytes(b->frame[i]);
    if (bytes > s->largest)
        stage_claim_more(s, bytes);
}

/* Without memory for a copy the one before stays. */
static void stage_keep_last(struct rt_stage_run *s, const struct rt_batch *b)
{
    struct rt_batch *copy = rt_batch_copy(b), *before = NULL;
    if (!copy)
        return;
    uv_mutex_lock(&s->runner->lock);
    before = s->last;
    s->last = copy;
    uv_mutex_unlock(&s->runner->lock);
    rt_batch_destroy(before);
}

static void work_done(uv_work_t *req, int status)
{
    struct rt_job *j = req->data;
    struct rt_stage_run *s = j->stage;
    struct rt_runner *r = s->runner;
    assert(status == 0); /* nobody cancels */
    (void)status;
    rt_runner_settle(r);
    stage_count_done(s, j);
    stage_keep_last(s, j->batch);
    struct rt_batch *b = j->batch;
    j->batch = NULL;
    s->running--;
    r->claimed -= j->claim;
    stage_put_out(r, (int)(s - r->stage), b);
    rt_runner_pump(r);
}

static void work_start(struct rt_runner *r, struct rt_stage_run *s, struct rt_batch *b,
                       size_t claim)
{
    struct rt_job *j = s->job;
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

/* ---- scheduling ----
 * Stages are asked from the last to the first, so that room made behind is used in the same pass,
 * and the source comes last: it makes a batch only when no stage could take one. Limits are read
 * once a pass. A thread for each stage that sleeps on its queue would do too; one place that
 * decides all needs no locks on queues, knows why a stage waits, and cannot deadlock on the memory
 * limit. */

/* Nothing waits or is under work behind queue i (places are reserved for all that is). */
static int queue_nothing_after(const struct rt_runner *r, int i)
{
    for (int k = i + 1; k <= r->stages; k++)
        if (r->queue[k].waiting + r->queue[k].reserved > 0)
            return 0;
    return 1;
}

static size_t bytes_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Starts stage i on its next batch, or passes on a failed one, or throws a worthless one away.
 * Returns why nothing could be done, RT_HOLD_NOTHING when something was. */
static enum rt_hold stage_advance(struct rt_runner *r, int i)
{
    struct rt_stage_run *s = &r->stage[i];
    struct rt_batch *b = rt_queue_peek(&r->queue[i]);
    if (!b)
        return RT_HOLD_INPUT;
    size_t bytes = rt_batch_bytes(b), claim = bytes_larger(bytes, s->largest);
    int worthless = b->seq > r->fail_seq, failed = b->error.code < 0;
    if (!worthless && !failed) {
        if (s->running >= s->stats.workers)
            return RT_HOLD_WORKER;
        if (r->waiting - bytes + r->claimed + claim > r->memory && !queue_nothing_after(r, i))
            return RT_HOLD_MEMORY;
    }
    if (!worthless && !rt_queue_reserve(&r->queue[i + 1]))
        return RT_HOLD_ROOM;
    rt_queue_pop(&r->queue[i]);
    r->waiting -= bytes;
    if (worthless)
        rt_batch_destroy(b);
    else if (failed)
        stage_put_out(r, i, b);
    else
        work_start(r, s, b, claim);
    return RT_HOLD_NOTHING;
}

/* Asks the source for one batch if there is room. Returns 1 when one came. */
static int source_ask(struct rt_runner *r)
{
    if (r->ended || r->fail_seq != RT_NO_SEQ)
        return 0;
    if (r->waiting + r->claimed > r->memory && !queue_nothing_after(r, -1))
        return 0;
    if (!rt_queue_reserve(&r->queue[0]))
        return 0;
    struct rt_batch *b = NULL;
    uint64_t before = uv_hrtime();
    int code = r->source.next(r->source.self, &b, &r->error);
    r->source_busy += uv_hrtime() - before;
    if (code == RT_EBUSY) {
        rt_queue_release(&r->queue[0]);
        return 0;
    }
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
    waiting_add(r, rt_batch_bytes(b));
    return 1;
}

/* What is asked for by now. More than the new limits that is on its way stays, and drains. */
static void runner_take_limits(struct rt_runner *r)
{
    int batches = atomic_load(&r->wanted_batches);
    r->memory = atomic_load(&r->wanted_memory);
    rt_queue_limit(&r->queue[0], batches);
    for (int i = 0; i < r->stages; i++) {
        struct rt_stage_run *s = &r->stage[i];
        s->stats.workers = atomic_load(&s->wanted);
        rt_queue_limit(&r->queue[i + 1], batches + s->stats.workers - 1);
    }
}

void rt_runner_pump(struct rt_runner *r)
{
    int moved;
    runner_take_limits(r);
    do {
        moved = 0;
        if (atomic_load(&r->stop))
            return;
        for (int i = r->stages - 1; i >= 0; i--)
            while ((r->stage[i].hold = stage_advance(r, i)) == RT_HOLD_NOTHING)
                moved = 1;
        if (source_ask(r))
            moved = 1;
    } while (moved);
}
