/* SPDX-License-Identifier: MIT
 * main: finds the command by name. Everything else is in cmd_*.c; the list is commands.def. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "stages/nn/isa.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rt_command *const commands[] = {
#define RT_COMMAND(name) &cmd_##name,
#include "tui/cli/commands.def"
#undef RT_COMMAND
};
#define COMMANDS ((int)(sizeof commands / sizeof *commands))

static const struct rt_command *command_find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void help_print(FILE *out)
{
    fprintf(out, "retort " RT_VERSION ": cross-modal distillation in the terminal\n"
                 "A teacher on one modality helps train a small student on another.\n\n"
                 "usage: retort COMMAND ...\n\n");
    for (int i = 0; i < COMMANDS; i++)
        rt_plain_print(out, "  %-9s %s\n            %s\n", commands[i]->name, commands[i]->summary,
                       commands[i]->usage[0]);
    fprintf(out, "\n`retort COMMAND --help` or `retort help COMMAND` tells its options. --version prints the version.\n"
                 "Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 130 interrupted after a "
                 "clean checkpoint.\n");
}

/* For completion and docs/manual/make: the rows of a command, or of one of its kinds. */
static int options_list(int argc, char **argv)
{
    const struct rt_command *c = argc > 2 ? command_find(argv[2]) : NULL;
    const struct rt_command *kind = c && argc > 3 ? rt_command_kind(c, argv[3]) : NULL;
    if (!c)
        return RT_EXIT_USAGE;
    rt_command_list(kind ? kind : c, stdout);
    return RT_EXIT_DONE;
}

/* Runs one command; what it has printed must have arrived. */
static int command_run(const struct rt_command *c, int argc, char **argv)
{
    int code = rt_cmd_run(c, argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == RT_EXIT_DONE) {
        rt_plain_print(stderr, "retort: cannot write to standard output: %s\n", strerror(errno));
        return RT_EXIT_FAILED;
    }
    return code;
}

static int command_unknown(const char *name)
{
    char quoted[RT_QUOTE], hint[100];
    struct rt_nearest near = {.word = name};
    for (int i = 0; i < COMMANDS; i++)
        rt_nearest_offer(&near, commands[i]->name);
    rt_plain_print(stderr, "retort: there is no command %s%s; see retort --help\n", rt_quote(quoted, sizeof quoted,
                   name), rt_nearest_hint(&near, hint, sizeof hint));
    return RT_EXIT_USAGE;
}

static int command_named(int argc, char **argv)
{
    const struct rt_command *c = command_find(argv[1]);
    return c ? command_run(c, argc - 1, argv + 1) : command_unknown(argv[1]);
}

/* `retort help`, `retort help COMMAND` and `retort help COMMAND KIND`: as --help behind them. */
static int help_command(int argc, char **argv)
{
    static char flag[] = "--help";
    char *line[] = {argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : flag, flag, NULL};
    if (argc > 2)
        return command_find(argv[2]) ? command_run(command_find(argv[2]), argc > 3 ? 3 : 2, line)
                                     : command_unknown(argv[2]);
    help_print(stdout);
    return RT_EXIT_DONE;
}

int main(int argc, char **argv)
{
    /* Batches come and go in pieces of a MiB: giving them back to the kernel each time costs half the
     * speed of packing (tests/bench/frame_bench). */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error with a name, not the end */
    if (argc < 2) {
        help_print(stderr);
        return RT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help_command(argc, argv);
    if (strcmp(argv[1], "--version") == 0) {
        printf("retort " RT_VERSION "\n");
        return RT_EXIT_DONE;
    }
    const char *isa = getenv("RETORT_ISA");
    struct rt_error e = {0};
    if (isa && *isa && rt_isa_ask(isa, &e) < 0) {
        rt_plain_print(stderr, "retort: RETORT_ISA: %s\n", e.text);
        return RT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--list-options") == 0)
        return options_list(argc, argv);
    for (int i = 0; strcmp(argv[1], "--list-commands") == 0 && i < COMMANDS; i++)
        rt_plain_print(stdout, "%s\n", commands[i]->name);
    return strcmp(argv[1], "--list-commands") == 0 ? RT_EXIT_DONE : command_named(argc, argv);
}
