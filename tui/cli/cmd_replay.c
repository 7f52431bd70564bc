/* SPDX-License-Identifier: MIT
 * cmd_replay: `retort replay`: repeats a run from its recipe, seed and journal in a folder of its own, and compares
 * every checkpoint that the run still has: all tensors, the progress and the settings in effect. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "tui/cli/options_shared.h"
#include "tui/cli/run_progress.h"
#include "tui/cli/temporary.h"
#include "tui/report/checkpoint_difference.h"

#include "pipeline/run/checkpoints.h"
#include "stages/session/resume.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request {
    const char *run, *output;
    int64_t until; /* 0 = not given */
    bool quiet;
};

struct replay {
    struct rt_rundir dir; /* of the run that is repeated */
    int64_t *step, until; /* its checkpoints, newest first */
    int steps;
    char folder[4096]; /* of the repetition */
    bool temporary;
    struct rt_recipe recipe;
    struct rt_training training;
    struct rt_session session;
    struct rt_run_progress progress;
};

/* ---- the repetition ----
 * In a folder of its own, which is removed unless somebody asked for it. The run that is repeated keeps its lock
 * meanwhile, so that nobody goes on with it and its checkpoints stay those that are compared. */

static int replay_make_folder(struct replay *p, const char *output, struct rt_error *e)
{
    if (output) {
        snprintf(p->folder, sizeof p->folder, "%s", output);
        return 0;
    }
    RT_TRY(rt_temporary_make(p->folder, sizeof p->folder, "replay", e));
    p->temporary = true;
    return 0;
}

static int replay_open_run(struct replay *p, const struct request *q, struct rt_error *e)
{
    RT_TRY(rt_rundir_open(&p->dir, q->run, 1, e));
    p->steps = rt_checkpoints_steps(p->dir.path, &p->step);
    if (p->steps < 0)
        return rt_error_set(e, p->steps, "%s: cannot read the checkpoints: %s", q->run, rt_err_words(p->steps));
    if (p->steps == 0)
        return rt_error_set(e, RT_EMISSING, "%s: there is no checkpoint to compare with", q->run);
    p->until = !q->until || q->until > p->step[0] ? p->step[0] : q->until;
    if (p->step[p->steps - 1] > p->until)
        return rt_error_set(e, RT_EUSAGE, "%s: --until %" PRId64 ": its first checkpoint is of step %"
                            PRId64, q->run, p->until, p->step[p->steps - 1]);
    return replay_make_folder(p, q->output, e);
}

static int checkpoint_read(struct rt_safetensors **out, const struct rt_rundir *d, int64_t step,
                           struct rt_error *e)
{
    char path[RT_RUN_PATH];
    return rt_safetensors_read(out, rt_checkpoints_path(d->path, step, path, sizeof path), e);
}

