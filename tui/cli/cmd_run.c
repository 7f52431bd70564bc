/* SPDX-License-Identifier: MIT
 * cmd_run: `retort run`: what the user typed and what the user gets to read; the run itself is
 * stages/session/training.c. */
#include "tui/cli/cmd.h"
#include "tui/cli/detach.h"
#include "tui/cli/export_file.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/parent.h"
#include "tui/cli/run_progress.h"
#include "tui/cli/run_result.h"
#include "tui/cli/verify_resume.h"
#include "tui/screen/ui/attach.h"

#include "formats/file.h"
#include "formats/plain.h"
#include "formats/recipe_teacher.h"
#include "formats/words.h"
#include "stages/session/training.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERRIDES 256

struct overrides {
    char text[OVERRIDES][RT_RECIPE_TEXT]; /* "train.lr=0.1", in the order they were given */
    int count;
};

struct request {
    const char *recipe, *output, *journal, *model;
    struct overrides set;
    int64_t verify; /* updates; 0 = it is a run */
    bool resume, print, keys, quiet, headless, json;
};

/* ---- settings from the command line ----
 * The short options are settings as -s gives them, in one list with those, so that the last one written counts. */

static int override_add(struct overrides *o, const char *begin, const char *value, struct rt_error *e)
{
    if (o->count == OVERRIDES)
        return rt_error_set(e, RT_EUSAGE, "no more than %d settings", OVERRIDES);
    int n = snprintf(o->text[o->count++], RT_RECIPE_TEXT, "%s%s", begin, value);
    return n < RT_RECIPE_TEXT ? 0 : rt_error_set(e, RT_EUSAGE, "fewer than %d bytes", RT_RECIPE_TEXT);
}

static int override_take(void *field, const char *value, struct rt_error *e)
{
    return override_add(field, "", value, e);
}

/* A recipe's train.steps would count instead. */
static int override_take_epochs(void *field, const char *value, struct rt_error *e)
{
    RT_TRY(override_add(field, "train.epochs=", value, e));
    return override_add(field, "train.steps=", "0", e);
}

static int override_take_steps(void *field, const char *value, struct rt_error *e)
{
    return override_add(field, "train.steps=", value, e);
}

static int override_take_strict(void *field, const char *value, struct rt_error *e)
{
    (void)value;
    return override_add(field, "run.strict=", "true", e);
}

/* ---- the recipe ---- */

/* Where a setting was made: "-s", "recipe.yaml:3", or the recipe when it is nowhere. */
static void setting_place(const struct request *q, const char *recipe, const char *key, char *text,
                          size_t size)
{
    size_t n = strlen(key);
    int line = rt_recipe_line(recipe, rt_key_find(key));
    bool given = false;
    for (int i = 0; i < q->set.count; i++)
        given |= strncmp(q->set.text[i], key, n) == 0 && q->set.text[i][n] == '=';
    if (given || !line)
        snprintf(text, size, "%s", given ? "-s" : recipe);
    else
        snprintf(text, size, "%s:%d", recipe, line);
}

static int setting_check_file(const struct request *q, const char *recipe, const char *key, const char *path,
                              const char *hint, struct rt_error *e)
{
    char place[4300];
    if (!path[0] || access(path, F_OK) == 0)
        return 0;
    setting_place(q, recipe, key, place, sizeof place);
    return rt_error_set(e, RT_EUSAGE, "%s: %s: \"%s\" does not exist: %s", place, key, path, hint);
}

/* The files that a recipe names; what is in them is read later. */
static int recipe_check_files(const struct request *q, const struct rt_recipe *r, const char *recipe,
                              struct rt_error *e)
{
    bool kept = q->resume && rt_run_file_exists(q->output, RT_RUN_INIT); /* by a run that goes on */
    if (!r->data_manifest[0])
        return rt_error_set(e, RT_EUSAGE, "%s: data.manifest is missing: name the table of samples, "
                            "e.g. data: {manifest: data/stamps/manifest.tsv}", recipe);
    RT_TRY(setting_check_file(q, recipe, "data.manifest", r->data_manifest,
                              "make it with retort init or retort manifest, or by recipes/NAME/prepare", e));
    for (int k = 0; k < rt_recipe_teachers(r); k++) {
        char key[40];
        snprintf(key, sizeof key, "%s.model", rt_stage_teacher[k].name);
        RT_TRY(setting_check_file(q, recipe, key, rt_recipe_teacher(r, k).model,
                                  "train the teacher first, a run without teacher.model", e));
    }
    return kept ? 0 : setting_check_file(q, recipe, "student.init", r->student_init,
                                         "name a run folder or a .safetensors file", e);
}

