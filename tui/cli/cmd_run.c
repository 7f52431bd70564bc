/* SPDX-License-Identifier: MIT
 * cmd_run: `retort run`: recipe, data, teacher, student, pipeline, results; in that order. The run itself
 * is training.c; this file is what the user typed and what the user gets to read. */
#include "tui/cli/cmd.h"
#include "tui/cli/detach.h"
#include "stages/session/training.h"

#include "formats/file.h"
#include "formats/words.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: retort run RECIPE [-o DIR] [options]\n"
    "       retort run --resume -o DIR\n"
    "Trains the student that the recipe describes; with teacher.model a teacher helps. In a terminal the\n"
    "run is a process of its own, with a screen attached that may be left and attached again.\n\n"
    "  -o, --output DIR     run folder (default runs/NAME, then NAME-2, ...)\n"
    "  -s, --set KEY=VALUE  overrides a setting; may be repeated\n"
    "      --epochs N       as -s train.epochs=N -s train.steps=0\n"
    "      --steps N        as -s train.steps=N\n"
    "      --strict         stop at the first bad sample instead of leaving it out\n"
    "      --resume         go on from the newest checkpoint in DIR\n"
    "      --journal RUN    make the changes of settings that another run's journal holds, at their\n"
    "                       steps; RUN is a run folder or a run.db\n"
    "      --headless       in the foreground, without a screen (also when there is no terminal)\n"
    "      --print-recipe   print every resolved setting and stop\n"
    "      --list-keys      print the names of all settings and stop\n"
    "  -q, --quiet          no screen and no progress, results only\n"
    "Results go to standard output, progress to standard error. Exit codes: 0 done, 1 failed,\n"
    "2 wrong usage or recipe, 130 interrupted after a clean checkpoint (go on with --resume).\n";

enum { OPT_EPOCHS = 256, OPT_STEPS, OPT_STRICT, OPT_RESUME, OPT_JOURNAL, OPT_HEADLESS, OPT_PRINT, OPT_KEYS };

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"set", required_argument, NULL, 's'},
    {"epochs", required_argument, NULL, OPT_EPOCHS},
    {"steps", required_argument, NULL, OPT_STEPS},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"journal", required_argument, NULL, OPT_JOURNAL},
    {"headless", no_argument, NULL, OPT_HEADLESS},
    {"print-recipe", no_argument, NULL, OPT_PRINT},
    {"list-keys", no_argument, NULL, OPT_KEYS},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

#define OVERRIDES 256

struct request {
    const char *recipe, *output, *journal;
    char override[OVERRIDES][RT_RECIPE_TEXT];
    int overrides;
    bool resume, print, keys, quiet, headless, help;
};

static int add_override(struct request *q, const char *prefix, const char *value)
{
    if (q->overrides == OVERRIDES)
        return rt_cmd_usage("run", "more than %d overrides", OVERRIDES);
    int n = snprintf(q->override[q->overrides++], RT_RECIPE_TEXT, "%s%s", prefix, value);
    return n < RT_RECIPE_TEXT ? 0 : rt_cmd_usage("run", "-s %.40s...: too long", value);
}

/* A recipe's train.steps would count instead. */
static int set_epochs(struct request *q, const char *epochs)
{
    int rc = add_override(q, "train.epochs=", epochs);
    return rc == 0 ? add_override(q, "train.steps=", "0") : rc;
}

static int parse(struct request *q, int argc, char **argv)
{
    int c, rc = 0;
    optind = 0;
    while (rc == 0 && (c = getopt_long(argc, argv, "o:s:qh", options, NULL)) != -1) {
        switch (c) {
        case 'o': q->output = optarg; break;
        case 's': rc = add_override(q, "", optarg); break;
        case OPT_EPOCHS: rc = set_epochs(q, optarg); break;
        case OPT_STEPS: rc = add_override(q, "train.steps=", optarg); break;
        case OPT_STRICT: rc = add_override(q, "run.strict=", "true"); break;
        case OPT_RESUME: q->resume = true; break;
        case OPT_JOURNAL: q->journal = optarg; break;
        case OPT_HEADLESS: q->headless = true; break;
        case OPT_PRINT: q->print = true; break;
        case OPT_KEYS: q->keys = true; break;
        case 'q': q->quiet = true; break;
        case 'h': q->help = true; break;
        default: return rt_cmd_usage("run", "unknown option or missing value");
        }
    }
    if (rc == 0 && optind < argc)
        q->recipe = argv[optind++];
    if (rc == 0 && optind < argc)
        rc = rt_cmd_usage("run", "'%s' is one argument too many", argv[optind]);
    if (rc == 0 && !q->recipe && !q->help && !q->keys && !(q->resume && q->output))
        rc = rt_cmd_usage("run", "which recipe?");
    if (rc == 0 && q->resume && !q->output)
        rc = rt_cmd_usage("run", "--resume needs -o DIR, the run to go on with");
    if (rc == 0 && q->resume && q->journal)
        rc = rt_cmd_usage("run", "--resume keeps to the journal the run began with; leave --journal out");
    return rc;
}

