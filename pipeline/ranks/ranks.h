/* SPDX-License-Identifier: MIT
 * ranks: the processes of one run, on one machine or several: who they are, bytes between them, and whether all are
 * there. Started by mpirun or srun. Two implementations: ranks_mpi.c, and ranks_alone.c for a build without MPI.
 *
 * One thread at a time calls; rt_ranks_lost and rt_ranks_at any. A thread of ours tells the others twice a second that
 * this process runs, and hears it from them: who is not heard of for RT_RANKS_LIMIT seconds (dead, stopped, cut off) is
 * lost to all, and every call that waits fails with RT_ELOST and a text that names it, its host and its step. Who is
 * only slow is waited for. Waiting sleeps: it takes no core from those who work. */
#ifndef RT_RANKS_H
#define RT_RANKS_H

#include "formats/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_RANKS_LIMIT 10

struct rt_ranks; /* opaque */

/* Was this process started as one of several? What its environment says. */
bool rt_ranks_wanted(void);
/* Joins the others, once in a process; *out NULL: there are none. RT_EUSAGE: MPI is not built in, or their number is
 * no power of two. */
int rt_ranks_open(struct rt_ranks **out, struct rt_error *e);
/* Waits for the others, unless one is lost; NULL is fine. Nothing of it may be used afterwards. */
void rt_ranks_close(struct rt_ranks *r);

int rt_ranks_rank(const struct rt_ranks *r); /* 0 .. size - 1; r NULL: 0 of 1 */
int rt_ranks_size(const struct rt_ranks *r);
const char *rt_ranks_name(const struct rt_ranks *r, int rank); /* "rank 1 on HOST" */

/* Sends to one rank and takes from it, at the same time; both know the sizes. RT_ELOST, also when it sends another
 * number of bytes. */
int rt_ranks_swap(struct rt_ranks *r, int with, const void *out, size_t out_bytes, void *in, size_t in_bytes,
                  struct rt_error *e);
/* Every rank's bytes, as many as each likes, those of rank 0 first: *all [*total], malloc'ed, and a NUL behind them, so
 * that a text ends there at the latest. How many came from whom is the caller's to check. RT_ELOST, RT_EMEM. */
int rt_ranks_gather(struct rt_ranks *r, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e);
/* Adds up value[count] over all ranks, number by number, by our own additions in a binary tree of neighbours: all get
 * the same bytes, and these are the ones that a single process gets which adds in that tree. Each sends and takes
 * 2 (size - 1) / size of the bytes: the least that is possible. RT_ELOST, RT_EMEM. */
int rt_ranks_add(struct rt_ranks *r, float *value, size_t count, struct rt_error *e);

/* The update that this rank begins, for what the others say of it when it is lost. */
void rt_ranks_at(struct rt_ranks *r, int64_t step);
/* Is one lost? Then e (may be NULL) says which. */
bool rt_ranks_lost(struct rt_ranks *r, struct rt_error *e);
/* This one cannot go on: the others fail with what e says. */
void rt_ranks_give_up(struct rt_ranks *r, const struct rt_error *e);

/* Since rt_ranks_count: time (ns), of this the part in which the rank waited for others or for bytes on their way, and
 * the one in which it computed updates; bytes sent; updates, and samples in this rank's parts of them. */
struct rt_rank_figures {
    uint64_t time, waited, computed, sent, updates, samples;
    int32_t behind; /* the rank whose bytes it waited for longest; its own = for none yet */
};
void rt_ranks_count(struct rt_ranks *r);
/* An update is made, of so many samples here, in so many ns without what was waited. r NULL: nothing. Any thread. */
void rt_ranks_did(struct rt_ranks *r, int samples, uint64_t computed);
/* Of another rank they are half a second old; rank 0 knows those of all, the others their own. Any thread. */
struct rt_rank_figures rt_ranks_figures(struct rt_ranks *r, int rank);

#endif