/* Other data or another teacher can only differ: that is said now, and not after hours. */
static int replay_check_data(const struct replay *p, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    char path[RT_RUN_PATH];
    rt_checkpoints_path(p->dir.path, p->step[0], path, sizeof path);
    int rc = checkpoint_read(&s, &p->dir, p->step[0], e);
    if (rc == 0)
        rc = rt_resume_check_data(&p->training, s, path, p->dir.path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int replay_repeat(struct replay *p, const struct request *q, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_training *t = &p->training;
    RT_TRY(rt_recipe_load(&p->recipe, rt_run_file_path(p->dir.path, RT_RUN_RECIPE, path, sizeof path), e));
    p->recipe.run_keep = (int64_t)rt_key_find("run.keep")->max;
    struct rt_training_request request = {.output = p->folder, .journal = q->run, .init = p->dir.path};
    rt_run_progress_init(&p->progress, t, q->quiet);
    rt_run_progress_join(&p->progress, &request);
    RT_TRY(rt_training_open(t, &p->session, &p->recipe, &request, e));
    RT_TRY(replay_check_data(p, e));
    for (int i = 0; i < p->steps; i++)
        if (rt_control_checkpoint(t->control, p->step[i]) < 0)
            return rt_error_set(e, RT_EMEM, "no memory for a replay");
    rt_run_progress_announce(&p->progress);
    rt_control_until(t->control, p->until);
    p->progress.until = p->until;
    int rc = rt_training_run(t, e);
    rt_run_progress_end(&p->progress);
    return rc == RT_ESTOPPED && rt_learner_progress(t->student.learner).step == p->until ? 0 : rc;
}

/* ---- the comparison ---- */

static int replay_compare_one(const struct replay *p, int64_t step, bool *same, struct rt_error *e)
{
    struct rt_safetensors *there = NULL, *here = NULL;
    char what[600];
    int rc = checkpoint_read(&there, &p->dir, step, e);
    if (rc == 0)
        rc = checkpoint_read(&here, &p->training.dir, step, e);
    if (rc == 0) {
        *same = !rt_checkpoint_differs(there, here, what, sizeof what);
        rt_plain_print(stdout, "step %-8" PRId64 " %s%s\n", step,
                       *same ? "identical" : "different: ", *same ? "" : what);
    }
    rt_safetensors_destroy(there);
    rt_safetensors_destroy(here);
    return rc;
}

/* From the oldest on, to the first that differs. */
static int replay_compare(const struct replay *p, bool *same, struct rt_error *e)
{
    int compared = 0;
    int64_t last = -1, at = -1;
    *same = true;
    for (int i = p->steps - 1; *same && i >= 0 && p->step[i] <= p->until; i--) {
        last = at;
        at = p->step[i];
        RT_TRY(replay_compare_one(p, at, same, e));
        compared++;
    }
    if (*same)
        rt_plain_print(stdout, "replay    identical to step %" PRId64 ", %d checkpoint%s compared\n", at, compared,
                       compared == 1 ? "" : "s");
    else if (last >= 0)
        printf("replay    the first difference lies between steps %" PRId64 " and %" PRId64 "\n", last,
               at);
    else
        printf("replay    the first difference lies before step %" PRId64 ", the first checkpoint\n", at);
    return 0;
}

static int replay_do(struct replay *p, const struct request *q, bool *same, struct rt_error *e)
{
    RT_TRY(replay_open_run(p, q, e));
    RT_TRY(replay_repeat(p, q, e));
    return replay_compare(p, same, e);
}

static int replay_run(void *request, struct rt_error *e)
{
    struct replay *p = calloc(1, sizeof *p);
    bool same = false;
    if (!p)
        return rt_error_set(e, RT_EMEM, "no memory for a replay");
    rt_cmd_outlive_readers();
    p->dir.lock = p->training.dir.lock = -1;
    int rc = replay_do(p, request, &same, e);
    rt_training_close(&p->training);
    rt_session_close(&p->session);
    rt_rundir_close(&p->dir);
    free(p->step);
    if (p->temporary)
        rt_folder_remove(p->folder, NULL);
    free(p);
    if (rc == RT_ESTOPPED) {
        fprintf(stderr, "retort: replay interrupted\n");
        return RT_EXIT_STOPPED;
    }
    return rc < 0 ? rc : same ? RT_EXIT_DONE : RT_EXIT_FAILED;
}

const struct rt_command cmd_replay = {
    .name = "replay",
    .summary = "repeat a run with its journal and compare the checkpoints",
    .usage = {"DIR [--until STEP] [-o DIR]"},
    .about = "Repeats the run in DIR: recipe, seed and journal. Each checkpoint that DIR still has is compared, byte "
             "for byte. Nothing in DIR is changed.",
    .options = (const struct rt_option[]){
        {0, "until", "STEP", "stop after this update", RT_OPTION_WHOLE(struct request, until, 1, INT64_MAX),
         .otherwise = "DIR's newest checkpoint"},
        {'o', "output", "DIR", "keep the repeated run there", RT_OPTION_TEXT(struct request, output),
         .otherwise = "a temporary folder, removed at the end", .files = "/"},
        RT_OPTION_QUIET(struct request, quiet, "no progress"),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR", "which run?", offsetof(struct request, run), .files = "/"},
        {0}},
    .below = "Exit codes: 0 identical, 1 different or failed, 2 wrong usage, 130 interrupted.",
    .request_size = sizeof(struct request),
    .run = replay_run,
};
