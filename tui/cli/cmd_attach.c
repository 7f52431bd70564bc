/* SPDX-License-Identifier: MIT
 * cmd_attach: `retort attach`: the screen on a run, live or finished. Reads the run folder; what is to be
 * changed is said to the run through its socket. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "tui/screen/keys.h"
#include "tui/screen/ui/attach.h"

#include <stdio.h>
#include <string.h>

struct request {
    const char *folder, *compare;
};

static int attach_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    char folder[4000];
    enum rt_attach_left left = RT_ATTACH_ENDED;
    snprintf(folder, sizeof folder, "%s", q->folder);
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/'; n--)
        folder[n - 1] = 0;
    int rc = rt_attach(folder, q->compare, &left, e);
    if (rc == 0 && left == RT_ATTACH_STOPPED)
        rt_plain_print(stderr, "stopped: `retort run --resume -o %s` goes on\n", folder);
    return rc;
}

const struct rt_command cmd_attach = {
    .name = "attach",
    .summary = "the screen on a run: curves, samples, stages",
    .usage = {"DIR [--compare RUN]"},
    .about = "The screen on a run, while it goes on or afterwards: curves, samples, stages, settings. Shows what "
             "stands in the run's folder; a run that goes on is steered through its socket, as by `retort ctl`.",
    .options = (const struct rt_option[]){
        {0, "compare", "RUN", "lay the curves of another run, or of one beside it by its name alone, over these",
         RT_OPTION_TEXT(struct request, compare), .files = "/"},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR", "which run folder?", offsetof(struct request, folder), .files = "/"},
        {0}},
    .lists = rt_keys_print,
    .request_size = sizeof(struct request),
    .run = attach_run,
};
