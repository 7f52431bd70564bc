/* SPDX-License-Identifier: MIT
 * main: finds the command by name. Everything else is in cmd_*.c; the list is commands.def. */
#include "tui/cli/cmd.h"

#include "stages/nn/isa.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
    const char *name, *usage, *summary;
    int (*main)(int argc, char **argv);
};

static const struct command commands[] = {
#define RT_COMMAND(name, usage, summary) {#name, usage, summary, cmd_##name},
#include "tui/cli/commands.def"
#undef RT_COMMAND
};
static const size_t command_count = sizeof commands / sizeof *commands;

static void help(FILE *out)
{
    fprintf(out, "retort " RT_VERSION ": cross-modal distillation in the terminal\n"
                 "A teacher on one modality helps train a small student on another.\n\n"
                 "usage: retort COMMAND ...\n\n");
    for (size_t i = 0; i < command_count; i++)
        fprintf(out, "  %-9s %s\n            %s\n", commands[i].name, commands[i].summary,
                commands[i].usage);
    fprintf(out, "\n`retort COMMAND --help` tells its options. --version prints the version.\n"
                 "Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 130 interrupted after a "
                 "clean checkpoint.\n");
}

/* Runs one command; what it has printed must have arrived. */
static int run(const struct command *c, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof name, "retort %s", c->name);
    argv[0] = name; /* for getopt's messages */
    int code = c->main(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == RT_EXIT_DONE) {
        fprintf(stderr, "retort: cannot write to standard output: %s\n", strerror(errno));
        return RT_EXIT_FAILED;
    }
    return code;
}

int main(int argc, char **argv)
{
    /* Batches come and go in pieces of a MiB: giving them back to the kernel each time costs half the
     * speed of packing (tests/bench/frame_bench). */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error with a name, not the end */
    if (argc < 2) {
        help(stderr);
        return RT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return RT_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("retort " RT_VERSION "\n");
        return RT_EXIT_DONE;
    }
    const char *isa = getenv("RETORT_ISA");
    struct rt_error e = {0};
    if (isa && *isa && rt_isa_ask(isa, &e) < 0) {
        fprintf(stderr, "retort: RETORT_ISA: %s\n", e.text);
        return RT_EXIT_USAGE;
    }
    bool list = strcmp(argv[1], "--list-commands") == 0;
    for (size_t i = 0; i < command_count; i++) {
        if (list)
            printf("%s\n", commands[i].name);
        else if (strcmp(argv[1], commands[i].name) == 0)
            return run(&commands[i], argc - 1, argv + 1);
    }
    if (list)
        return RT_EXIT_DONE;
    fprintf(stderr, "retort: there is no command '%s'; try `retort --help`\n", argv[1]);
    return RT_EXIT_USAGE;
}
