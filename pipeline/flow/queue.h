/* SPDX-License-Identifier: MIT
 * queue: a bounded queue of batches, first in first out. Owned by the loop thread alone, so it has no
 * lock. A writer reserves a place before it starts the work that fills it; so a full queue stops the
 * stage before it, and nothing finished ever lacks a place. */
#ifndef RT_QUEUE_H
#define RT_QUEUE_H

#include "pipeline/flow/batch.h"

#define RT_QUEUE_PLACES 1280 /* the highest limit */

struct rt_queue {
    int limit;         /* batches: no place is given while waiting + reserved reach it; 0 = not in use */
    int head, waiting;
    int reserved;
    size_t bytes;      /* packed bytes waiting */
    size_t peak_bytes;
    struct rt_batch *place[RT_QUEUE_PLACES]; /* a ring */
};

/* A cleared queue is empty and not in use: this puts it in use. Later: another limit from now on; what waits stays.
 * RT_ERANGE: not from 1 to RT_QUEUE_PLACES. */
int rt_queue_limit(struct rt_queue *q, int limit);
void rt_queue_fini(struct rt_queue *q);           /* destroys what still waits; it is cleared then */
int rt_queue_reserve(struct rt_queue *q);         /* 1 = a place is yours, 0 = full */
void rt_queue_release(struct rt_queue *q);        /* gives a reserved place back unused */
void rt_queue_push(struct rt_queue *q, struct rt_batch *b); /* uses a reserved place */
struct rt_batch *rt_queue_pop(struct rt_queue *q);          /* NULL when empty; frees the place */
struct rt_batch *rt_queue_peek(const struct rt_queue *q);   /* the next to pop; stays in its place */

#endif
