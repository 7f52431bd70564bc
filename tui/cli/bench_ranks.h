/* SPDX-License-Identifier: MIT
 * bench_ranks: what a training step of a network costs one process alone, and several together (`retort bench --ranks`
 * under mpirun or srun). Main thread; all ranks call alike. */
#ifndef RT_BENCH_RANKS_H
#define RT_BENCH_RANKS_H

#include "pipeline/ranks/ranks.h"
#include "tui/cli/bench_sides.h"

/* Prints a line on rank 0: a step of the whole batch alone, one of a rank's part of it, the exchange of the gradients,
 * and what comes of that. Of c the first number of threads counts. RT_EUSAGE: the batch is less than two samples a
 * rank. */
int rt_bench_ranks(struct rt_ranks *r, const char *name, const struct rt_preset_config *net,
                   const struct rt_bench_config *c, bool json, struct rt_error *e);

#endif
