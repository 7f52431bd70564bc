/* SPDX-License-Identifier: MIT
 * runner_account: what the stages do with their time. Loop thread only. What follows from it is in account.c
 * and account_limit.c. */
#include "pipeline/flow/runner_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- where idle time is booked ----
 * Time is booked at every change of state, not sampled: between two changes a stage has the same
 * number of workers at work, and the others wait for the one reason that the last attempt to start
 * it gave (`hold`). So busy and waiting add up to what was offered, and a report between two
 * changes can add the time since to a copy. */

/* Adds what the idle workers of stage s waited for during ns to its statistics. More may be running than are
 * wanted by now: then none is idle. */
static void stage_settle(const struct rt_stage_run *s, uint64_t ns, struct rt_stage_stats *stats)
{
    int at_work = s->running > stats->workers ? s->running : stats->workers;
    uint64_t idle = ns * (uint64_t)(at_work - s->running);
    stats->offered += ns * (uint64_t)at_work;
    if (s->hold == RT_HOLD_INPUT)
        stats->wait_in += idle;
    if (s->hold == RT_HOLD_ROOM || s->hold == RT_HOLD_MEMORY)
        stats->wait_out += idle;
    if (s->hold == RT_HOLD_MEMORY)
        stats->wait_memory += idle;
}

void rt_runner_read_queue(const struct rt_queue *q, struct rt_stage_stats *stats)
{
    if (!q->limit)
        return;
    stats->queue_waiting = q->waiting;
    stats->queue_limit = q->limit;
    stats->queue_bytes = q->bytes;
    stats->queue_peak = q->peak_bytes;
}

void rt_runner_settle(struct rt_runner *r)
{
    uint64_t now = uv_hrtime();
    for (int i = 0; i < r->stages; i++)
        stage_settle(&r->stage[i], now - r->settled, &r->stage[i].stats);
    r->settled = now;
}

static int duration_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of the last batches' times. */
static void stage_percentiles(const struct rt_stage_run *s, struct rt_stage_stats *stats)
{
    uint64_t sorted[RT_TOOK];
    size_t n = s->stats.batches < RT_TOOK ? (size_t)s->stats.batches : RT_TOOK;
    memcpy(sorted, s->took, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, duration_order);
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
        stage_settle(&r->stage[i], since, &a->stage[i]);
        rt_runner_read_queue(&r->queue[i], &a->stage[i]);
        stage_percentiles(&r->stage[i], &a->stage[i]);
    }
}

