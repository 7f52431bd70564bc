/* SPDX-License-Identifier: MIT
 * main: finds the command by name. Everything else is in cmd_*.c; the list is commands.def. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"
#include "pipeline/flow/uv_memory.h"
#include "stages/nn/blas.h"
#include "stages/nn/isa.h"
#include "stages/session/machine_limits.h"
#include "tui/report/runs_table.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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
                 "Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 3 another process of the run is lost, "
                 "130 interrupted after a clean checkpoint.\n");
}

/* For completion and docs/manual/make: the commands; the rows of a command, or of one of its kinds. */

static int commands_list(void)
{
    for (int i = 0; i < COMMANDS; i++)
        rt_plain_print(stdout, "%s\n", commands[i]->name);
    return RT_EXIT_DONE;
}

static int options_list(int argc, char **argv)
{
    const struct rt_command *c = argc > 2 ? command_find(argv[2]) : NULL;
    const struct rt_command *kind = c && argc > 3 ? rt_command_kind(c, argv[3]) : NULL;
    if (!c)
        return RT_EXIT_USAGE;
    rt_command_list(kind ? kind : c, stdout);
    return RT_EXIT_DONE;
}

/* Does not return where the program was started again. Then ps, top and pgrep would call it by the link, "exe". */
static void program_start_alone(char **argv)
{
    if (rt_blas_ask_alone())
        execv("/proc/self/exe", argv);
    prctl(PR_SET_NAME, "retort");
}

/* Runs one command; what it has printed must have arrived. */
static int command_run(const struct rt_command *c, int argc, char **argv)
{
    struct rt_error e = {0};
    rt_uv_memory();
    if (rt_machine_try_files(&e) < 0)
        return rt_cmd_fail(&e);
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

/* ---- before main ----
 * OpenBLAS starts threads of its own as it is loaded. Where it may not (ulimit -u) it raises SIGINT, and the program
 * would be gone, as if somebody had stopped it. So SIGINT waits until all libraries are loaded; which limit it was is
 * said by whoever needs threads (machine_limits.h). A sanitizer's own start comes too late for this.
 *
 * Nothing before main can keep it from starting them, and one that finds no memory waits for ever and holds up exit.
 * So a command is run by the program started once more, without them; that costs some 20 ms, and saves 136 MiB of
 * addresses for each processor but one. */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void (*interrupt)(int);

static void interrupt_hold(void)
{
    interrupt = signal(SIGINT, SIG_IGN);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = interrupt_hold;

static void interrupt_let(void)
{
    signal(SIGINT, interrupt);
}
#else
static void interrupt_let(void)
{
}
#endif

/* No command: the list of runs, where there are some and somebody is there to see it. */
static int program_alone(char **argv)
{
    static char name[] = "attach";
    struct rt_runs runs = {0};
    struct rt_error ignored;
    bool some = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && rt_runs_look(&runs, RT_RUNS_FOLDER, &ignored) == 0 &&
                runs.count > 0;
    rt_runs_fini(&runs);
    if (!some) {
        help_print(stderr);
        return RT_EXIT_USAGE;
    }
    program_start_alone(argv);
    return command_run(command_find(name), 1, (char *[]){name, NULL});
}

int main(int argc, char **argv)
{
    interrupt_let();
    /* Batches come and go in pieces of a MiB: giving them back to the kernel each time costs half the
     * speed of packing (tests/bench/frame_bench). */
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    /* One arena: each further one takes 64 MiB of addresses, for every thread, and most of what is large moves between
     * threads anyway. */
    mallopt(M_ARENA_MAX, 1);
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error with a name, not the end */
    if (argc < 2)
        return program_alone(argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help_command(argc, argv);
    if (strcmp(argv[1], "--version") == 0) {
        printf("retort " RT_VERSION "\n");
        return RT_EXIT_DONE;
    }
    if (argv[1][0] != '-')
        program_start_alone(argv);
    const char *isa = getenv("RETORT_ISA");
    struct rt_error e = {0};
    if (isa && *isa && rt_isa_ask(isa, &e) < 0) {
        rt_plain_print(stderr, "retort: RETORT_ISA: %s\n", e.text);
        return RT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--list-options") == 0)
        return options_list(argc, argv);
    if (strcmp(argv[1], "--list-commands") == 0)
        return commands_list();
    return command_named(argc, argv);
}
