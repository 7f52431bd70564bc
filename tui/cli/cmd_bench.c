/* SPDX-License-Identifier: MIT
 * cmd_bench: `retort bench`: how long a training step or a forward pass of known networks takes on
 * this machine, layer by layer if wanted, beside the speed of its matrix product. How it is timed is bench_sides.c,
 * what is timed workload_*.c. tests/bench/nn_compare runs it side by side with PyTorch and ONNX Runtime. */
#include "tui/cli/bench_ranks.h"
#include "tui/cli/bench_sides.h"

#include "formats/path.h"
#include "formats/plain.h"
#include "tui/cli/cmd.h"

#include "stages/nn/blas.h"
#include "stages/nn/isa.h"
#include "stages/session/machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 256

static const struct net {
    const char *name;
    struct rt_preset_config config;
} nets[] = {
    {"cnn1d", {.net = RT_NET_CNN1D, .input = {2, {144, 64}}}},
    {"cnn2d-64", {.net = RT_NET_CNN2D, .input = {3, {64, 64, 3}}}},
    {"resnet34-8", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 8}},
    {"resnet34-16", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 16}},
    {"resnet34-32", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 32}},
    {"tdnn-512", {.net = RT_NET_TDNN, .input = {2, {200, 80}}, .width = 512}},
};
#define NETS ((int)(sizeof nets / sizeof *nets))

struct request {
    struct rt_bench_config config;
    struct rt_argument_list what;
    bool infer, json, ranks;
};

static const char *net_word(int i)
{
    return i < NETS ? nets[i].name : NULL;
}

static const struct net *net_find(const char *name)
{
    for (int i = 0; i < NETS; i++)
        if (strcmp(nets[i].name, name) == 0)
            return &nets[i];
    return NULL;
}

static void nets_print(FILE *out)
{
    fputs("Networks:\n", out);
    for (int i = 0; i < NETS; i++) {
        const struct rt_preset_config *c = &nets[i].config;
        rt_plain_print(out, "  %-12s %s on [%d", nets[i].name, rt_net_names[c->net], c->input.dim[0]);
        for (int d = 1; d < c->input.rank; d++)
            fprintf(out, ",%d", c->input.dim[d]);
        fputs("]\n", out);
    }
}

/* ---- results ---- */

static void result_print_json(const struct rt_bench_side *s, const char *name, const char *mode, int batch,
                              double peak, bool first)
{
    rt_plain_print(stdout, "{\"net\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"batch\": %d, \"ms\": %.3f, "
                   "\"median_ms\": %.3f, \"p99_ms\": %.3f, "
                   "\"samples_per_second\": %.2f, \"peak_bytes\": %.0f, \"blas_gflops\": %.1f, "
                   "\"blas\": \"%s\", \"isa\": \"%s\"",
                   name, mode, s->threads, batch, s->ms, s->median_ms, s->p99_ms,
                   batch / s->ms * 1e3, s->memory, peak, rt_blas_core(),
                   rt_isa()->name);
    if (!first)
        printf(", \"speedup\": %.3f, \"speedup_quartiles\": [%.3f, %.3f]", s->speedup[0], s->speedup[1],
               s->speedup[2]);
    printf("}\n");
}

static void result_print(const struct rt_bench_side *s, const char *name, const char *mode, int batch,
                         const struct rt_bench_side *first)
{
    rt_plain_print(stdout, "%-12s %-6s %2d threads %10.2f ms %10.1f samples/s %8.0f MB", name, mode, s->threads, s->ms,
                   batch / s->ms * 1e3, s->memory * 1e-6);
    if (s != first)
        rt_plain_print(stdout, "  %.2f times %d thread%s (%.2f to %.2f)", s->speedup[0], first->threads,
                       first->threads == 1 ? "" : "s", s->speedup[1], s->speedup[2]);
    printf("\n");
}

/* net NULL: name is an ONNX file. */
static int bench_one(const char *name, const struct net *net, const struct request *q, double peak, struct rt_error *e)
{
    const struct rt_bench_config *c = &q->config;
    struct rt_bench_side side[RT_BENCH_SIDES] = {0};
    const char *mode = net && c->training ? "train" : "infer";
    int steps, rc = rt_bench_run(side, name, net ? &net->config : NULL, c, &steps, e);
    for (int i = 0; rc == 0 && i < c->sides; i++) {
        if (q->json)
            result_print_json(&side[i], name, mode, c->batch, peak, i == 0);
        else
            result_print(&side[i], name, mode, c->batch, side);
        if (c->layers)
            side[i].work->print_layers(side[i].work, peak, steps);
        fflush(stdout);
    }
    rt_bench_fini(side, c->sides);
    return rc;
}

/* ---- the command ---- */

/* "1,2" into the numbers of a struct rt_bench_config. */
static int threads_take(void *field, const char *value, struct rt_error *e)
{
    struct rt_bench_config *c = field;
    const char *text = value;
    for (c->sides = 0; c->sides < RT_BENCH_SIDES; text++) {
        char *end;
        long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > THREADS_MAX)
            break;
        c->threads[c->sides++] = (int)n;
        text = end;
        if (!*end)
            return 0;
        if (*end != ',')
            break;
    }
    return rt_error_set(e, RT_EUSAGE, "up to %d whole numbers from 1 to %d, as in 1,2", RT_BENCH_SIDES, THREADS_MAX);
}

