/* SPDX-License-Identifier: MIT
 * progress: see progress.h. No curses: works in any terminal, and in a pipe. */
#include "tui/cli/progress.h"

#include "formats/plain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

#define BAR 20 /* half of it where the line has less than WIDE columns */
#define WIDE 100
#define TERMINAL_NS UINT64_C(100000000)
#define PLAIN_NS UINT64_C(10000000000)

void rt_progress_init(struct rt_progress *p, bool quiet)
{
    const char *term = getenv("TERM");
    memset(p, 0, sizeof *p);
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    p->started = p->last = uv_hrtime();
}

const char *rt_progress_time(double seconds, char text[24])
{
    long s = seconds < 0 ? 0 : seconds > 359999 ? 359999 : (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, 24, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 24, "%ld:%02ld", s / 60, s % 60);
    return text;
}

int rt_progress_columns(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static bool progress_due(struct rt_progress *p)
{
    if (p->quiet)
        return false;
    uint64_t now = uv_hrtime();
    if (now - p->last < (p->terminal ? TERMINAL_NS : PLAIN_NS))
        return false;
    p->last = now;
    return true;
}

void rt_progress_bar(struct rt_progress *p, double fraction, const char *text)
{
    if (!progress_due(p))
        return;
    if (!p->terminal) {
        if (rt_plain_print(stderr, "%3.0f %%  %s\n", 100 * fraction, text) < 0)
            p->closed = p->quiet = true;
        return;
    }
    char bar[BAR + 1];
    int columns = rt_progress_columns(), length = columns < WIDE ? BAR / 2 : BAR, full = (int)(fraction * length + 0.5);
    for (int i = 0; i < length; i++)
        bar[i] = i < full ? '#' : '-';
    bar[length] = '\0';
    char line[512];
    snprintf(line, sizeof line, "[%s] %s", bar, text);
    fputs("\r", stderr);
    rt_plain_print(stderr, "%.*s", columns - 1, line);
    fputs("\033[K", stderr);
    fflush(stderr);
    p->shown = true;
}

void rt_progress_clear(struct rt_progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
    p->shown = false;
}

void rt_progress_line(struct rt_progress *p, const char *format, ...)
{
    rt_progress_clear(p);
    va_list args;
    va_start(args, format);
    rt_plain_vprint(stderr, format, args);
    va_end(args);
    if (fputc('\n', stderr) == EOF)
        p->closed = p->quiet = true;
}

/* ---- what a session tells ---- */

static void progress_on_warning(void *self, const char *text)
{
    rt_progress_line(self, "retort: %s", text);
}

static void progress_on_news(void *self, const char *text)
{
    struct rt_progress *p = self;
    if (!p->quiet)
        rt_progress_line(p, "%s", text);
}

/* Each pass begins anew: a short one shows nothing. */
static void progress_on_pass(void *self, const char *what, int done, int total)
{
    struct rt_progress *p = self;
    char text[160];
    if (!what) {
        rt_progress_clear(p);
        return;
    }
    if (done == 0)
        p->started = p->last = uv_hrtime();
    snprintf(text, sizeof text, "%s %d/%d", what, done, total);
    rt_progress_bar(p, total ? (double)done / total : 1, text);
}

struct rt_watch rt_progress_watch(struct rt_progress *p)
{
    return (struct rt_watch){p, progress_on_warning, progress_on_news, progress_on_pass};
}
