/* SPDX-License-Identifier: MIT
 * cmd_bench: `retort bench`: how long a training step or a forward pass of known networks takes on
 * this machine, layer by layer if wanted, beside the speed of its matrix product.
 * tests/bench/nn_compare runs it side by side with PyTorch and ONNX Runtime. */
#include "tui/cli/cmd.h"
#include "tui/cli/machine.h"

#include "stages/nn/blas.h"
#include "stages/nn/exec.h"
#include "stages/nn/isa.h"
#include "stages/nn/presets.h"
#include "stages/onnx/frozen.h"
#include "stages/optim/optim.h"

#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#define CLASSES 14
#define EMBEDDING 128
#define STEPS_MIN 5
#define STEPS_MAX 100000
#define SIDES 8
#define ROUND_MAX 8 /* processors that a round of turns goes to */
#define COLD_MS 50  /* a step as short is noticeably longer on processors that just slept */
#define THREADS_MAX 256

static const struct net {
    const char *name;
    struct rt_preset_config config;
} nets[] = {
    {"cnn1d", {.net = "cnn1d", .input = {2, {144, 64}}}},
    {"cnn2d-64", {.net = "cnn2d", .input = {3, {64, 64, 3}}}},
    {"resnet34-8", {.net = "resnet", .input = {2, {200, 80}}, .width = 8}},
    {"resnet34-16", {.net = "resnet", .input = {2, {200, 80}}, .width = 16}},
    {"resnet34-32", {.net = "resnet", .input = {2, {200, 80}}, .width = 32}},
    {"tdnn-512", {.net = "tdnn", .input = {2, {200, 80}}, .width = 512}},
};
#define NETS ((int)(sizeof nets / sizeof *nets))

struct bench {
    bool training, layers, json;
    int batch;
    double seconds;
    double peak; /* GFLOP/s of one thread's matrix product */
    int sides, side[SIDES]; /* numbers of threads to compare */
    int threads;            /* the one at hand */
    int round;              /* turns of each side that count as one measurement */
    cpu_set_t processors;   /* all that may be used */
};

/* What a network runs on. */
struct rig {
    struct rt_graph *graph;
    struct rt_exec *exec;
    struct rt_optim *optim;
    struct rt_parallel *parallel;
    struct rt_exec_time *time; /* [nodes], with --layers */
    float *input;
};

struct result {
    double ms;         /* of a step: a tenth of the measurements stay below */
    double memory;     /* bytes of the process above what it had before the network */
    double speedup[3]; /* times as fast as the first side, round for round: median, quartiles */
};

static double resident(void)
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

static void rig_fini(struct rig *r)
{
    rt_optim_destroy(r->optim);
    rt_exec_destroy(r->exec);
    rt_graph_destroy(r->graph);
    rt_parallel_destroy(r->parallel);
    free(r->time);
    free(r->input);
}

/* After a failure r is to be finished, too. */
static int rig_make(struct rig *r, const struct net *n, const struct bench *b, struct rt_error *e)
{
    struct rt_preset_config c = n->config;
    c.embedding = EMBEDDING;
    c.classes = CLASSES;
    size_t count = (size_t)b->batch;
    for (int i = 0; i < c.input.rank; i++)
        count *= (size_t)c.input.dim[i];
    int rc = rt_preset_build(&r->graph, &c, e);
    if (rc < 0)
        return rc;
    if ((rc = rt_parallel_create(&r->parallel, b->threads)) < 0 ||
        (rc = rt_exec_create(&r->exec, r->graph, b->batch, b->training, r->parallel)) < 0 ||
        (b->training && (rc = rt_optim_create(&r->optim, "adamw", r->graph)) < 0))
        return rt_error_set(e, rc, "bench: %s: %s", n->name, rt_err_words(rc));
    r->input = malloc(count * sizeof *r->input);
    r->time = calloc((size_t)rt_graph_nodes(r->graph), sizeof *r->time);
    if (!r->input || !r->time)
        return rt_error_set(e, RT_EMEM, "bench: %s: out of memory", n->name);
    rt_graph_init(r->graph, 1);
    struct rt_rng rng = rt_rng_init(1, 0, 0, RT_RNG_TEST);
    for (size_t i = 0; i < count; i++)
        r->input[i] = (float)rt_rng_normal(&rng);
    return 0;
}

