/* SPDX-License-Identifier: MIT
 * watch: see watch.h. */
#include "stages/session/watch.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define WATCH_TEXT 1200 /* a whole error and what is said before it */

void rt_watch_warn(const struct rt_watch *w, const char *format, ...)
{
    char text[WATCH_TEXT];
    va_list args;
    if (!w->warning)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->warning(w->self, text);
}

void rt_watch_tell(const struct rt_watch *w, const char *format, ...)
{
    char text[WATCH_TEXT];
    va_list args;
    if (!w->news)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->news(w->self, text);
}

void rt_watch_progress(const struct rt_watch *w, const char *what, int done, int total)
{
    if (w->progress)
        w->progress(w->self, what, done, total);
}
