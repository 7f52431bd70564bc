/* SPDX-License-Identifier: MIT
 * queue: a ring of `limit` places. Loop thread only. */
#include "pipeline/flow/queue.h"

#include <assert.h>
#include <stdlib.h>

int rt_queue_init(struct rt_queue *q, int limit)
{
    *q = (struct rt_queue){0};
    if (limit < 1)
        return RT_ERANGE;
    q->place = calloc((size_t)limit, sizeof *q->place);
    if (!q->place)
        return RT_EMEM;
    q->limit = limit;
    return 0;
}

void rt_queue_fini(struct rt_queue *q)
{
    while (q->waiting > 0)
        rt_batch_destroy(rt_queue_pop(q));
    free(q->place);
    *q = (struct rt_queue){0};
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
    q->place[(q->head + q->waiting++) % q->limit] = b;
    q->bytes += rt_batch_bytes(b);
    if (q->bytes > q->peak_bytes)
        q->peak_bytes = q->bytes;
}

struct rt_batch *rt_queue_pop(struct rt_queue *q)
{
    struct rt_batch *b = rt_queue_peek(q);
    if (!b)
        return NULL;
    q->head = (q->head + 1) % q->limit;
    q->waiting--;
    q->bytes -= rt_batch_bytes(b);
    return b;
}

struct rt_batch *rt_queue_peek(const struct rt_queue *q)
{
    return q->waiting > 0 ? q->place[q->head] : NULL;
}
