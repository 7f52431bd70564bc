/* SPDX-License-Identifier: MIT
 * ctl: says one verb to a run that goes on, and prints the reply. */
#include "tui/cli/cmd.h"

#include "pipeline/live/client.h"
#include "pipeline/live/verbs.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"who", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help(void)
{
    printf("usage: retort ctl DIR VERB [ARGUMENT]...\n"
           "Steers the run that goes on in DIR, also from another terminal or a script:\n\n");
    for (int i = 0; i < rt_live_verb_count; i++) {
        char words[64];
        snprintf(words, sizeof words, "%s %s", rt_live_verbs[i].name, rt_live_verbs[i].arguments);
        printf("  %-16s %s\n", words, rt_live_verbs[i].help);
    }
    printf("\n      --json       the reply as the run sends it, one line of JSON (watch always does)\n"
           "      --who NAME   stands in the journal beside a change (default ctl)\n"
           "Options stand before DIR. Exit codes: 0 done, 1 no run goes on there, 2 refused or wrong "
           "usage.\n");
}

/* Lines as they come, until the run ends. */
static int follow(struct rt_client *c, const char *line, struct rt_error *e)
{
    int rc = 0;
    while (rc == 0 && printf("%s\n", line) > 0 && fflush(stdout) == 0)
        rc = rt_client_next(c, &line, e);
    return rc == RT_ENODATA ? 0 : rc;
}

int cmd_ctl(int argc, char **argv)
{
    const char *who = "ctl", *line;
    bool json = false;
    int o;
    optind = 0;
    while ((o = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (o) {
        case 'j': json = true; break;
        case 'w': who = optarg; break;
        case 'h': help(); return RT_EXIT_DONE;
        default: return rt_cmd_usage("ctl", "unknown option or missing value");
        }
    }
    if (argc - optind < 2)
        return rt_cmd_usage("ctl", argc == optind ? "which run?" : "which verb?");
    const char *folder = argv[optind++], *verb = argv[optind++];
    struct rt_client *c = NULL;
    struct rt_error e = {0};
    int rc = rt_client_open(&c, folder, &e);
    if (rc == 0)
        rc = rt_client_ask(c, who, verb, argv + optind, argc - optind, &line, &e);
    if (rc == 0 && strcmp(verb, "watch") == 0)
        rc = follow(c, line, &e);
    else if (rc == 0 && json)
        printf("%s\n", line);
    else if (rc == 0)
        rt_client_print(line, stdout);
    rt_client_close(c);
    return rc < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