/* Where a setting was made: "-s", "recipe.yaml:3", or the recipe when it is nowhere. */
static void place_of(const struct request *q, const char *recipe, const char *key, char *text,
                     size_t size)
{
    size_t n = strlen(key);
    int line = rt_recipe_line(recipe, rt_key_find(key));
    bool given = false;
    for (int i = 0; i < q->overrides; i++)
        given |= strncmp(q->override[i], key, n) == 0 && q->override[i][n] == '=';
    if (given || !line)
        snprintf(text, size, "%s", given ? "-s" : recipe);
    else
        snprintf(text, size, "%s:%d", recipe, line);
}

/* The files that a recipe names; what is in them is read later. */
static int check_files(const struct request *q, const struct rt_recipe *r, const char *recipe,
                       struct rt_error *e)
{
    const struct {
        const char *key, *path, *hint;
    } file[] = {
        {"data.manifest", r->data_manifest, "make it with recipes/NAME/prepare or retort manifest"},
        {"teacher.model", r->teacher_model, "train the teacher first, a run without teacher.model"},
        {"student.init", r->student_init, "name a run folder or a .safetensors file"},
    };
    bool kept = q->resume && rt_rundir_has(q->output, RT_RUN_INIT); /* by a run that goes on */
    if (!r->data_manifest[0])
        return rt_error_set(e, RT_EUSAGE, "%s: data.manifest is missing: name the table of samples, "
                            "e.g. data: {manifest: data/stamps/manifest.tsv}", recipe);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char place[4300];
        if (!file[i].path[0] || access(file[i].path, F_OK) == 0 ||
            (kept && file[i].path == r->student_init))
            continue;
        place_of(q, recipe, file[i].key, place, sizeof place);
        return rt_error_set(e, RT_EUSAGE, "%s: %s: \"%s\" does not exist: %s", place, file[i].key,
                            file[i].path, file[i].hint);
    }
    return 0;
}

static int read_recipe(const struct request *q, struct rt_recipe *r, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    snprintf(path, sizeof path, "%s", q->recipe ? q->recipe : "");
    if (!q->recipe)
        rt_rundir_path(q->output, RT_RUN_RECIPE, path, sizeof path);
    int rc = rt_recipe_load(r, path, e);
    for (int i = 0; rc == 0 && i < q->overrides; i++)
        rc = rt_recipe_set(r, q->override[i], e);
    if (rc == 0 && !r->name[0]) {
        const char *base = strrchr(path, '/');
        snprintf(r->name, sizeof r->name, "%.255s", base ? base + 1 : path);
        char *dot = strrchr(r->name, '.');
        if (dot && dot != r->name)
            *dot = '\0';
    }
    return rc == 0 && !q->print ? check_files(q, r, path, e) : rc;
}

static void default_output(const struct rt_recipe *r, char *path, size_t size)
{
    snprintf(path, size, "runs/%s", r->name);
    for (int i = 2; access(path, F_OK) == 0 && i < 100000; i++)
        snprintf(path, size, "runs/%s-%d", r->name, i);
}

static void print_share(const char *name, const struct rt_training_result *t)
{
    if (t->samples)
        printf("%-9s top-1 %.1f %%, top-5 %.1f %%, macro-F1 %.1f %%, %d samples\n", name,
               100 * t->top1, 100 * t->top5, 100 * t->macro_f1, t->samples);
}

