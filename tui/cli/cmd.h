/* SPDX-License-Identifier: MIT
 * cmd: what the commands share: their tables by name, exit codes, how a failure is said. A command ends with
 * 0 done, 1 failed, 2 wrong usage or recipe, 130 interrupted after a clean checkpoint. Main thread. */
#ifndef RT_CMD_H
#define RT_CMD_H

#include "tui/cli/options.h"

enum rt_exit { RT_EXIT_DONE = 0, RT_EXIT_FAILED = 1, RT_EXIT_USAGE = 2, RT_EXIT_LOST = 3, RT_EXIT_STOPPED = 130 };

#define RT_COMMAND(name) extern const struct rt_command cmd_##name;
#include "tui/cli/commands.def"
#undef RT_COMMAND

/* Reads the line, then runs the command, or the kind of it that argv[1] names. The exit code. */
int rt_cmd_run(const struct rt_command *c, int argc, char **argv);

/* "retort: text" to stderr; returns the exit code that fits e->code. */
int rt_cmd_fail(const struct rt_error *e);
/* "retort COMMAND: text; see retort COMMAND --help" to stderr; returns RT_EXIT_USAGE. */
int rt_cmd_usage(const struct rt_command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One word of a command as a shell reads it: in quotes where it has to be. */
void rt_cmd_word(FILE *out, const char *word);
/* For a command whose work counts for more than who reads about it: a pipe that was closed is an error of
 * the write to it, and no longer the end. */
void rt_cmd_outlive_readers(void);
/* "title     text" to standard output, wrapped at the terminal's width, on later lines indented. */
void rt_cmd_say(const char *title, const char *text);
/* The same for a table of rows below a heading, with room for longer titles. */
void rt_cmd_row(const char *title, const char *text);

#endif
