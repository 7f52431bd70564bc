/* SPDX-License-Identifier: MIT
 * cmd_attach: `retort attach`: the screen on a run, live or finished. Reads the run folder; what is to be
 * changed is said to the run through its socket. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "tui/report/runs_table.h"
#include "tui/screen/compare.h"
#include "tui/screen/keys.h"
#include "tui/screen/ui/attach.h"

#include <stdio.h>
#include <string.h>

struct request {
    const char *folder;
    struct compared {
        char *folder[RT_COMPARE_RUNS];
        int count;
    } compare;
};

static int compare_take(void *field, const char *value, struct rt_error *e)
{
    struct compared *c = field;
    if (c->count == RT_COMPARE_RUNS)
        return rt_error_set(e, RT_EUSAGE, "%d runs can lie over, no more", RT_COMPARE_RUNS);
    c->folder[c->count++] = (char *)value;
    return 0;
}

static int attach_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    char folder[4000];
    enum rt_attach_left left = RT_ATTACH_ENDED;
    snprintf(folder, sizeof folder, "%s", q->folder ? q->folder : RT_RUNS_FOLDER);
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--)
        folder[n - 1] = 0;
    int rc = rt_attach(folder, q->compare.folder, q->compare.count, &left, e);
    if (rc == 0 && left == RT_ATTACH_STOPPED)
        rt_plain_print(stderr, "stopped: `retort run --resume %s` goes on\n", folder);
    return rc;
}

const struct rt_command cmd_attach = {
    .name = "attach",
    .summary = "the screen on a run, or the list of runs: curves, samples, stages",
    .usage = {"[DIR] [--compare RUN]..."},
    .about = "The screen on a run, while it goes on or afterwards: curves, samples, stages, settings. Shows what "
             "stands in the run's folder; a run that goes on is steered through its socket, as by `retort ctl`. Of a "
             "folder that holds runs (default runs) it shows the list, from which one is opened; so does `retort` "
             "alone.",
    .options = (const struct rt_option[]){
        {0, "compare", "RUN", "lay the curves of another run, or of one beside it by its name alone, over these; may "
         "be repeated",
         RT_OPTION_OWN(struct request, compare, compare_take), .files = "/"},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR", NULL, offsetof(struct request, folder), .files = "/"},
        {0}},
    .below = "Colours are for the ground that the terminal says it has; RETORT_THEME (dark, light, terminal: its own "
             "colours, mono) says otherwise, as does `:theme`.",
    .lists = rt_keys_print,
    .request_size = sizeof(struct request),
    .run = attach_run,
};