static void cross_entropy_grad(const float *logits, float *grad, int batch)
{
    for (int b = 0; b < batch; b++, logits += CLASSES, grad += CLASSES) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)logits[k]);
        for (int k = 0; k < CLASSES; k++)
            grad[k] += (float)((exp((double)logits[k]) / sum - (k == b % CLASSES)) / batch);
    }
}

static void step(struct rig *r, const struct bench *b, uint64_t number)
{
    rt_exec_forward(r->exec, b->batch, r->input, NULL, b->training, 1, number);
    if (!b->training)
        return;
    int logits = rt_graph_find(r->graph, "logits");
    cross_entropy_grad(rt_exec_output(r->exec, logits), rt_exec_grad(r->exec, logits), b->batch);
    rt_exec_backward(r->exec);
    rt_optim_update(r->optim, &(struct rt_optim_step){1e-3, 0.9, 1e-2, 5, r->parallel}, NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Multiplications and additions of a node's forward pass per sample; 0 where they do not count. */
static double node_flops(const struct rt_graph *g, const struct rt_node *n)
{
    double places = 1;
    if (n->op != RT_OP_conv1d && n->op != RT_OP_conv2d && n->op != RT_OP_linear)
        return 0;
    for (int i = 0; i + 1 < n->shape.rank; i++)
        places *= n->shape.dim[i];
    return 2 * places * (double)rt_graph_param((struct rt_graph *)g, n->param[0])->count;
}

static void print_layers(const struct rig *r, const struct bench *b, int steps)
{
    printf("%-16s %-10s %-14s %9s %9s %9s %6s %9s %6s\n", "layer", "op", "output", "MFLOP", "ms",
           "GFLOP/s", "peak", "back ms", "peak");
    for (int i = 0; i < rt_graph_nodes(r->graph); i++) {
        const struct rt_node *n = rt_graph_at(r->graph, i);
        double flops = node_flops(r->graph, n) * b->batch, peak = b->peak * b->threads * 1e6;
        double forward = r->time[i].forward / steps, backward = r->time[i].backward / steps;
        char shape[48] = "";
        for (int d = 0; d < n->shape.rank; d++)
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%d", d ? "x" : "",
                     n->shape.dim[d]);
        bool first = n->inputs && rt_graph_at(r->graph, n->input[0])->inputs == 0;
        printf("%-16s %-10s %-14s ", n->name, rt_op_get(n->op)->name, shape);
        if (flops > 0)
            printf("%9.1f %9.3f %9.1f %5.0f%% %9.3f %5.0f%%\n", flops * 1e-6, forward,
                   flops / forward * 1e-6, 100 * flops / forward / peak, backward,
                   backward > 0 ? 100 * (first ? 1 : 2) * flops / backward / peak : 0);
        else
            printf("%9s %9.3f %9s %6s %9.3f %6s\n", "", forward, "", "", backward, "");
    }
}

/* An ONNX file: each thread runs its share of the batch. */
struct frozen_rig {
    struct rt_frozen *model;
    struct rt_frozen_exec *exec[THREADS_MAX];
    struct rt_parallel *parallel;
    const void **input;
    atomic_int rc;
};

static void frozen_piece(void *self, int i, int thread)
{
    (void)thread;
    struct frozen_rig *r = self;
    struct rt_error e = {0};
    int rc = rt_frozen_run(r->exec[i], r->input, &e);
    if (rc < 0)
        atomic_store(&r->rc, rc);
}

static int frozen_make(struct frozen_rig *r, const char *path, const struct bench *b,
                       struct rt_error *e)
{
    int rc = rt_frozen_open(&r->model, path, NULL, e);
    if (rc < 0)
        return rc;
    int inputs = rt_frozen_inputs(r->model);
    struct rt_tensor *shape = calloc((size_t)inputs, sizeof *shape);
    r->input = calloc((size_t)inputs, sizeof *r->input);
    if (!shape || !r->input)
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    for (int i = 0; i < inputs && rc == 0; i++) {
        const struct rt_tensor *one;
        rt_frozen_input(r->model, i, &one);
        shape[i] = *one;
        shape[i].data = NULL;
        if (shape[i].rank > 0)
            shape[i].dim[0] = b->batch / b->threads;
        if (one->dtype != RT_F32)
            rc = rt_error_set(e, RT_EMISMATCH, "%s: bench takes inputs of 32-bit floats only", path);
        int64_t count = rt_tensor_count(&shape[i]);
        float *data = rc == 0 ? malloc((size_t)count * sizeof *data) : NULL;
        if (rc == 0 && !data)
            rc = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
        struct rt_rng rng = rt_rng_init(1, 0, (uint64_t)i, RT_RNG_TEST);
        for (int64_t k = 0; data && k < count; k++)
            data[k] = (float)rt_rng_normal(&rng);
        r->input[i] = data;
    }
    rt_frozen_destroy(r->model);
    r->model = NULL;
    if (rc == 0)
        rc = rt_frozen_open(&r->model, path, &(struct rt_frozen_options){.input = shape}, e);
    free(shape);
    if (rc == 0 && (rc = rt_parallel_create(&r->parallel, b->threads)) < 0)
        rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc));
    for (int i = 0; i < b->threads && rc == 0; i++) {
        if ((rc = rt_frozen_exec_create(&r->exec[i], r->model)) < 0)
            rt_error_set(e, rc, "%s: out of memory", path);
    }
    return rc;
}

