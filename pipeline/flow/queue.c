/* SPDX-License-Identifier: MIT
 * queue: a ring of places, of which `limit` may be taken. Loop thread only. */
#include "pipeline/flow/queue.h"

#include <assert.h>
#include <string.h>

/* A place is reserved before the work that will fill it begins. With places taken only when a batch
 * is done, more could be under way than the queue may hold, and the finished ones would need
 * somewhere to wait, which is a queue without a bound. The ring has room for the largest limit from
 * the start, so a limit that is changed during a run moves no batch. */

int rt_queue_limit(struct rt_queue *q, int limit)
{
    if (limit < 1 || limit > RT_QUEUE_PLACES)
        return RT_ERANGE;
    q->limit = limit;
    return 0;
}

void rt_queue_fini(struct rt_queue *q)
{
    while (q->waiting > 0)
        rt_batch_destroy(rt_queue_pop(q));
    memset(q, 0, sizeof *q);
}

int rt_queue_reserve(struct rt_queue *q)
{
    if (q->waiting + q->reserved >= q->limit)
        return 0;
    q->reserved++;
    return 1;
}

void rt_queue_release(struct rt_queue *q)
{
    assert(q->reserved > 0);
    q->reserved--;
}

void rt_queue_push(struct rt_queue *q, struct rt_batch *b)
{
    rt_queue_release(q);
    q->place[(q->head + q->waiting++) % RT_QUEUE_PLACES] = b;
    q->bytes += rt_batch_bytes(b);
    if (q->bytes > q->peak_bytes)
        q->peak_bytes = q->bytes;
}

struct rt_batch *rt_queue_pop(struct rt_queue *q)
{
    struct rt_batch *b = rt_queue_peek(q);
    if (!b)
        return NULL;
    q->head = (q->head + 1) % RT_QUEUE_PLACES;
    q->waiting--;
    q->bytes -= rt_batch_bytes(b);
    return b;
}

struct rt_batch *rt_queue_peek(const struct rt_queue *q)
{
    return q->waiting > 0 ? q->place[q->head] : NULL;
}
