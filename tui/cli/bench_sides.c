/* SPDX-License-Identifier: MIT
 * bench_sides: see bench_sides.h. */
#include "tui/cli/bench_sides.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#define STEPS_MIN 5
#define STEPS_MAX 100000
#define ROUND_MAX 8 /* processors that a round of turns goes to */
#define COLD_MS 50  /* a step as short is noticeably longer on processors that just slept */

/* ---- one side ---- */

static double memory_resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%*s %ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* number: from 1; 0 does not count. */
static int side_step(struct rt_bench_side *s, int number, struct rt_error *e)
{
    uint64_t start = uv_hrtime();
    RT_TRY(s->work->step(s->work, (uint64_t)number, e));
    if (number > 0)
        s->all_ms += s->step_ms[number - 1] = (double)(uv_hrtime() - start) * 1e-6;
    return 0;
}

/* Made, and run once: memory is touched for the first time then, so that step does not count. */
static int side_make(struct rt_bench_side *s, const char *name, const struct rt_preset_config *net,
                     const struct rt_bench_config *b, int threads, struct rt_error *e)
{
    double before = memory_resident();
    struct rusage use;
    struct rt_workload_config c = {b->batch, threads, net && b->training, b->layers, &b->wish};
    s->threads = threads;
    s->step_ms = malloc(2 * STEPS_MAX * sizeof *s->step_ms); /* with room to sort them */
    if (!s->step_ms)
        return rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name);
    RT_TRY(net ? rt_workload_net(&s->work, name, net, &c, e) : rt_workload_file(&s->work, name, &c, e));
    RT_TRY(side_step(s, 0, e));
    getrusage(RUSAGE_SELF, &use);
    s->memory = (double)use.ru_maxrss * 1024 - before;
    return 0;
}

/* ---- turns ----
 * Processors of one machine need not be equally fast, so beside other sides one thread takes each turn on the next
 * processor, and as many turns as there are processors are one measurement, a round. Processors that slept begin
 * slowly: a side whose steps are short takes one that does not count before each. */

struct turns {
    int round;            /* turns of each side that count as one measurement */
    cpu_set_t processors; /* all that may be used */
};

static void turns_begin(struct turns *t, int sides)
{
    t->round = 1;
    if (sides < 2 || sched_getaffinity(0, sizeof t->processors, &t->processors) < 0)
        return;
    int processors = CPU_COUNT(&t->processors);
    t->round = processors < ROUND_MAX ? processors : ROUND_MAX;
}

/* Keeps the calling thread on the n-th of the processors. */
static void thread_go_to(const cpu_set_t *processors, int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, processors) && n-- == 0)
            CPU_SET(i, &one);
    }
    sched_setaffinity(0, sizeof one, &one);
}

static int side_turn(struct rt_bench_side *s, const struct turns *t, bool alone, int number, struct rt_error *e)
{
    bool goes = t->round > 1 && s->threads == 1;
    if (goes)
        thread_go_to(&t->processors, number % t->round);
    bool cold = !alone && (number == 1 || s->step_ms[number - 2] < COLD_MS);
    int rc = cold ? side_step(s, 0, e) : 0;
    rc = rc < 0 ? rc : side_step(s, number, e);
    if (goes)
        sched_setaffinity(0, sizeof t->processors, &t->processors);
    return rc;
}

/* ---- conclusions ---- */

/* Milliseconds of a step at the mean speed of a round. */
static double round_ms(const struct rt_bench_side *s, int round, int turns)
{
    double speed = 0;
    for (int i = 0; i < turns; i++)
        speed += 1 / s->step_ms[round * turns + i];
    return turns / speed;
}

static int compare_times(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void side_conclude(struct rt_bench_side *s, const struct rt_bench_side *first, int steps, int turns)
{
    double *sorted = s->step_ms + STEPS_MAX;
    int rounds = steps / turns;
    for (int i = 0; i < rounds; i++)
        sorted[i] = round_ms(first, i, turns) / round_ms(s, i, turns);
    qsort(sorted, (size_t)rounds, sizeof *sorted, compare_times);
    for (int q = 0; q < 3; q++)
        s->speedup[q] = sorted[(int[]){rounds / 2, rounds / 4, rounds - 1 - rounds / 4}[q]];
    for (int i = 0; i < rounds; i++)
        sorted[i] = round_ms(s, i, turns);
    qsort(sorted, (size_t)rounds, sizeof *sorted, compare_times);
    s->ms = sorted[rounds / 10];
    s->median_ms = sorted[rounds / 2];
    s->p99_ms = sorted[(int)((double)rounds * 0.99)];
}

int rt_bench_run(struct rt_bench_side *side, const char *name, const struct rt_preset_config *net,
                 const struct rt_bench_config *c, int *steps, struct rt_error *e)
{
    struct turns t;
    *steps = 0;
    turns_begin(&t, c->sides);
    for (int i = 0; i < c->sides; i++)
        RT_TRY(side_make(&side[i], name, net, c, c->threads[i], e));
    for (bool more = true; (more || *steps % t.round) && *steps < STEPS_MAX;) {
        more = ++*steps < STEPS_MIN;
        for (int i = 0; i < c->sides; i++) {
            RT_TRY(side_turn(&side[i], &t, c->sides == 1, *steps, e));
            more = more || side[i].all_ms < c->seconds * 1e3;
        }
    }
    for (int i = 0; i < c->sides; i++)
        side_conclude(&side[i], side, *steps, t.round);
    return 0;
}

void rt_bench_fini(struct rt_bench_side *side, int sides)
{
    for (int i = 0; i < sides; i++) {
        if (side[i].work)
            side[i].work->destroy(side[i].work);
        free(side[i].step_ms);
    }
}