static void print_results(const struct rt_training *t, const struct rt_session *s)
{
    char text[600], number[32], path[RT_RUN_PATH];
    const struct rt_model *m = t->result;
    printf("%-9s %s %s, embedding %d, %s weights, answer: %s head\n",
           t->teacher ? "student" : "model", m->modality->name, rt_model_net_name(m),
           m->dim, rt_count_text(rt_graph_weights(m->graph), number),
           m->answer == RT_HEAD_SUM ? "sum of both" : rt_head_names[m->answer]);
    print_share("valid", &t->valid);
    print_share("test", &t->test);
    rt_session_summary(s, text, sizeof text);
    if (text[0]) {
        char hint[6000];
        snprintf(hint, sizeof hint, "%s; retort inspect %s --where 'reason != \"\"'", text,
                 t->dir.path);
        rt_cmd_say("left out", hint);
    }
    char limit[600];
    snprintf(limit, sizeof limit, "%s; queues held at most %.1f of %lld MiB", t->limit,
             (double)t->queue_peak / 1048576, (long long)t->recipe->pipeline_memory);
    rt_cmd_say("pipeline", limit);
    printf("%-9s %s\n", "model", rt_rundir_path(t->dir.path, RT_RUN_STUDENT, path, sizeof path));
}

/* own: this is a process of its own, whose screen waits for it to begin; or NULL. */
static int run(const struct request *q, struct rt_recipe *r, const char *output, struct rt_detach *own)
{
    struct rt_training *t = calloc(1, sizeof *t);
    struct rt_session *s = calloc(1, sizeof *s);
    struct rt_error e = {0};
    int code = RT_EXIT_DONE;
    struct rt_progress progress;
    rt_progress_init(&progress, q->quiet);
    struct rt_watch watch = rt_progress_watch(&progress);
    struct rt_training_request request = {output, q->journal, q->resume ? output : NULL, q->resume,
                                          q->quiet, &watch};
    int rc = t && s ? rt_training_open(t, s, r, &request, &e)
                    : rt_error_set(&e, RT_EMEM, "no memory for a run");
    if (rc == 0 && own) {
        rt_training_hush(t);
        progress.quiet = true;
        rc = rt_detach_begun(own, output, &e);
    }
    if (rc == 0)
        rc = rt_training_run(t, &e);
    if (rc == 0)
        print_results(t, s);
    else if (rc == RT_ESTOPPED && !t->dir.path[0])
        fprintf(stderr, "retort: stopped before the first step; nothing was written\n");
    else if (rc == RT_ESTOPPED)
        fprintf(stderr, "retort: stopped at step %lld; go on with: retort run --resume -o %s\n",
                (long long)t->student.step, t->dir.path);
    if (rc < 0)
        code = rc == RT_ESTOPPED ? RT_EXIT_STOPPED : rt_cmd_fail(&e);
    if (t)
        rt_training_close(t);
    if (s)
        rt_session_close(s);
    free(t);
    free(s);
    return code;
}

/* The run in a process of its own, and here its screen. */
static int run_with_screen(const struct request *q, struct rt_recipe *r, const char *output)
{
    struct rt_detach d;
    struct rt_error e = {0};
    int code = RT_EXIT_DONE, rc = rt_detach(&d, &e);
    enum rt_attach_left left = RT_ATTACH_GOES_ON;
    if (rc < 0)
        return rt_cmd_fail(&e);
    if (rc == 0)
        return run(q, r, output, &d);
    if (!rt_detach_wait(&d, &code))
        return code;
    rc = rt_attach(output, NULL, &left, &e);
    if (rc < 0) {
        rt_cmd_fail(&e);
        fprintf(stderr, "retort: the run goes on without a screen, as process %d: `retort ctl %s status`\n",
                d.pid, output);
        return RT_EXIT_FAILED;
    }
    return left == RT_ATTACH_GOES_ON ? rc : rt_detach_end(&d, output);
}

int cmd_run(int argc, char **argv)
{
    static struct request q;
    static struct rt_recipe recipe;
    struct rt_error e = {0};
    memset(&q, 0, sizeof q);
    int code = parse(&q, argc, argv);
    if (code != 0)
        return code;
    if (q.help) {
        fputs(usage, stdout);
        return RT_EXIT_DONE;
    }
    for (int i = 0; q.keys && i < rt_key_count; i++)
        printf("%s\n", rt_keys[i].name);
    if (q.keys)
        return RT_EXIT_DONE;
    if (read_recipe(&q, &recipe, &e) < 0) {
        rt_cmd_fail(&e);
        return RT_EXIT_USAGE;
    }
    if (q.print) {
        rt_recipe_print(&recipe, stdout);
        return RT_EXIT_DONE;
    }
    char output[4096];
    if (q.output)
        snprintf(output, sizeof output, "%s", q.output);
    else
        default_output(&recipe, output, sizeof output);
    return q.headless || q.quiet || !rt_detach_possible() ? run(&q, &recipe, output, NULL)
                                                          : run_with_screen(&q, &recipe, output);
}