/* A run's folder given as a recipe is one of two things that a person may want. */
static int recipe_is_file(const char *path, struct rt_error *e)
{
    struct stat st;
    char inside[RT_RUN_PATH];
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    if (rt_run_file_exists(path, RT_RUN_RECIPE))
        return rt_error_set(e, RT_EUSAGE, "%s is the folder of a run: to go on with it, retort run --resume %s; to "
                            "run its recipe again, retort run %s", path, path,
                            rt_run_file_path(path, RT_RUN_RECIPE, inside, sizeof inside));
    return rt_error_set(e, RT_EUSAGE, "%s is a folder: name a recipe in it, such as %s/student.yaml", path, path);
}

static int recipe_read(const struct request *q, struct rt_recipe *r, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    snprintf(path, sizeof path, "%s", q->recipe ? q->recipe : "");
    if (!q->recipe)
        rt_run_file_path(q->output, RT_RUN_RECIPE, path, sizeof path);
    RT_TRY(recipe_is_file(path, e));
    RT_TRY(rt_recipe_load(r, path, e));
    for (int i = 0; i < q->set.count; i++)
        RT_TRY(rt_recipe_set(r, q->set.text[i], e));
    if (!r->name[0]) {
        const char *base = strrchr(path, '/');
        snprintf(r->name, sizeof r->name, "%.255s", base ? base + 1 : path);
        char *dot = strrchr(r->name, '.');
        if (dot && dot != r->name)
            *dot = '\0';
    }
    return q->print ? 0 : recipe_check_files(q, r, path, e);
}

/* A recipe comes from anywhere; what it is called must not choose a folder outside runs/. */
static int output_default(const struct rt_recipe *r, char *path, size_t size, struct rt_error *e)
{
    char quoted[RT_QUOTE];
    if (strchr(r->name, '/') || r->name[0] == '.')
        return rt_error_set(e, RT_EUSAGE, "name: %s cannot be a folder below runs/: write one without / that does not "
                            "begin with a dot, or give the run folder with -o",
                            rt_quote(quoted, sizeof quoted, r->name));
    snprintf(path, size, "runs/%s", r->name);
    for (int i = 2; access(path, F_OK) == 0 && i < 100000; i++)
        snprintf(path, size, "runs/%s-%d", r->name, i);
    return 0;
}

/* ---- the run ---- */

/* own: this is a process of its own, whose screen waits for it to begin, and shows more; or NULL. model: a file to be
 * written of the result, too, or NULL. */
static int run_to_the_end(struct rt_training *t, struct rt_session *s, struct rt_recipe *r,
                          const struct rt_training_request *request, struct rt_run_progress *progress,
                          struct rt_detach *own, const char *model, struct rt_error *e)
{
    RT_TRY(rt_training_open(t, s, r, request, e));
    rt_run_progress_announce(progress);
    if (own) {
        progress->line.quiet = true;
        RT_TRY(rt_detach_begun(own, request->output, e));
    }
    RT_TRY(rt_training_run(t, e));
    return model ? rt_export_model(t->result, model, RT_ONNX_WEIGHTS_FLOAT, e) : 0;
}

/* The exit code of how the run ended, and what people are told of that. printed: its results stand there already. */
static int run_conclude(int rc, const struct rt_training *t, const struct rt_session *s, bool printed,
                        const struct rt_error *e)
{
    if (rc == RT_ESTOPPED && !t->dir.path[0])
        fprintf(stderr, "retort: stopped before the first step; nothing was written\n");
    else if (rc == RT_ESTOPPED)
        rt_plain_print(stderr, "retort: stopped at step %lld; go on with: retort run --resume %s\n",
                       (long long)rt_learner_progress(t->student.learner).step, t->dir.path);
    else if (rc < 0)
        return rt_cmd_fail(e);
    else if (!printed)
        rt_run_result_print(t, s);
    return rc < 0 ? RT_EXIT_STOPPED : RT_EXIT_DONE;
}

