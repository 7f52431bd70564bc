/* SPDX-License-Identifier: MIT
 * verify_resume: see verify_resume.h. What is proved is what a user has: this recipe, these data, this machine. The run
 * that goes on is opened anew, from its folder alone, as after a crash; so what a checkpoint forgot would show. */
#include "tui/cli/verify_resume.h"

#include "formats/plain.h"

#include "pipeline/run/checkpoints.h"
#include "tui/cli/cmd.h"
#include "tui/cli/run_progress.h"
#include "tui/cli/temporary.h"
#include "tui/report/checkpoint_difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify {
    struct rt_recipe recipe;
    struct rt_training training;
    struct rt_session session;
    struct rt_run_progress progress;
    bool quiet;
    char folder[4096], whole[4104], again[4104];
};

/* One process's part of a run: opened, trained up to `until`, closed. *step: where it came to. */
static int verify_train(struct verify *v, const char *output, bool resume, int64_t until, int64_t *step,
                        struct rt_error *e)
{
    struct rt_recipe recipe = v->recipe;
    struct rt_training_request request = {.output = output, .init = resume ? output : NULL, .resume = resume};
    rt_run_progress_init(&v->progress, &v->training, v->quiet);
    rt_run_progress_join(&v->progress, &request);
    int rc = rt_training_open(&v->training, &v->session, &recipe, &request, e);
    if (rc == 0) {
        rt_control_until(v->training.control, until);
        rc = rt_training_run(&v->training, e);
        *step = rt_learner_progress(v->training.student.learner).step;
    }
    rt_run_progress_end(&v->progress);
    rt_training_close(&v->training);
    rt_session_close(&v->session);
    return rc == RT_ESTOPPED && *step == until ? 0 : rc;
}

static int verify_compare(const struct verify *v, int64_t step, bool *same, char *what, size_t size, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct rt_safetensors *whole = NULL, *again = NULL;
    int rc = rt_safetensors_read(&whole, rt_checkpoints_path(v->whole, step, path, sizeof path), e);
    if (rc == 0)
        rc = rt_safetensors_read(&again, rt_checkpoints_path(v->again, step, path, sizeof path), e);
    if (rc == 0)
        *same = !rt_checkpoint_differs(whole, again, what, size);
    rt_safetensors_destroy(whole);
    rt_safetensors_destroy(again);
    return rc;
}

static int verify_do(struct verify *v, int64_t updates, bool *same, struct rt_error *e)
{
    char what[600] = "";
    int64_t end = 0, stop = 0, last = 0;
    RT_TRY(verify_train(v, v->whole, false, updates, &end, e));
    RT_TRY(verify_train(v, v->again, false, end / 2 > 0 ? end / 2 : 1, &stop, e));
    RT_TRY(verify_train(v, v->again, true, end, &last, e));
    RT_TRY(verify_compare(v, end, same, what, sizeof what, e));
    rt_plain_print(stdout, "resume    %s: the checkpoint of step %" PRId64 ", trained in one go, "
                   "and stopped at step %" PRId64
                   " and resumed%s%s\n", *same ? "identical" : "different", end, stop, *same ? "" : ": ",
                   *same ? "" : what);
    return 0;
}

int rt_verify_resume(const struct rt_recipe *r, int64_t updates, bool quiet, struct rt_error *e)
{
    bool same = false;
    struct verify *v = calloc(1, sizeof *v);
    if (!v)
        return rt_error_set(e, RT_EMEM, "no memory for a run");
    v->recipe = *r;
    v->recipe.run_keep = (int64_t)rt_key_find("run.keep")->max;
    v->quiet = quiet;
    int rc = rt_temporary_make(v->folder, sizeof v->folder, "verify", e);
    if (rc == 0) {
        snprintf(v->whole, sizeof v->whole, "%s/whole", v->folder);
        snprintf(v->again, sizeof v->again, "%s/again", v->folder);
        rc = verify_do(v, updates, &same, e);
        rt_folder_remove(v->folder, NULL);
    }
    free(v);
    if (rc == RT_ESTOPPED)
        fputs("retort: verification interrupted\n", stderr);
    return rc == RT_ESTOPPED ? RT_EXIT_STOPPED : rc < 0 ? rc : same ? RT_EXIT_DONE : RT_EXIT_FAILED;
}