static void frozen_fini(struct frozen_rig *r)
{
    for (int i = 0; i < THREADS_MAX; i++)
        rt_frozen_exec_destroy(r->exec[i]);
    for (int i = 0; r->input && r->model && i < rt_frozen_inputs(r->model); i++)
        free((void *)r->input[i]);
    free(r->input);
    rt_frozen_destroy(r->model);
    rt_parallel_destroy(r->parallel);
}

/* A network, or an ONNX file, on some threads. */
struct side {
    struct bench b;
    bool file;
    struct rig net;
    struct frozen_rig model;
    double *ms, all; /* of each step, [2 * STEPS_MAX] with room to sort them; of all */
    struct result result;
};

/* number: from 1; 0 does not count. */
static int side_step(struct side *s, const char *name, int number, struct rt_error *e)
{
    if (!s->file)
        rt_exec_profile(s->net.exec, s->b.layers && number > 0 ? s->net.time : NULL);
    uint64_t start = uv_hrtime();
    if (s->file) {
        rt_parallel_for(s->model.parallel, s->b.threads, frozen_piece, &s->model);
        int rc = atomic_load(&s->model.rc);
        if (rc < 0)
            return rt_error_set(e, rc, "%s: cannot run on random numbers", name);
    } else {
        step(&s->net, &s->b, (uint64_t)number);
    }
    if (number > 0)
        s->all += s->ms[number - 1] = (double)(uv_hrtime() - start) * 1e-6;
    return 0;
}

/* Made, and run once: memory is touched for the first time then, so that step does not count. */
static int side_make(struct side *s, const char *name, const struct net *net, const struct bench *b, int threads,
                     struct rt_error *e)
{
    double before = resident();
    struct rusage use;
    s->b = *b;
    s->b.threads = threads;
    s->file = !net;
    s->b.training = net && b->training;
    s->ms = malloc(2 * STEPS_MAX * sizeof *s->ms);
    int rc = !s->ms ? rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name)
             : net  ? rig_make(&s->net, net, &s->b, e)
                    : frozen_make(&s->model, name, &s->b, e);
    if (rc < 0 || (rc = side_step(s, name, 0, e)) < 0)
        return rc;
    getrusage(RUSAGE_SELF, &use);
    s->result.memory = (double)use.ru_maxrss * 1024 - before;
    return 0;
}

static void side_fini(struct side *s)
{
    if (s->file)
        frozen_fini(&s->model);
    else
        rig_fini(&s->net);
    free(s->ms);
}

/* Keeps the calling thread on the n-th of the processors. */
static void go_to(const cpu_set_t *processors, int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, processors) && n-- == 0)
            CPU_SET(i, &one);
    }
    sched_setaffinity(0, sizeof one, &one);
}

/* Beside other sides: one thread takes each turn on the next processor, as they need not be equally fast,
 * and the processors are awake before the time counts. */
static int side_turn(struct side *s, const char *name, int number, struct rt_error *e)
{
    const struct bench *b = &s->b;
    bool goes = b->round > 1 && b->threads == 1;
    if (goes)
        go_to(&b->processors, number % b->round);
    bool cold = b->sides > 1 && (number == 1 || s->ms[number - 2] < COLD_MS);
    int rc = cold ? side_step(s, name, 0, e) : 0;
    rc = rc < 0 ? rc : side_step(s, name, number, e);
    if (goes)
        sched_setaffinity(0, sizeof b->processors, &b->processors);
    return rc;
}

