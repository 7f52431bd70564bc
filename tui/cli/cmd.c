/* SPDX-License-Identifier: MIT
 * cmd: see cmd.h. */
#include "tui/cli/cmd.h"

#include "formats/plain.h"
#include "formats/words.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMNS 80 /* where there is no terminal */

/* ---- a failure ----
 * Readers do not look round in a folder for what else might have been meant: most of them read thousands of files. Only
 * when all has failed, and over a path that stood on the command line, is there somebody to ask. */

static char **cmd_words; /* of the command that runs */

/* "; did you mean proj/student.yaml?" where a path that the message names is not there and one much like it is. */
static const char *path_hint(const struct rt_error *e, char *hint, size_t size)
{
    hint[0] = '\0';
    for (char **word = cmd_words; word && *word && !*hint && !strstr(e->text, "did you mean"); word++) {
        char folder[4096];
        const char *slash = strrchr(*word, '/'), *last = slash ? slash + 1 : *word;
        struct rt_nearest near = {.word = last};
        if (**word == '-' || !*last || strlen(*word) >= sizeof folder || !strstr(e->text, *word) ||
            access(*word, F_OK) == 0 || errno != ENOENT)
            continue;
        snprintf(folder, sizeof folder, "%.*s", (int)(last - *word), *word);
        DIR *d = opendir(*folder ? folder : ".");
        for (struct dirent *entry; d && (entry = readdir(d));)
            if (entry->d_name[0] != '.')
                rt_nearest_offer(&near, entry->d_name);
        if (d)
            closedir(d);
        if (*near.best)
            snprintf(hint, size, "; did you mean %s%s?", folder, near.best);
    }
    return hint;
}

int rt_cmd_fail(const struct rt_error *e)
{
    char hint[4500];
    rt_plain_print(stderr, "retort: %s%s\n", e->text[0] ? e->text : rt_err_words(e->code),
                   path_hint(e, hint, sizeof hint));
    if (e->code == RT_ESTOPPED)
        return RT_EXIT_STOPPED;
    if (e->code == RT_ELOST)
        return RT_EXIT_LOST;
    return e->code == RT_EUSAGE || e->code == RT_EMISMATCH ? RT_EXIT_USAGE : RT_EXIT_FAILED;
}

int rt_cmd_usage(const struct rt_command *c, const char *format, ...)
{
    char path[64];
    va_list args;
    rt_plain_print(stderr, "retort %s: ", rt_command_path(c, path));
    va_start(args, format);
    rt_plain_vprint(stderr, format, args);
    va_end(args);
    rt_plain_print(stderr, "; see retort %s --help\n", path);
    return RT_EXIT_USAGE;
}

void rt_cmd_outlive_readers(void)
{
    signal(SIGPIPE, SIG_IGN);
}

void rt_cmd_say(const char *title, const char *text)
{
    rt_plain_print(stdout, "%-9s ", title);
    rt_text_wrap(stdout, text, 10, 10, rt_text_columns(INT_MAX));
}

void rt_cmd_row(const char *title, const char *text)
{
    rt_plain_print(stdout, "  %-11s ", title);
    rt_text_wrap(stdout, text, 14, 14, rt_text_columns(INT_MAX));
}

void rt_cmd_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=,:%+-";
    if (*word && !word[strspn(word, plain)]) {
        rt_plain_print(out, "%s", word);
        return;
    }
    fputc('\'', out);
    for (int n; *word; word += n) {
        n = *word == '\'' ? 1 : (int)strcspn(word, "'");
        rt_plain_print(out, *word == '\'' ? "'\\%.*s'" : "%.*s", n, word);
    }
    fputc('\'', out);
}

/* ---- running ----
 * The request is made here and freed here, so that a command neither parses nor cleans up after parsing: it gets
 * what was asked for, and returns what became of it. */

static int command_of_kinds(const struct rt_command *c, int argc, char **argv)
{
    char names[100] = "", hint[96];
    struct rt_nearest near = {.word = argc > 1 ? argv[1] : ""};
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        rt_command_help(c, stdout, rt_text_columns(HELP_COLUMNS));
        return RT_EXIT_DONE;
    }
    if (argc > 1 && rt_command_kind(c, argv[1]))
        return rt_cmd_run(rt_command_kind(c, argv[1]), argc - 1, argv + 1);
    for (int i = 0; c->kinds[i]; i++) {
        const char *between = !i ? "" : c->kinds[i + 1] ? ", " : " or ";
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", between, c->kinds[i]->name);
        rt_nearest_offer(&near, c->kinds[i]->name);
    }
    if (argc < 2)
        return rt_cmd_usage(c, "%s: %s", c->arguments->missing, names);
    return rt_cmd_usage(c, "%s is no %s: write %s%s", argv[1], c->kind, names,
                        rt_nearest_hint(&near, hint, sizeof hint));
}

int rt_cmd_run(const struct rt_command *c, int argc, char **argv)
{
    struct rt_error e = {0};
    if (c->kinds)
        return command_of_kinds(c, argc, argv);
    cmd_words = argv + 1;
    void *request = calloc(1, c->request_size);
    int code, rc = request ? rt_options_parse(c, argc, argv, request, &e)
                           : rt_error_set(&e, RT_EMEM, "out of memory");
    if (rc == RT_EUSAGE) {
        code = rt_cmd_usage(c, "%s", e.text);
    } else if (rc > 0) {
        rt_command_help(c, stdout, rt_text_columns(HELP_COLUMNS));
        code = RT_EXIT_DONE;
    } else {
        code = rc == 0 ? c->run(request, &e) : rc;
        code = code < 0 ? rt_cmd_fail(&e) : code;
    }
    free(request);
    return code;
}
