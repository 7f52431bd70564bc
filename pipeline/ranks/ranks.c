/* SPDX-License-Identifier: MIT
 * ranks: what several ranks do together, made of swaps between two. See ranks.h. */
#include "pipeline/ranks/ranks.h"

#include <stdlib.h>
#include <string.h>

/* Open MPI, MPICH and others with its process manager, and srun. A script of sbatch is no task of a step. */
bool rt_ranks_wanted(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *size = getenv(names[i]);
        if (size && atoi(size) > 1)
            return true;
    }
    return false;
}

/* ---- gather ----
 * Recursive doubling: with 2^k ranks k swaps, each of all that both have. The blocks held are those of the ranks that
 * differ in the low bits only, so the order of ranks comes by itself. Who is swapped with says how many bytes it has
 * and sends the first of them along: what an update gathers is not more than that, and takes one journey, not two. That
 * number is believed as far as memory goes, and no further: the other may be a program of another version, which is
 * found only by comparing. */

#define ALONG 3960 /* with what Open MPI puts before it still sent at once through shared memory: 4 KiB */

struct announcement {
    uint64_t bytes;
    char first[ALONG];
};

static int gather_grow(struct rt_ranks *r, int with, bool behind, char **held, size_t *size, struct rt_error *e)
{
    struct announcement mine = {.bytes = *size}, other = {0};
    size_t gone = *size < ALONG ? *size : ALONG;
    memcpy(mine.first, *held, gone);
    RT_TRY(rt_ranks_swap(r, with, &mine, sizeof mine, &other, sizeof other, e));
    size_t come = other.bytes < ALONG ? other.bytes : ALONG;
    char *both = other.bytes < SIZE_MAX / 2 - *size ? malloc(*size + (size_t)other.bytes + 1) : NULL;
    if (!both)
        return rt_error_set(e, RT_EMEM, "no memory for %zu bytes of the other ranks", (size_t)other.bytes);
    char *theirs = both + (behind ? 0 : *size);
    memcpy(both + (behind ? other.bytes : 0), *held, *size);
    memcpy(theirs, other.first, come);
    int rc = rt_ranks_swap(r, with, *held + gone, *size - gone, theirs + come, other.bytes - come, e);
    free(*held);
    *held = both;
    *size += other.bytes;
    return rc;
}

int rt_ranks_gather(struct rt_ranks *r, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e)
{
    int rank = rt_ranks_rank(r), rc = 0;
    char *held = malloc(bytes + 1);
    *all = NULL;
    *total = 0;
    if (!held)
        return rt_error_set(e, RT_EMEM, "no memory for %zu bytes", bytes);
    if (bytes)
        memcpy(held, mine, bytes);
    for (int apart = 1; rc == 0 && apart < rt_ranks_size(r); apart *= 2)
        rc = gather_grow(r, rank ^ apart, rank & apart, &held, &bytes, e);
    if (rc < 0) {
        free(held);
        return rc;
    }
    held[bytes] = '\0';
    *all = held;
    *total = bytes;
    return 0;
}

/* ---- add ----
 * Recursive halving, then doubling. Neighbours swap halves first and each adds up one; then those two apart swap
 * quarters, and so on: what a rank holds in the end is one piece of the sum of all, made in the tree that starts with
 * neighbours. (Halving usually starts with the ranks furthest apart; then the tree would not be that of one process
 * with all the shards.) The way back hands the pieces round. */

#define LEVELS 32

struct span {
    size_t from, to;
};

/* Of what both hold, the half that this rank keeps, and the other. */
static void span_halve(struct span whole, bool upper, struct span *own, struct span *other)
{
    size_t middle = whole.from + (whole.to - whole.from) / 2;
    struct span low = {whole.from, middle}, high = {middle, whole.to};
    *own = upper ? high : low;
    *other = upper ? low : high;
}

static int span_swap(struct rt_ranks *r, int with, const float *out, struct span o, float *in, struct span i,
                     struct rt_error *e)
{
    return rt_ranks_swap(r, with, out, (o.to - o.from) * sizeof *out, in, (i.to - i.from) * sizeof *in, e);
}

int rt_ranks_add(struct rt_ranks *r, float *value, size_t count, struct rt_error *e)
{
    int rank = rt_ranks_rank(r), size = rt_ranks_size(r), levels = 0, rc = 0;
    struct span own[LEVELS] = {{0, count}}, other[LEVELS];
    float *room = size > 1 ? malloc((count / 2 + 1) * sizeof *room) : NULL;
    if (size > 1 && !room)
        return rt_error_set(e, RT_EMEM, "no memory to add up %zu numbers", count);
    for (int apart = 1; rc == 0 && apart < size; apart *= 2, levels++) {
        struct span *mine = &own[levels + 1], *theirs = &other[levels];
        span_halve(own[levels], rank & apart, mine, theirs);
        rc = span_swap(r, rank ^ apart, value + theirs->from, *theirs, room, *mine, e);
        for (size_t i = mine->from; rc == 0 && i < mine->to; i++)
            value[i] += room[i - mine->from];
    }
    for (int apart = size / 2; rc == 0 && apart > 0; apart /= 2) {
        struct span *mine = &own[levels--], *theirs = &other[levels];
        rc = span_swap(r, rank ^ apart, value + mine->from, *mine, value + theirs->from, *theirs, e);
    }
    free(room);
    return rc;
}