/* Milliseconds of a step at the mean speed of a round. */
static double round_ms(const struct side *s, int round)
{
    double speed = 0;
    for (int i = 0; i < s->b.round; i++)
        speed += 1 / s->ms[round * s->b.round + i];
    return s->b.round / speed;
}

static void conclude(struct side *s, const struct side *first, int steps)
{
    double *sorted = s->ms + STEPS_MAX;
    int rounds = steps / s->b.round;
    for (int i = 0; i < rounds; i++)
        sorted[i] = round_ms(first, i) / round_ms(s, i);
    qsort(sorted, (size_t)rounds, sizeof *sorted, by_value);
    for (int q = 0; q < 3; q++)
        s->result.speedup[q] = sorted[(int[]){rounds / 2, rounds / 4, rounds - 1 - rounds / 4}[q]];
    for (int i = 0; i < rounds; i++)
        sorted[i] = round_ms(s, i);
    qsort(sorted, (size_t)rounds, sizeof *sorted, by_value);
    s->result.ms = sorted[rounds / 10];
}

static void print(const struct side *s, const struct side *first, const char *name)
{
    const struct bench *b = &s->b;
    const struct result *r = &s->result;
    double rate = b->batch / r->ms * 1e3;
    const char *mode = b->training ? "train" : "infer";
    if (b->json) {
        printf("{\"net\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"batch\": %d, \"ms\": %.3f, "
               "\"samples_per_second\": %.2f, \"peak_bytes\": %.0f, \"blas_gflops\": %.1f, "
               "\"blas\": \"%s\", \"isa\": \"%s\"",
               name, mode, b->threads, b->batch, r->ms, rate, r->memory, b->peak, rt_blas_core(),
               rt_isa()->name);
        if (s != first)
            printf(", \"speedup\": %.3f, \"speedup_quartiles\": [%.3f, %.3f]", r->speedup[0], r->speedup[1],
                   r->speedup[2]);
        printf("}\n");
        return;
    }
    printf("%-12s %-6s %2d threads %10.2f ms %10.1f samples/s %8.0f MB", name, mode, b->threads, r->ms, rate,
           r->memory * 1e-6);
    if (s != first)
        printf("  %.2f times %d thread%s (%.2f to %.2f)", r->speedup[0], first->b.threads,
               first->b.threads == 1 ? "" : "s", r->speedup[1], r->speedup[2]);
    printf("\n");
}

/* All sides take a step each in turns, so that a machine that is faster in one minute than in the next is
 * so for all of them. net NULL: name is an ONNX file. */
static int bench(const char *name, const struct net *net, const struct bench *b, struct rt_error *e)
{
    struct side *side = calloc((size_t)b->sides, sizeof *side);
    int rc = side ? 0 : rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name), steps = 0;
    for (int i = 0; rc == 0 && i < b->sides; i++)
        rc = side_make(&side[i], name, net, b, b->side[i], e);
    for (bool more = true; rc == 0 && (more || steps % b->round) && steps < STEPS_MAX;) {
        steps++;
        more = steps < STEPS_MIN;
        for (int i = 0; rc == 0 && i < b->sides; i++) {
            rc = side_turn(&side[i], name, steps, e);
            more = more || side[i].all < b->seconds * 1e3;
        }
    }
    for (int i = 0; rc == 0 && i < b->sides; i++) {
        conclude(&side[i], side, steps);
        print(&side[i], side, name);
        if (net && b->layers)
            print_layers(&side[i].net, &side[i].b, steps);
        fflush(stdout);
    }
    for (int i = 0; side && i < b->sides; i++)
        side_fini(&side[i]);
    free(side);
    return rc;
}

static void help(void)
{
    printf("usage: retort bench [NET|FILE.onnx]... [--infer] [--threads N] [--batch N] [--seconds S] "
           "[--layers] [--json]\n"
           "Times training steps (forward, cross-entropy, backward, AdamW) of these networks here, on\n"
           "random data, and prints the time that a tenth of the steps stay below:\n\n");
    for (int i = 0; i < NETS; i++) {
        const struct rt_preset_config *c = &nets[i].config;
        printf("  %-12s %s on [%d", nets[i].name, c->net, c->input.dim[0]);
        for (int d = 1; d < c->input.rank; d++)
            printf(",%d", c->input.dim[d]);
        printf("]\n");
    }
    printf("\nAn ONNX file's forward pass is timed; its threads share the batch.\n"
           "\n      --infer      the forward pass of a trained network alone\n"
           "      --threads N  default 1; several (1,2) take steps in turns and are compared, one\n"
           "                   thread on each processor in turn\n"
           "      --batch N    samples of a step, default 32\n"
           "      --seconds S  at least this long for each network, default 3\n"
           "      --layers     time of each layer, and its share of the matrix product's speed\n"
           "      --json       one line of JSON per network and number of threads\n");
}