/* ranks: the other processes of the run, or NULL; only the first speaks to people, but for its own errors. */
static int run_here(const struct request *q, struct rt_recipe *r, const char *output, struct rt_detach *own,
                    struct rt_ranks *ranks)
{
    struct rt_training *t = calloc(1, sizeof *t);
    struct rt_session *s = calloc(1, sizeof *s);
    struct rt_error e = {0};
    struct rt_run_progress progress;
    struct rt_training_request request = {
        .output = output, .journal = q->journal, .init = q->resume ? output : NULL, .resume = q->resume, .ranks = ranks,
    };
    int code;
    bool leads = rt_ranks_rank(ranks) == 0;
    rt_cmd_outlive_readers();
    rt_run_progress_init(&progress, t, q->quiet || !leads);
    if (leads)
        rt_run_progress_join(&progress, &request);
    if (t && s) {
        int rc = run_to_the_end(t, s, r, &request, &progress, own, leads ? q->model : NULL, &e);
        rt_run_progress_end(&progress);
        if (ranks && rc < 0 && rc != RT_ESTOPPED && rc != RT_ELOST) {
            rt_ranks_give_up(ranks, &e);
            if (!leads)
                rt_error_prefix(&e, "%s", rt_ranks_name(ranks, rt_ranks_rank(ranks)));
        }
        if (q->json && leads)
            rt_run_result_print_json(t, s, rc, &e);
        code = !leads && (rc == 0 || rc == RT_ESTOPPED) ? (rc ? RT_EXIT_STOPPED : RT_EXIT_DONE)
                                                       : run_conclude(rc, t, s, q->json, &e);
        rt_training_close(t);
        rt_session_close(s);
    } else {
        rt_error_set(&e, RT_EMEM, "no memory for a run");
        code = rt_cmd_fail(&e);
    }
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
        return run_here(q, r, output, &d, NULL);
    if (!rt_detach_wait(&d, &code))
        return code;
    rc = rt_attach(output, NULL, 0, &left, &e);
    if (rc < 0) {
        rt_cmd_fail(&e);
        rt_plain_print(stderr, "retort: the run goes on without a screen, as process %d: `retort ctl %s status`\n",
                       d.pid, output);
        return RT_EXIT_FAILED;
    }
    return left == RT_ATTACH_GOES_ON ? rc : rt_detach_end(&d, output);
}

/* One of several processes (mpirun, srun). Rank 0's folder is what the run leaves; the others know no other, and
 * none has a screen: it would be one for each. */
static int run_with_ranks(const struct request *q, struct rt_recipe *r, struct rt_error *e)
{
    struct rt_ranks *ranks;
    if (!q->output)
        return rt_cmd_usage(&cmd_run, "several processes need -o DIR, the folder of their run");
    if (rt_ranks_open(&ranks, e) < 0)
        return rt_cmd_fail(e);
    int code = run_here(q, r, q->output, NULL, ranks);
    rt_ranks_close(ranks);
    return code;
}

/* ---- the command ---- */

static void keys_print(void)
{
    for (int i = 0; i < rt_key_count; i++)
        rt_plain_print(stdout, "%s\n", rt_keys[i].name);
}

/* `--resume DIR`: the only thing that can be meant by a folder there. */
static void resume_take_folder(struct request *q)
{
    struct stat st;
    const char *name = q->recipe ? strrchr(q->recipe, '.') : NULL;
    if (!q->resume || !q->recipe || q->output || (name && strcmp(name, ".yaml") == 0))
        return;
    if (stat(q->recipe, &st) == 0 && !S_ISDIR(st.st_mode))
        return;
    q->output = q->recipe;
    q->recipe = NULL;
}

