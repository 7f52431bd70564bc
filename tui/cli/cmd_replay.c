/* SPDX-License-Identifier: MIT
 * replay: repeats a run from its recipe, seed and journal in a folder of its own, and compares every
 * checkpoint that the run still has: all tensors, the progress and the settings in effect. */
#include "stages/session/training.h"

#include "pipeline/run/checkpoints.h"
#include "tui/cli/cmd.h"

#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: retort replay DIR [--until STEP] [-o DIR]\n"
    "Repeats the run in DIR: recipe, seed and journal. Each checkpoint that DIR still has is compared,\n"
    "byte for byte. Nothing in DIR is changed.\n\n"
    "      --until STEP   stop after this update (default: DIR's newest checkpoint)\n"
    "  -o, --output DIR   keep the repeated run there (default: a temporary folder, removed at the end)\n"
    "  -q, --quiet        no progress, results only\n"
    "Exit codes: 0 identical, 1 different or failed, 2 wrong usage, 130 interrupted.\n";

enum { OPT_UNTIL = 256 };

static const struct option options[] = {
    {"until", required_argument, NULL, OPT_UNTIL},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct request {
    const char *run, *output;
    int64_t until; /* -1 = not given */
    bool quiet, help;
};

struct replay {
    struct rt_rundir dir; /* of the run that is repeated */
    int64_t *step, until; /* its checkpoints, newest first */
    int steps;
    char folder[4096]; /* of the repetition */
    bool temporary;
    struct rt_training training;
    struct rt_session session;
    struct rt_progress progress;
    struct rt_watch watch;
};

static int parse(struct request *q, int argc, char **argv)
{
    int c;
    char *end;
    *q = (struct request){.until = -1};
    optind = 0;
    while ((c = getopt_long(argc, argv, "o:qh", options, NULL)) != -1) {
        switch (c) {
        case OPT_UNTIL:
            q->until = strtoll(optarg, &end, 10);
            if (*end || end == optarg || q->until < 0)
                return rt_cmd_usage("replay", "--until %s: write the number of an update", optarg);
            break;
        case 'o': q->output = optarg; break;
        case 'q': q->quiet = true; break;
        case 'h': q->help = true; break;
        default: return rt_cmd_usage("replay", "unknown option or missing value");
        }
    }
    if (optind < argc)
        q->run = argv[optind++];
    if (optind < argc)
        return rt_cmd_usage("replay", "'%s' is one argument too many", argv[optind]);
    return q->run || q->help ? 0 : rt_cmd_usage("replay", "which run?");
}

static int make_folder(struct replay *p, const char *output, struct rt_error *e)
{
    const char *tmp = getenv("TMPDIR");
    if (output) {
        snprintf(p->folder, sizeof p->folder, "%s", output);
        return 0;
    }
    snprintf(p->folder, sizeof p->folder, "%.4000s/retort-replay-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(p->folder))
        return rt_error_errno(e, "cannot make the folder", p->folder);
    p->temporary = true;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* The run with its lock, so that nobody goes on with it meanwhile, and how far it can be repeated. */
static int open_run(struct replay *p, const struct request *q, struct rt_error *e)
{
    int rc = rt_rundir_open(&p->dir, q->run, 1, e);
    if (rc < 0)
        return rc;
    p->steps = rt_checkpoints_steps(p->dir.path, &p->step);
    if (p->steps <= 0)
        return rt_error_set(e, p->steps < 0 ? p->steps : RT_EMISSING, "%s: there is no checkpoint to "
                            "compare with", q->run);
    p->until = q->until < 0 || q->until > p->step[0] ? p->step[0] : q->until;
    if (p->step[p->steps - 1] > p->until)
        return rt_error_set(e, RT_EUSAGE, "%s: --until %" PRId64 ": its first checkpoint is of step %"
                            PRId64, q->run, p->until, p->step[p->steps - 1]);
    return make_folder(p, q->output, e);
}

static int repeat(struct replay *p, const struct request *q, struct rt_recipe *recipe,
                  struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_training *t = &p->training;
    int rc = rt_recipe_load(recipe, rt_rundir_path(p->dir.path, RT_RUN_RECIPE, path, sizeof path), e);
    if (rc < 0)
        return rc;
    recipe->run_keep = (int64_t)rt_key_find("run.keep")->max;
    struct rt_training_request request = {p->folder, q->run, p->dir.path, false, q->quiet, &p->watch};
    rt_progress_init(&p->progress, q->quiet);
    p->watch = rt_progress_watch(&p->progress);
    rc = rt_training_open(t, &p->session, recipe, &request, e);
    for (int i = 0; rc == 0 && i < p->steps; i++)
        if (rt_control_checkpoint(t->control, p->step[i]) < 0)
            rc = rt_error_set(e, RT_EMEM, "no memory for a replay");
    if (rc < 0)
        return rc;
    rt_control_until(t->control, p->until);
    rc = rt_training_run(t, e);
    return rc == RT_ESTOPPED && t->student.step == p->until ? 0 : rc;
}

/* The first byte where two tensors differ, as the number of its element; -1 = none. */
static int64_t first_difference(const struct rt_tensor *a, const struct rt_tensor *b)
{
    size_t size = rt_tensor_bytes(a), count = 1;
    const unsigned char *x = a->data, *y = b->data;
    for (int i = 0; i < a->rank; i++)
        count *= (size_t)a->dim[i];
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return (int64_t)(i / (size / count));
    return -1;
}

static bool same_shape(const struct rt_tensor *a, const struct rt_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->rank) == 0;
}

/* What differs, in words; false = nothing. */
static bool differ(const struct rt_safetensors *a, const struct rt_safetensors *b, char *text,
                   size_t size)
{
    static const char *const texts[] = {"retort.progress", "retort.settings"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *x = rt_safetensors_text(a, texts[i]), *y = rt_safetensors_text(b, texts[i]);
        snprintf(text, size, "%s: \"%.200s\" there, \"%.200s\" repeated", texts[i], x ? x : "",
                 y ? y : "");
        if (strcmp(x ? x : "", y ? y : "") != 0)
            return true;
    }
    snprintf(text, size, "%d tensors there, %d repeated", rt_safetensors_count(a),
             rt_safetensors_count(b));
    if (rt_safetensors_count(a) != rt_safetensors_count(b))
        return true;
    for (int i = 0; i < rt_safetensors_count(a); i++) {
        const char *name;
        const struct rt_tensor *x = rt_safetensors_at(a, i, &name), *y = rt_safetensors_get(b, name);
        snprintf(text, size, "%s is there, but not repeated in that shape", name);
        if (!y || !same_shape(x, y))
            return true;
        int64_t at = first_difference(x, y);
        snprintf(text, size, "%s differs from element %" PRId64 " on", name, at);
        if (at >= 0)
            return true;
    }
    return false;
}

static int read_checkpoint(struct rt_safetensors **out, const struct rt_rundir *d, int64_t step,
                           struct rt_error *e)
{
    char path[RT_RUN_PATH];
    return rt_safetensors_read(out, rt_checkpoints_path(d->path, step, path, sizeof path), e);
}

static int compare_one(const struct replay *p, int64_t step, bool *same, struct rt_error *e)
{
    struct rt_safetensors *there = NULL, *here = NULL;
    char what[600];
    int rc = read_checkpoint(&there, &p->dir, step, e);
    if (rc == 0)
        rc = read_checkpoint(&here, &p->training.dir, step, e);
    if (rc == 0) {
        *same = !differ(there, here, what, sizeof what);
        printf("step %-8" PRId64 " %s%s\n", step, *same ? "identical" : "different: ", *same ? "" : what);
    }
    rt_safetensors_destroy(there);
    rt_safetensors_destroy(here);
    return rc;
}

/* From the oldest on, to the first that differs. */
static int compare(const struct replay *p, bool *same, struct rt_error *e)
{
    int rc = 0, compared = 0;
    int64_t last = -1, at = -1;
    *same = true;
    for (int i = p->steps - 1; rc == 0 && *same && i >= 0; i--) {
        if (p->step[i] > p->until)
            break;
        last = at;
        at = p->step[i];
        rc = compare_one(p, at, same, e);
        compared++;
    }
    if (rc == 0 && *same)
        printf("replay    identical to step %" PRId64 ", %d checkpoint%s compared\n", at, compared,
               compared == 1 ? "" : "s");
    else if (rc == 0 && last >= 0)
        printf("replay    the first difference lies between steps %" PRId64 " and %" PRId64 "\n", last,
               at);
    else if (rc == 0)
        printf("replay    the first difference lies before step %" PRId64 ", the first checkpoint\n", at);
    return rc;
}

static int replay(const struct request *q, struct replay *p, struct rt_recipe *recipe)
{
    struct rt_error e = {0};
    bool same = false;
    p->dir.lock = p->training.dir.lock = -1;
    int rc = open_run(p, q, &e);
    if (rc == 0)
        rc = repeat(p, q, recipe, &e);
    if (rc == 0)
        rc = compare(p, &same, &e);
    rt_training_close(&p->training);
    rt_session_close(&p->session);
    rt_rundir_close(&p->dir);
    free(p->step);
    if (p->temporary)
        nftw(p->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (rc == RT_ESTOPPED)
        fprintf(stderr, "retort: replay interrupted\n");
    if (rc < 0)
        return rc == RT_ESTOPPED ? RT_EXIT_STOPPED : rt_cmd_fail(&e);
    return same ? RT_EXIT_DONE : RT_EXIT_FAILED;
}

int cmd_replay(int argc, char **argv)
{
    static struct request q;
    static struct rt_recipe recipe;
    static struct replay state;
    int code = parse(&q, argc, argv);
    if (code != 0)
        return code;
    if (q.help) {
        fputs(usage, stdout);
        return RT_EXIT_DONE;
    }
    return replay(&q, &state, &recipe);
}
