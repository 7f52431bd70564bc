/* SPDX-License-Identifier: MIT
 * cmd: see cmd.h. */
#include "tui/cli/cmd.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int rt_cmd_fail(const struct rt_error *e)
{
    fprintf(stderr, "retort: %s\n", e->text[0] ? e->text : rt_err_words(e->code));
    if (e->code == RT_ESTOPPED)
        return RT_EXIT_STOPPED;
    return e->code == RT_EUSAGE || e->code == RT_EMISMATCH ? RT_EXIT_USAGE : RT_EXIT_FAILED;
}

int rt_cmd_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "retort %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; try `retort %s --help`\n", command);
    va_end(args);
    return RT_EXIT_USAGE;
}

void rt_cmd_say(const char *title, const char *text)
{
    struct winsize w;
    bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0;
    size_t width = terminal && w.ws_col > 40 ? w.ws_col : (size_t)-1;
    printf("%-9s", title);
    for (size_t column = 9; *text; text += strspn(text, " ")) {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > width && column > 9) {
            printf("\n%9s", "");
            column = 9;
        }
        printf(" %.*s", (int)word, text);
        column += 1 + word;
        text += word;
    }
    putchar('\n');
}
