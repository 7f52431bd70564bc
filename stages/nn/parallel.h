/* SPDX-License-Identifier: MIT
 * parallel: one loop shared by a few threads, inside one op. Pieces that have sums of their own are
 * fixed by n and grain alone, never by the number of threads, so no result can depend on it; sums over
 * pieces are made afterwards in piece order by the caller. */
#ifndef RT_PARALLEL_H
#define RT_PARALLEL_H

#include <stdint.h>

struct rt_parallel; /* opaque; used by one thread at a time */

/* threads >= 1, the caller included. RT_EMEM, RT_ERANGE. */
int rt_parallel_create(struct rt_parallel **out, int threads);
void rt_parallel_destroy(struct rt_parallel *p);
int rt_parallel_threads(const struct rt_parallel *p);
/* Calls piece(self, i, thread) for i in 0..pieces-1, each once, on any of the threads (thread is
 * 0..threads-1, for scratch memory); returns when all are done. p NULL = here, one by one. */
void rt_parallel_for(struct rt_parallel *p, int pieces,
                     void (*piece)(void *self, int i, int thread), void *self);

/* A loop over `total` things in pieces of `grain`: how many pieces, and where piece i ends. */
static inline int rt_pieces(int64_t total, int64_t grain)
{
    return (int)((total + grain - 1) / grain);
}
static inline int64_t rt_piece_end(int64_t total, int64_t grain, int i)
{
    int64_t end = (i + 1) * grain;
    return end < total ? end : total;
}

#endif
