/* SPDX-License-Identifier: MIT
 * scratch: memory that an operation works in, of any content: one part for all threads together and
 * one of each thread's own. A thread's own part lies at the same place in every operation of a
 * network, so what it wrote there in the one before is still in its own cache; in another thread's
 * cache, every line would have to be fetched from there before it can be written again
 * (docs/performance-notes.md has what that costs). */
#ifndef RT_SCRATCH_H
#define RT_SCRATCH_H

#include <stddef.h>

/* Bytes that an operation asks for. */
struct rt_scratch_size {
    size_t shared, thread; /* of all threads together, of each */
};

/* What it gets: no less, 64-byte aligned. The memory is the executor's, or whoever runs the
 * operation; it holds no value from one operation to the next. */
struct rt_scratch {
    void *shared;
    char *threads; /* the threads' own parts, `stride` bytes from one to the next */
    size_t stride;
};

/* The part of one thread: `thread` is what a piece of rt_parallel_for gets. */
static inline void *rt_scratch_of(const struct rt_scratch *s, int thread)
{
    return s->threads + (size_t)thread * s->stride;
}

/* Enough for either of two operations, one after the other. */
static inline struct rt_scratch_size rt_scratch_size_max(struct rt_scratch_size a,
                                                         struct rt_scratch_size b)
{
    return (struct rt_scratch_size){.shared = a.shared > b.shared ? a.shared : b.shared,
                                    .thread = a.thread > b.thread ? a.thread : b.thread};
}

/* Bytes rounded up so that what follows is aligned. */
static inline size_t rt_aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
