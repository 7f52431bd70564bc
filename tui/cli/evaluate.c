/* SPDX-License-Identifier: MIT
 * evaluate: see evaluate.h. */
#include "tui/cli/evaluate.h"

#include "formats/plain.h"
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

int rt_evaluate(struct rt_evaluation_request *q, int (*use)(void *self, struct rt_evaluation *v, struct rt_error *e),
                void *self, struct rt_error *e)
{
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
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