/* 0, or the exit code of what does not fit together. */
static int request_check(const struct request *q)
{
    const struct rt_bench_config *c = &q->config;
    if (c->layers && q->json)
        return rt_cmd_usage(&cmd_bench, "--layers and --json exclude each other");
    if (q->ranks && (!rt_ranks_wanted() || q->infer || c->layers))
        return rt_cmd_usage(&cmd_bench, "--ranks times training steps of several processes: mpirun -n 2 retort bench "
                            "NET --ranks, without --infer and --layers");
    for (int i = 0; i < q->what.count; i++) {
        const char *name = q->what.word[i];
        if (net_find(name))
            continue;
        if (access(name, F_OK) == 0 && !rt_path_ends_in(name, ".onnx"))
            return rt_cmd_usage(&cmd_bench, "%s: presets and ONNX files are timed: of a run or model, retort model %s "
                                "says what a sample takes, and retort export %s -o FILE.onnx makes a file", name,
                                name, name);
        if (!rt_path_ends_in(name, ".onnx") || q->ranks)
            return rt_cmd_usage(&cmd_bench, "there is no network \"%s\" here", name);
        for (int k = 0; k < c->sides; k++)
            if (c->batch % c->threads[k])
                return rt_cmd_usage(&cmd_bench, "%d threads cannot share a batch of %d", c->threads[k], c->batch);
    }
    return 0;
}

/* The machine's own speed is left out: ranks may be on different ones. */
static int bench_with_ranks(const struct request *q, struct rt_error *e)
{
    struct rt_ranks *ranks;
    int rc = rt_ranks_open(&ranks, e);
    for (int i = 0; rc == 0 && i < (q->what.count ? q->what.count : NETS); i++) {
        const struct net *net = q->what.count ? net_find(q->what.word[i]) : &nets[i];
        rc = rt_bench_ranks(ranks, net->name, &net->config, &q->config, q->json, e);
    }
    if (rc < 0 && rc != RT_ELOST && ranks)
        rt_ranks_give_up(ranks, e);
    rt_ranks_close(ranks);
    return rc;
}

static int bench_run(void *request, struct rt_error *e)
{
    struct request *q = request;
    struct rt_machine machine;
    int most = 1, code = request_check(q);
    if (code)
        return code;
    q->config.training = !q->infer;
    if (q->ranks)
        return bench_with_ranks(q, e);
    for (int k = 0; k < q->config.sides; k++)
        most = q->config.threads[k] > most ? q->config.threads[k] : most;
    if (rt_machine_look(&machine, most) < 0)
        return rt_error_set(e, RT_EMEM, "no memory to measure this machine");
    if (!q->json)
        rt_plain_print(stdout, "%s; batches of %d\n%s%s", machine.line, q->config.batch, machine.warning,
                       *machine.warning ? "\n" : "");
    for (int i = 0; i < q->what.count; i++)
        RT_TRY(bench_one(q->what.word[i], net_find(q->what.word[i]), q, machine.gflops, e));
    for (int i = 0; !q->what.count && i < NETS; i++)
        RT_TRY(bench_one(nets[i].name, &nets[i], q, machine.gflops, e));
    return RT_EXIT_DONE;
}

const struct rt_command cmd_bench = {
    .name = "bench",
    .summary = "time networks on this machine, layer by layer",
    .usage = {"[NET|FILE.onnx]... [--threads N] [--infer] [options]"},
    .about = "Times training steps (forward, cross-entropy, backward, AdamW) of these networks here, on random data, "
             "and prints the time that a tenth of the steps stay below. Without NET all of them. An ONNX file's "
             "forward pass is timed; its threads share the batch. How long one answer takes: --infer --batch 1.",
    .lists = nets_print,
    .options = (const struct rt_option[]){
        {0, "infer", NULL, "the forward pass of a trained network alone", RT_OPTION_FLAG(struct request, infer)},
        {0, "threads", "N", "threads that share a step; several (1,2) take steps in turns and are compared, one "
         "thread on each processor in turn", RT_OPTION_OWN(struct request, config, threads_take), .initial = "1"},
        {0, "batch", "N", "samples of a step", RT_OPTION_WHOLE(struct request, config.batch, 1, 4096),
         .initial = "32"},
        {0, "seconds", "S", "at least this long for each network",
         RT_OPTION_REAL(struct request, config.seconds, 0, 3600), .initial = "3"},
        {0, "layers", NULL, "also the time of each layer, and its share of the speed of the machine's matrix product",
         RT_OPTION_FLAG(struct request, config.layers)},
        {0, "ranks", NULL, "under mpirun or srun: what a training step costs alone and shared by all processes: "
         "compute, exchange, efficiency", RT_OPTION_FLAG(struct request, ranks)},
        RT_OPTIONS_SAMPLE(struct request, config.wish),
        {0, "json", NULL, "one line of JSON per network and number of threads", RT_OPTION_FLAG(struct request, json)},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"NET|FILE.onnx", NULL, offsetof(struct request, what), .many = true, .word = net_word},
        {0}},
    .request_size = sizeof(struct request),
    .run = bench_run,
};
