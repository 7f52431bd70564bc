/* SPDX-License-Identifier: MIT
 * evaluate: see evaluate.h. */
#include "tui/cli/evaluate.h"

#include "formats/path.h"
#include "formats/plain.h"
#include "pipeline/run/run_files.h"
#include "tui/cli/progress.h"

#include <stdlib.h>

/* What could be used has been answered before anybody is told what could not, so a failure of `use` hides no reason. */

void rt_evaluate_say_left_out(struct rt_evaluation *v)
{
    char left[400];
    rt_session_summary(&v->session, left, sizeof left);
    if (left[0])
        rt_plain_print(stderr, "retort: %s\n", left);
}

/* ---- the order of arguments ----
 * A table read as a model fails with the words of a file format, which helps nobody who only mixed the two up. */

static bool path_is_model(const char *path)
{
    return rt_path_ends_in(path, ".safetensors") || rt_path_ends_in(path, ".onnx") ||
           rt_run_file_exists(path, RT_RUN_RECIPE);
}

int rt_evaluate_check_order(const char *command, const char *model, const char *data, struct rt_error *e)
{
    if (path_is_model(model) || !path_is_model(data))
        return 0;
    return rt_error_set(e, RT_EUSAGE, "%s is a model and %s is none: the model stands first: retort %s %s %s", data,
                        model, command, data, model);
}

void rt_evaluate_say_front(const struct rt_model *m)
{
    if (rt_model_front_words(m))
        rt_plain_print(stderr, "retort: front end: %s\n", rt_model_front_words(m));
}

int rt_evaluate(const char *command, struct rt_evaluation_request *q,
                int (*use)(void *self, struct rt_evaluation *v, struct rt_error *e), void *self, struct rt_error *e)
{
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    RT_TRY(rt_evaluate_check_order(command, q->model, q->manifest, e));
    q->watch = &watch;
    q->other = -1;
    struct rt_evaluation *v = calloc(1, sizeof *v); /* too large for the stack */
    if (!v)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = rt_evaluation_open(v, q, e);
    if (rc == 0) {
        rc = use(self, v, e);
        rt_evaluate_say_left_out(v);
    }
    rt_evaluation_close(v);
    free(v);
    return rc;
}
