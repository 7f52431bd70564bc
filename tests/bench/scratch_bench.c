/* SPDX-License-Identifier: MIT
 * What it costs two threads when their scratch memory (stages/nn/scratch.h) lies close together:
 * weight gradients of six layers of 32 channels on 80x200, batch 32, with several distances between
 * the end of one's and the begin of the next one's. The distances take turns; a line each: KiB
 * between, milliseconds (median), the time with the last as a fraction of it.
 * Run: scratch_bench [THREADS [ROUNDS]], default 2 and 15. Exit code 1 when there is no memory. */
#include "stages/nn/conv_way.h"
#include "stages/nn/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uv.h>

#define LAYERS 6
#define BATCH 32
#define HIGH 80
#define WIDE 200
#define CHANNELS 32
#define HUGE_PAGE ((size_t)2 << 20)
#define ROUNDS_MAX 1000

static const size_t apart[] = {0, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20};
#define PLACES ((int)(sizeof apart / sizeof *apart))

static void *memory(size_t bytes)
{
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, bytes);
    if (!p)
        exit(1);
    madvise(p, bytes, MADV_HUGEPAGE); /* only advice */
    return memset(p, 0, bytes);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static double ms[PLACES][ROUNDS_MAX];
    int threads = argc > 1 ? atoi(argv[1]) : 2, rounds = argc > 2 ? atoi(argv[2]) : 15;
    size_t size = (size_t)BATCH * HIGH * WIDE * CHANNELS;
    struct rt_parallel *parallel;
    if (rounds < 1 || rounds > ROUNDS_MAX || rt_parallel_create(&parallel, threads) < 0)
        return 1;
    struct rt_conv v = {
        .w = {.h = HIGH, .w = WIDE, .c = CHANNELS, .oh = HIGH, .ow = WIDE, .kh = 3, .kw = 3, .sh = 1, .sw = 1,
              .ph = 1, .pw = 1, .dh = 1, .dw = 1},
        .units = CHANNELS, .batch = BATCH, .isa = rt_isa(), .parallel = parallel};
    struct rt_scratch_size scratch = rt_winograd_weights_scratch(&v);
    float *x = memory(LAYERS * size * sizeof *x), *dy = memory(LAYERS * size * sizeof *dy);
    struct rt_scratch s = {.shared = memory(scratch.shared)};
    s.threads = memory((size_t)threads * (rt_aligned(scratch.thread) + apart[PLACES - 1]));
    v.grad = memory(9 * CHANNELS * CHANNELS * sizeof *v.grad);
    for (size_t i = 0; i < LAYERS * size; i++) {
        x[i] = (float)(i % 11) - 5;
        dy[i] = (float)(i % 13) - 6;
    }
    for (int round = -1; round < rounds; round++) { /* the first does not count */
        for (int k = 0; k < PLACES; k++) {
            uint64_t start = uv_hrtime();
            s.stride = rt_aligned(scratch.thread) + apart[k];
            for (size_t layer = 0; layer < LAYERS; layer++) {
                v.x = x + layer * size;
                v.dy = dy + layer * size;
                rt_winograd_weights(&v, &s);
            }
            if (round >= 0)
                ms[k][round] = (double)(uv_hrtime() - start) * 1e-6;
        }
    }
    for (int k = 0; k < PLACES; k++)
        qsort(ms[k], (size_t)rounds, sizeof *ms[k], by_value);
    for (int k = 0; k < PLACES; k++) {
        double median = ms[k][rounds / 2];
        printf("%6zu KiB %8.1f ms  %.2f\n", apart[k] >> 10, median, ms[PLACES - 1][rounds / 2] / median);
    }
    rt_parallel_destroy(parallel);
    free(v.grad);
    free(s.threads);
    free(s.shared);
    free(dy);
    free(x);
    return 0;
}
