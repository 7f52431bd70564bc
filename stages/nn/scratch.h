/* SPDX-License-Identifier: MIT
 * scratch: memory that an operation works in, of any content: a part for all threads and a desk of
 * each. A thread has its desk at the same place in every operation of a network, so what it wrote
 * there in the one before is still in its own cache; in another thread's cache, every line would have
 * to be fetched from there before it can be written again (docs/performance.md has what that costs). */
#ifndef RT_SCRATCH_H
#define RT_SCRATCH_H

#include <stddef.h>

/* Bytes that an operation asks for. */
struct rt_room {
    size_t shared, desk; /* of all threads together, of each */
};

/* What it gets: no less, 64-byte aligned. */
struct rt_scratch {
    void *shared;
    char *desks;
    size_t apart; /* bytes from one thread's desk to the next's */
};

/* thread: as a piece of rt_parallel_for gets it. */
static inline void *rt_desk(const struct rt_scratch *s, int thread)
{
    return s->desks + (size_t)thread * s->apart;
}

/* Room for either of two operations, one after the other. */
static inline struct rt_room rt_room_most(struct rt_room a, struct rt_room b)
{
    return (struct rt_room){.shared = a.shared > b.shared ? a.shared : b.shared,
                            .desk = a.desk > b.desk ? a.desk : b.desk};
}

/* Bytes rounded up so that what follows is aligned. */
static inline size_t rt_aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
