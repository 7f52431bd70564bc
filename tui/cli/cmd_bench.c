/* SPDX-License-Identifier: MIT
 * cmd_bench: `retort bench`: how long a training step or a forward pass of known networks takes on
 * this machine, layer by layer if wanted, beside the speed of its matrix product; what is timed is workload_*.c.
 * tests/bench/nn_compare runs it side by side with PyTorch and ONNX Runtime. */
#include "tui/cli/cmd.h"
#include "stages/session/machine.h"
#include "tui/cli/workload.h"

#include "stages/nn/blas.h"
#include "stages/nn/isa.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

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
    {"cnn1d", {.net = RT_NET_CNN1D, .input = {2, {144, 64}}}},
    {"cnn2d-64", {.net = RT_NET_CNN2D, .input = {3, {64, 64, 3}}}},
    {"resnet34-8", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 8}},
    {"resnet34-16", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 16}},
    {"resnet34-32", {.net = RT_NET_RESNET, .input = {2, {200, 80}}, .width = 32}},
    {"tdnn-512", {.net = RT_NET_TDNN, .input = {2, {200, 80}}, .width = 512}},
};
#define NETS ((int)(sizeof nets / sizeof *nets))

struct bench {
    bool training, layers, json;
    int batch;
    double seconds;
    double peak; /* GFLOP/s of one thread's matrix product */
    int sides, side[SIDES]; /* numbers of threads to compare */
    int round;              /* turns of each side that count as one measurement */
    cpu_set_t processors;   /* all that may be used */
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

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* A network, or an ONNX file, on some threads. */
struct side {
    const struct bench *b;
    int threads;
    bool training;
    struct rt_workload *work;
    double *ms, all; /* of each step, [2 * STEPS_MAX] with room to sort them; of all */
    struct result result;
};

/* number: from 1; 0 does not count. */
static int side_step(struct side *s, int number, struct rt_error *e)
{
    uint64_t start = uv_hrtime();
    int rc = s->work->step(s->work, (uint64_t)number, e);
    if (rc == 0 && number > 0)
        s->all += s->ms[number - 1] = (double)(uv_hrtime() - start) * 1e-6;
    return rc;
}

/* Made, and run once: memory is touched for the first time then, so that step does not count. */
static int side_make(struct side *s, const char *name, const struct net *net, const struct bench *b, int threads,
                     struct rt_error *e)
{
    double before = resident();
    struct rusage use;
    s->b = b;
    s->threads = threads;
    s->training = net && b->training;
    s->ms = malloc(2 * STEPS_MAX * sizeof *s->ms);
    if (!s->ms)
        return rt_error_set(e, RT_EMEM, "bench: %s: out of memory", name);
    struct rt_workload_config c = {b->batch, threads, s->training, b->layers};
    int rc = net ? rt_workload_net(&s->work, name, &net->config, &c, e)
                 : rt_workload_file(&s->work, name, &c, e);
    if (rc < 0 || (rc = side_step(s, 0, e)) < 0)
        return rc;
    getrusage(RUSAGE_SELF, &use);
    s->result.memory = (double)use.ru_maxrss * 1024 - before;
    return 0;
}

static void side_fini(struct side *s)
{
    if (s->work)
        s->work->destroy(s->work);
    free(s->ms);
}

/* Keeps the calling thread on the n-th of the processors. */
static void go_to(const cpu_set_t *processors, int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, processors) && n-- == 0)
            CPU_SET(i, &one);
    }
    sched_setaffinity(0, sizeof one, &one);
}

/* Beside other sides: one thread takes each turn on the next processor, as they need not be equally fast,
 * and the processors are awake before the time counts. */
static int side_turn(struct side *s, int number, struct rt_error *e)
{
    const struct bench *b = s->b;
    bool goes = b->round > 1 && s->threads == 1;
    if (goes)
        go_to(&b->processors, number % b->round);
    bool cold = b->sides > 1 && (number == 1 || s->ms[number - 2] < COLD_MS);
    int rc = cold ? side_step(s, 0, e) : 0;
    rc = rc < 0 ? rc : side_step(s, number, e);
    if (goes)
        sched_setaffinity(0, sizeof b->processors, &b->processors);
    return rc;
}

/* Milliseconds of a step at the mean speed of a round. */
static double round_ms(const struct side *s, int round)
{
    double speed = 0;
    for (int i = 0; i < s->b->round; i++)
        speed += 1 / s->ms[round * s->b->round + i];
    return s->b->round / speed;
}

static void conclude(struct side *s, const struct side *first, int steps)
{
    double *sorted = s->ms + STEPS_MAX;
    int rounds = steps / s->b->round;
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
    const struct bench *b = s->b;
    const struct result *r = &s->result;
    double rate = b->batch / r->ms * 1e3;
    const char *mode = s->training ? "train" : "infer";
    if (b->json) {
        printf("{\"net\": \"%s\", \"mode\": \"%s\", \"threads\": %d, \"batch\": %d, \"ms\": %.3f, "
               "\"samples_per_second\": %.2f, \"peak_bytes\": %.0f, \"blas_gflops\": %.1f, "
               "\"blas\": \"%s\", \"isa\": \"%s\"",
               name, mode, s->threads, b->batch, r->ms, rate, r->memory, b->peak, rt_blas_core(),
               rt_isa()->name);
        if (s != first)
            printf(", \"speedup\": %.3f, \"speedup_quartiles\": [%.3f, %.3f]", r->speedup[0], r->speedup[1],
                   r->speedup[2]);
        printf("}\n");
        return;
    }
    printf("%-12s %-6s %2d threads %10.2f ms %10.1f samples/s %8.0f MB", name, mode, s->threads, r->ms, rate,
           r->memory * 1e-6);
    if (s != first)
        printf("  %.2f times %d thread%s (%.2f to %.2f)", r->speedup[0], first->threads,
               first->threads == 1 ? "" : "s", r->speedup[1], r->speedup[2]);
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
            rc = side_turn(&side[i], steps, e);
            more = more || side[i].all < b->seconds * 1e3;
        }
    }
    for (int i = 0; rc == 0 && i < b->sides; i++) {
        conclude(&side[i], side, steps);
        print(&side[i], side, name);
        if (b->layers)
            side[i].work->print_layers(side[i].work, b->peak, steps);
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
        printf("  %-12s %s on [%d", nets[i].name, rt_net_names[c->net], c->input.dim[0]);
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