static int run_run(void *request, struct rt_error *e)
{
    static struct rt_recipe recipe;
    const struct request *q = request;
    char output[4096];
    resume_take_folder(request);
    if (q->keys) {
        keys_print();
        return RT_EXIT_DONE;
    }
    if (q->resume && !q->output)
        return rt_cmd_usage(&cmd_run, "--resume needs the folder of the run to go on with: --resume DIR");
    if (q->resume && q->journal)
        return rt_cmd_usage(&cmd_run, "--resume keeps to the journal the run began with; leave --journal out");
    if (q->verify && (q->resume || q->journal || q->output))
        return rt_cmd_usage(&cmd_run, "--verify-resume makes runs of its own, which are not kept: leave -o, --resume "
                            "and --journal out");
    if (recipe_read(q, &recipe, e) < 0) {
        rt_cmd_fail(e);
        return RT_EXIT_USAGE;
    }
    if (q->model && rt_export_check(q->model, RT_ONNX_WEIGHTS_FLOAT, e) < 0)
        return rt_cmd_usage(&cmd_run, "--export %s", e->text);
    if (q->print) {
        rt_recipe_print(&recipe, stdout);
        return RT_EXIT_DONE;
    }
    if (q->verify)
        return rt_verify_resume(&recipe, q->verify, q->quiet, e);
    if (rt_ranks_wanted())
        return run_with_ranks(q, &recipe, e);
    rt_parent_follow();
    if (q->output)
        snprintf(output, sizeof output, "%s", q->output);
    else if (output_default(&recipe, output, sizeof output, e) < 0)
        return RT_EUSAGE;
    return q->headless || q->quiet || q->json || !rt_detach_possible() ? run_here(q, &recipe, output, NULL, NULL)
                                                            : run_with_screen(q, &recipe, output);
}

const struct rt_command cmd_run = {
    .name = "run",
    .summary = "train a student (or, without teacher.model, a teacher)",
    .usage = {"RECIPE [-o DIR] [-s KEY=VALUE]... [options]", "--resume DIR [options]", "RECIPE --verify-resume N"},
    .about = "Trains the student that the recipe describes; with teacher.model a teacher helps. In a terminal the run "
             "is a process of its own, with a screen attached that may be left and attached again.",
    .options = (const struct rt_option[]){
        {'o', "output", "DIR", "run folder", RT_OPTION_TEXT(struct request, output),
         .otherwise = "runs/NAME, then NAME-2, ...", .files = "/"},
        {'s', "set", "KEY=VALUE", "overrides a setting of the recipe, with the same checks; may be repeated",
         RT_OPTION_OWN(struct request, set, override_take), .word = rt_setting_word},
        {0, "epochs", "N", "as -s train.epochs=N -s train.steps=0",
         RT_OPTION_OWN(struct request, set, override_take_epochs)},
        {0, "steps", "N", "as -s train.steps=N", RT_OPTION_OWN(struct request, set, override_take_steps)},
        {0, "strict", NULL, "stop at the first bad sample (exit code 1) instead of leaving it out",
         RT_OPTION_OWN(struct request, set, override_take_strict)},
        {0, "resume", NULL, "go on from the newest checkpoint in DIR (or that of -o); the result is that of a run "
         "never stopped, byte for byte; with more --steps or --epochs than it had, the run becomes longer",
         RT_OPTION_FLAG(struct request, resume), .alone = true},
        {0, "verify-resume", "N", "train the first N updates twice, without a stop, and stopped half way and resumed, "
         "and say whether the checkpoints are the same; nothing is kept",
         RT_OPTION_WHOLE(struct request, verify, 2, INT64_MAX)},
        {0, "journal", "RUN", "make the changes of settings that another run's journal holds, at their steps; RUN is "
         "a run folder or a run.db", RT_OPTION_TEXT(struct request, journal), .files = "*"},
        {0, "export", "FILE", "writes the result as retort export does, too: .safetensors or .onnx",
         RT_OPTION_TEXT(struct request, model), .files = "*"},
        {0, "headless", NULL, "in the foreground, without a screen (also when there is no terminal)",
         RT_OPTION_FLAG(struct request, headless)},
        {0, "json", NULL, "results as one JSON object at the end, also of a run that stopped or failed; no screen",
         RT_OPTION_FLAG(struct request, json)},
        {0, "print-recipe", NULL, "print every resolved setting and stop", RT_OPTION_FLAG(struct request, print)},
        {0, "list-keys", NULL, "print the names of all settings and stop", RT_OPTION_FLAG(struct request, keys),
         .alone = true},
        RT_OPTION_QUIET(struct request, quiet, "no screen and no progress"),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"RECIPE", "which recipe?", offsetof(struct request, recipe), .files = "*.yaml"},
        {0}},
    .below = "Results go to standard output, progress to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage "
             "or recipe, 3 another process of the run is lost, 130 interrupted after a clean checkpoint (3 and 130: go "
             "on with --resume). Under mpirun or srun all processes make one run: docs/machines.md.",
    .request_size = sizeof(struct request),
    .run = run_run,
};
