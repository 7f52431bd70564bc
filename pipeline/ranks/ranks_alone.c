/* SPDX-License-Identifier: MIT
 * ranks_alone: a build without MPI. It is one process; started as one of several it says so, since each of them would
 * make the whole run, and all write into one folder. See ranks.h. */
#include "pipeline/ranks/ranks.h"

int rt_ranks_open(struct rt_ranks **out, struct rt_error *e)
{
    *out = NULL;
    return rt_ranks_wanted() ? rt_error_set(e, RT_EUSAGE, "started as one of several processes (mpirun, srun), but MPI "
                                            "is not built in: install libopenmpi-dev and build again "
                                            "(meson setup -Dmpi=enabled), or start one process")
                             : 0;
}

void rt_ranks_close(struct rt_ranks *r)
{
    (void)r;
}

int rt_ranks_rank(const struct rt_ranks *r)
{
    (void)r;
    return 0;
}

int rt_ranks_size(const struct rt_ranks *r)
{
    (void)r;
    return 1;
}

const char *rt_ranks_name(const struct rt_ranks *r, int rank)
{
    (void)r;
    (void)rank;
    return "rank 0";
}

int rt_ranks_swap(struct rt_ranks *r, int with, const void *out, size_t out_bytes, void *in, size_t in_bytes,
                  struct rt_error *e)
{
    (void)r;
    (void)out;
    (void)out_bytes;
    (void)in;
    (void)in_bytes;
    return rt_error_set(e, RT_ELOST, "there is no rank %d", with);
}

void rt_ranks_at(struct rt_ranks *r, int64_t step)
{
    (void)r;
    (void)step;
}

bool rt_ranks_lost(struct rt_ranks *r, struct rt_error *e)
{
    (void)r;
    (void)e;
    return false;
}

void rt_ranks_give_up(struct rt_ranks *r, const struct rt_error *e)
{
    (void)r;
    (void)e;
}

void rt_ranks_count(struct rt_ranks *r)
{
    (void)r;
}

void rt_ranks_did(struct rt_ranks *r, int samples, uint64_t computed)
{
    (void)r;
    (void)samples;
    (void)computed;
}

struct rt_rank_figures rt_ranks_figures(struct rt_ranks *r, int rank)
{
    (void)r;
    (void)rank;
    return (struct rt_rank_figures){.time = 0};
}
