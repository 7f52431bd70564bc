/* SPDX-License-Identifier: MIT
 * What the pipeline itself costs: the time for a batch to hop from stage to stage, with nothing done to
 * it, and the MB/s of tensor bytes that one stage packs and the next unpacks while both run at once.
 * Exit code 1 when a hop takes more than 0.2 ms: an update of the smallest student takes 10.
 * The codec alone: frame_bench. Run: meson test --benchmark flow_bench */
#include "pipeline/flow/runner.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define HOPS 20000     /* batches through empty stages */
#define LOADED 300     /* batches with a frame */
#define HOP_MOST 2e-4  /* seconds */

static const int64_t shape[3] = {32, 144, 64}; /* a batch of log-mel features */

struct source {
    int left;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int next(void *self, struct rt_batch **out, struct rt_error *e)
{
    struct source *s = self;
    *out = s->left-- > 0 ? rt_batch_create(RT_BATCH_TRAIN, NULL, 0) : NULL;
    (void)e;
    return 0;
}

static int do_nothing(void *self, struct rt_batch *b, struct rt_error *e)
{
    (void)self;
    (void)b;
    (void)e;
    return 0;
}

static int pack(void *self, struct rt_batch *b, struct rt_error *e)
{
    (void)e;
    return rt_batch_pack(b, "speech", self, 1);
}

static int unpack(void *self, struct rt_batch *b, struct rt_error *e)
{
    struct rt_tensor t;
    (void)self;
    int code = rt_batch_unpack(b, "speech", &t, e);
    rt_tensor_fini(&t);
    return code;
}

static const struct rt_stage_ops empty = {.name = "empty", .work = do_nothing};
static const struct rt_stage_ops packer = {.name = "pack", .work = pack, .remedy = "add packers"};
static const struct rt_stage_ops unpacker = {.name = "unpack", .work = unpack};

/* Seconds for a run of `batches` through the stages, or -1. */
static double run(const struct rt_stage_ops *const stage[], int stages, void *self, int workers,
                  int batches, char *limit, size_t size)
{
    struct rt_runner *r;
    struct source s = {batches};
    struct rt_error e = {0};
    int code = rt_runner_create(&r, 4, (size_t)64 << 20, 0);
    for (int i = 0; i < stages && code == 0; i++)
        code = rt_runner_add(r, stage[i], self, i == 0 ? workers : 1);
    double start = now();
    if (code == 0)
        code = rt_runner_run(r, (struct rt_source){&s, next}, (struct rt_sink){0}, &e);
    double seconds = now() - start;
    struct rt_account account;
    rt_runner_account(r, &account);
    if (code == 0)
        rt_account_limit(&account, limit, size);
    else
        fprintf(stderr, "flow_bench: %s\n", e.text);
    rt_runner_destroy(r);
    return code == 0 ? seconds : -1;
}

int main(void)
{
    const struct rt_stage_ops *const idle[4] = {&empty, &empty, &empty, &empty};
    const struct rt_stage_ops *const codec[2] = {&packer, &unpacker};
    char limit[RT_ACCOUNT_LIMIT];
    int missed = 0;
    rt_runner_pool(4);
    for (int stages = 1; stages <= 4; stages++) {
        double seconds = run(idle, stages, NULL, 1, HOPS, limit, sizeof limit);
        double hop = seconds / HOPS / stages;
        printf("%d empty stages: %.1f us a hop, %.0f batches/s\n", stages, hop * 1e6, HOPS / seconds);
        missed |= seconds < 0 || hop > HOP_MOST;
    }
    struct rt_tensor t;
    if (rt_tensor_init(&t, RT_F32, 3, shape) < 0)
        return 1;
    for (int64_t i = 0; i < rt_tensor_count(&t); i++) /* packs about as well as log-mel features */
        ((float *)t.data)[i] = 3 * sinf((float)i * 0.01f) + (float)(i * 7919 % 1024) * 1e-3f;
    for (int workers = 1; workers <= 2; workers++) {
        double seconds = run(codec, 2, &t, workers, LOADED, limit, sizeof limit);
        printf("%d pack, 1 unpack: %.0f MB/s; %s\n", workers,
               LOADED * (double)rt_tensor_bytes(&t) * 1e-6 / seconds, limit);
        missed |= seconds < 0;
    }
    rt_tensor_fini(&t);
    return missed;
}
