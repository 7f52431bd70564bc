/* SPDX-License-Identifier: MIT
 * cmd_ctl: `retort ctl`: says one verb to a run that goes on, and prints the reply. */
#include "tui/cli/cmd.h"

#include "formats/jsontext.h"
#include "formats/plain.h"

#include "pipeline/live/client.h"
#include "pipeline/live/verbs.h"

#include <string.h>

struct request {
    const char *folder, *verb, *who;
    struct rt_argument_list words;
    bool json;
};

static const char *verb_word(int i)
{
    return i < rt_live_verb_count ? rt_live_verbs[i].name : NULL;
}

static void verbs_print(FILE *out)
{
    fputs("Verbs:\n", out);
    for (int i = 0; i < rt_live_verb_count; i++) {
        char words[64];
        snprintf(words, sizeof words, "%s %s", rt_live_verbs[i].name, rt_live_verbs[i].arguments);
        rt_plain_print(out, "  %-16s %s\n", words, rt_live_verbs[i].help);
    }
}

static int line_print(const char *line)
{
    rt_json_line(stdout, line);
    fputc('\n', stdout);
    return fflush(stdout);
}

/* Lines as they come, until the run ends. */
static int reply_follow(struct rt_client *c, const char *line, struct rt_error *e)
{
    int rc = 0;
    while (rc == 0 && line_print(line) == 0)
        rc = rt_client_next(c, &line, e);
    return rc == RT_ENODATA ? 0 : rc;
}

static int ctl_ask(const struct request *q, struct rt_client *c, struct rt_error *e)
{
    const char *line;
    RT_TRY(rt_client_ask(c, q->who, q->verb, q->words.word, q->words.count, &line, e));
    if (strcmp(q->verb, "watch") == 0)
        return reply_follow(c, line, e);
    if (q->json) {
        line_print(line);
        return 0;
    }
    int rc = rt_client_print(line, stdout);
    return rc < 0 ? rt_error_set(e, rc, "%s: done, but there is no memory to print all of the reply", q->verb) : 0;
}

static int ctl_run(void *request, struct rt_error *e)
{
    const struct request *q = request;
    struct rt_client *c;
    if (rt_live_verb_find(q->folder) && !rt_live_verb_find(q->verb))
        return rt_error_set(e, RT_EUSAGE, "the run's folder stands before the verb: retort ctl %s %s", q->verb,
                            q->folder);
    RT_TRY(rt_client_open(&c, q->folder, e));
    int rc = ctl_ask(q, c, e);
    rt_client_close(c);
    return rc;
}

const struct rt_command cmd_ctl = {
    .name = "ctl",
    .summary = "steer a run that goes on: set, pause, step, stop, ...",
    .usage = {"[options] DIR VERB [ARGUMENT]..."},
    .about = "Steers the run that goes on in DIR, also from another terminal or a script. Options stand before DIR.",
    .lists = verbs_print,
    .options = (const struct rt_option[]){
        {0, "json", NULL, "the reply as the run sends it, one line of JSON (watch always does)",
         RT_OPTION_FLAG(struct request, json)},
        {0, "who", "NAME", "stands in the journal beside a change", RT_OPTION_TEXT(struct request, who),
         .initial = "ctl"},
        {0}},
    .arguments = (const struct rt_argument[]){
        {"DIR", "which run?", offsetof(struct request, folder), .files = "/"},
        {"VERB", "which verb?", offsetof(struct request, verb), .word = verb_word},
        {"ARGUMENT", NULL, offsetof(struct request, words), .many = true},
        {0}},
    .options_first = true,
    .below = "Exit codes: 0 done, 1 no run goes on there, 2 refused or wrong usage.",
    .request_size = sizeof(struct request),
    .run = ctl_run,
};
