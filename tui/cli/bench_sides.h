/* SPDX-License-Identifier: MIT
 * bench_sides: one network on several numbers of threads (sides) that take their steps in turns, so that a machine
 * that is faster in one minute than in the next is so for all of them. Main thread; moves it between processors. */
#ifndef RT_BENCH_SIDES_H
#define RT_BENCH_SIDES_H

#include "tui/cli/workload.h"

#define RT_BENCH_SIDES 8

struct rt_bench_config {
    bool training, layers; /* of networks; of a file the forward pass alone */
    int batch;
    double seconds; /* at least so long for each side */
    int sides, threads[RT_BENCH_SIDES];
    struct rt_sample_wish wish; /* of a file */
};

struct rt_bench_side {
    struct rt_workload *work;
    int threads;
    double ms;         /* of a step: a tenth of the measurements stay below */
    double median_ms, p99_ms;
    double memory;     /* bytes of the process above what it had before the network */
    double speedup[3]; /* times as fast as the first side, round for round: median, quartiles */
    double *step_ms, all_ms; /* of each step; of all */
};

/* net: NULL for an ONNX file, whose path is name. side: cleared, c->sides of them; *steps: of each. After any return
 * the sides are given back with rt_bench_fini. */
int rt_bench_run(struct rt_bench_side *side, const char *name, const struct rt_preset_config *net,
                 const struct rt_bench_config *c, int *steps, struct rt_error *e);
void rt_bench_fini(struct rt_bench_side *side, int sides);

#endif
