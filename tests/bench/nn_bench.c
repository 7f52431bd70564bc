/* SPDX-License-Identifier: MIT
 * nn_bench: milliseconds of one training step (forward, cross-entropy, backward, AdamW) of the
 * networks and sizes that torch_bench.py times in PyTorch; nn_compare runs both. Not a test.
 * Usage: nn_bench [THREADS]...   Prints: network, threads, ms: the time that a tenth of the steps
 * stay below, which other programs on the machine disturb less than the median. */
#include "stages/nn/blas.h"
#include "stages/nn/exec.h"
#include "stages/nn/presets.h"
#include "stages/optim/optim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define BATCH 32
#define CLASSES 14
#define SECONDS 3.0
#define STEPS_MAX 2000

static const struct rt_preset_config nets[] = {
    {.net = "cnn1d", .input = {2, {144, 64}}, .embedding = 128, .classes = CLASSES},
    {.net = "cnn2d", .input = {3, {32, 32, 3}}, .embedding = 128, .classes = CLASSES},
    {.net = "resnet",
     .input = {2, {144, 64}},
     .width = 8,
     .blocks = 2,
     .embedding = 128,
     .classes = CLASSES},
};

static void cross_entropy_grad(const float *logits, float *grad)
{
    for (int b = 0; b < BATCH; b++, logits += CLASSES, grad += CLASSES) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            sum += exp((double)logits[k]);
        }
        for (int k = 0; k < CLASSES; k++) {
            grad[k] += (float)((exp((double)logits[k]) / sum - (k == b % CLASSES)) / BATCH);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quiet_step(const struct rt_preset_config *c, int threads)
{
    static double ms[STEPS_MAX];
    struct rt_graph *g;
    struct rt_exec *x;
    struct rt_optim *o;
    struct rt_parallel *p;
    struct rt_error e;
    if (rt_parallel_create(&p, threads) || rt_preset_build(&g, c, &e) ||
        rt_exec_create(&x, g, BATCH, true, p) || rt_optim_create(&o, "adamw", g)) {
        fprintf(stderr, "nn_bench: cannot build %s\n", c->net);
        exit(1);
    }
    rt_graph_init(g, 1);
    size_t count = BATCH;
    for (int i = 0; i < c->input.rank; i++) {
        count *= (size_t)c->input.dim[i];
    }
    float *input = malloc(count * sizeof *input);
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (size_t i = 0; input && i < count; i++) {
        input[i] = (float)rt_rng_normal(&rng);
    }
    int logits = rt_graph_find(g, "logits"), steps = 0;
    double all = 0;
    while (input && steps < STEPS_MAX && (all < SECONDS * 1e3 || steps < 10)) {
        uint64_t start = uv_hrtime();
        rt_exec_forward(x, BATCH, input, NULL, true, 1, (uint64_t)steps);
        cross_entropy_grad(rt_exec_output(x, logits), rt_exec_grad(x, logits));
        rt_exec_backward(x);
        rt_optim_update(o, &(struct rt_optim_step){1e-3, 0.9, 1e-2, 5}, NULL);
        ms[steps] = (double)(uv_hrtime() - start) * 1e-6;
        all += ms[steps++];
    }
    free(input);
    rt_optim_destroy(o);
    rt_exec_destroy(x);
    rt_graph_destroy(g);
    rt_parallel_destroy(p);
    qsort(ms, (size_t)steps, sizeof *ms, by_value);
    return steps ? ms[steps / 10] : 0;
}

int main(int argc, char **argv)
{
    rt_blas_init();
    fprintf(stderr, "OpenBLAS %s, one thread: %.0f GFLOP/s\n", rt_blas_core(), rt_blas_gflops(512));
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        for (int k = 1; k < (argc > 1 ? argc : 2); k++) {
            int threads = argc > 1 ? atoi(argv[k]) : 1;
            printf("%s\t%d\t%.3f\n", nets[i].net, threads, quiet_step(&nets[i], threads));
            fflush(stdout);
        }
    }
    return 0;
}
