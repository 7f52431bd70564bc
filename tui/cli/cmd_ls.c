/* SPDX-License-Identifier: MIT
 * cmd_ls: `retort ls`: the runs in a folder, each a row (tui/report/runs_table.h). */
#include "formats/plain.h"
#include "tui/cli/cmd.h"
#include "tui/cli/options_shared.h"
#include "tui/report/runs_table.h"

struct request {
    struct rt_table_view view;
    struct rt_argument_list folders;
};

static int ls_look(struct rt_runs *r, const struct request *q, struct rt_error *e)
{
    for (int i = 0; i < q->folders.count; i++)
        RT_TRY(rt_runs_look(r, q->folders.word[i], e));
    if (q->folders.count)
        return 0;
    int rc = rt_runs_look(r, RT_RUNS_FOLDER, e);
    return rc == RT_EMISSING ? 0 : rc; /* nobody named it: there is no run yet */
}

static int ls_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    struct rt_runs r = {0};
    struct rt_table t = {0};
    int rc = ls_look(&r, q, e);
    if (rc == 0)
        rc = rt_runs_table(&t, &r, e);
    if (rc == 0)
        rc = rt_table_show(&t, &q->view, stdout, e);
    if (rc == 0 && t.rows == 0)
        rt_plain_print(stderr, "retort: no run in %s: `retort run RECIPE -o %s/NAME` makes one\n",
                       q->folders.count ? q->folders.word[0] : RT_RUNS_FOLDER, RT_RUNS_FOLDER);
    else if (rc == 0 && t.shown == 0)
        rt_plain_print(stderr, "retort: none of %d runs is as --where says: %s\n", t.rows, q->view.where);
    rt_table_fini(&t);
    rt_runs_fini(&r);
    return rc;
}

const struct rt_command cmd_ls = {
    .name = "ls",
    .summary = "runs: state, epoch, best metric",
    .usage = {"[FOLDER]... [--where EXPR] [--sort COLUMN] [options]"},
    .about = "The runs in these folders (default runs) and in the folders there: state, epoch, best (the highest "
             "top-1 on validation), test (top-1); of runs that trials judge also eer and test_eer. "
             "A run that goes on is running, paused or silent (it does not answer); others are done, stopped, "
             "failed, ended early (killed) or unreadable. Without --sort they stand by name.",
    .options = (const struct rt_option[]){
        RT_OPTIONS_VIEW(struct request, view, "state = running and best > 0.8"),
        {0}},
    .arguments = (const struct rt_argument[]){
        {"FOLDER", NULL, offsetof(struct request, folders), .many = true, .files = "/"},
        {0}},
    .request_size = sizeof(struct request),
    .run = ls_run,
};