/* A whole number from 1 to most, or 0. */
static int count_of(const char *text, int most)
{
    char *end;
    long n = strtol(text, &end, 10);
    return *text && !*end && n >= 1 && n <= most ? (int)n : 0;
}

/* As in "1,2". */
static bool read_sides(struct bench *b, const char *text)
{
    for (b->sides = 0; b->sides < SIDES; text++) {
        char *end;
        long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > THREADS_MAX)
            return false;
        b->side[b->sides++] = (int)n;
        text = end;
        if (*end != ',')
            return !*end;
    }
    return false;
}

static const struct net *find(const char *name)
{
    for (int i = 0; i < NETS; i++) {
        if (strcmp(nets[i].name, name) == 0)
            return &nets[i];
    }
    return NULL;
}

static bool is_file(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".onnx") == 0;
}

int cmd_bench(int argc, char **argv)
{
    static const struct option options[] = {
        {"infer", no_argument, NULL, 'i'},         {"threads", required_argument, NULL, 't'},
        {"batch", required_argument, NULL, 'b'},   {"seconds", required_argument, NULL, 's'},
        {"layers", no_argument, NULL, 'l'},        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct bench b = {.training = true, .sides = 1, .side = {1}, .batch = 32, .seconds = 3, .round = 1};
    struct rt_error e = {0};
    char *end;
    int o;
    optind = 0;
    while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (o) {
        case 'i': b.training = false; break;
        case 't':
            if (!read_sides(&b, optarg))
                return rt_cmd_usage("bench", "--threads %s: up to %d numbers from 1 to %d, as in 1,2", optarg, SIDES,
                                    THREADS_MAX);
            break;
        case 'b':
            if (!(b.batch = count_of(optarg, 4096)))
                return rt_cmd_usage("bench", "--batch %s: a number from 1 to 4096", optarg);
            break;
        case 's':
            b.seconds = strtod(optarg, &end);
            if (!*optarg || *end || !(b.seconds >= 0 && b.seconds <= 3600))
                return rt_cmd_usage("bench", "--seconds %s: a number from 0 to 3600", optarg);
            break;
        case 'l': b.layers = true; break;
        case 'j': b.json = true; break;
        case 'h': help(); return RT_EXIT_DONE;
        default: return rt_cmd_usage("bench", "unknown option or missing value");
        }
    }
    if (b.layers && b.json)
        return rt_cmd_usage("bench", "--layers and --json exclude each other");
    for (int i = optind; i < argc; i++) {
        if (!find(argv[i]) && !is_file(argv[i]))
            return rt_cmd_usage("bench", "there is no network \"%s\" here", argv[i]);
        for (int k = 0; k < b.sides; k++) {
            if (!find(argv[i]) && b.batch % b.side[k])
                return rt_cmd_usage("bench", "%d threads cannot share a batch of %d", b.side[k], b.batch);
        }
    }
    struct rt_machine machine;
    int most = 1;
    for (int k = 0; k < b.sides; k++)
        most = b.side[k] > most ? b.side[k] : most;
    rt_machine_look(&machine, most);
    b.peak = machine.gflops;
    if (b.sides > 1 && sched_getaffinity(0, sizeof b.processors, &b.processors) == 0) {
        int processors = CPU_COUNT(&b.processors);
        b.round = processors < ROUND_MAX ? processors : ROUND_MAX;
    }
    if (!b.json)
        printf("%s\n%s%s", machine.line, machine.warning, *machine.warning ? "\n" : "");
    int rc = 0;
    for (int i = 0; i < NETS && rc == 0 && optind == argc; i++)
        rc = bench(nets[i].name, &nets[i], &b, &e);
    for (int i = optind; i < argc && rc == 0; i++)
        rc = bench(argv[i], find(argv[i]), &b, &e);
    return rc < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
