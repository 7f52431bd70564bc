/* SPDX-License-Identifier: MIT
 * progress: one line on stderr: redrawn in place on a terminal (at most 10 times a second), plain
 * lines now and then otherwise. Used by one thread at a time. */
#ifndef RT_PROGRESS_H
#define RT_PROGRESS_H

#include "stages/session/watch.h"

#include <stdbool.h>
#include <stdint.h>

struct rt_progress {
    bool quiet;             /* nothing but warnings is shown; may be changed at any time */
    bool terminal;          /* it can be redrawn */
    uint64_t started, last; /* ns of uv_hrtime; last: when it was drawn */
    bool shown;
    bool closed; /* nobody reads it any more: set by the first line that could not be written, and quiet with it */
};

void rt_progress_init(struct rt_progress *p, bool quiet);
/* Shows what a session tells. Stands as long as p does. */
struct rt_watch rt_progress_watch(struct rt_progress *p);
/* done of total (0..1) and free text behind the bar; drawn when due. */
void rt_progress_bar(struct rt_progress *p, double fraction, const char *text);
/* A line that stays (both kinds of output). */
void rt_progress_line(struct rt_progress *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes the bar away. */
void rt_progress_clear(struct rt_progress *p);
/* The width of the terminal that standard error is; 80 where it is none. */
int rt_progress_columns(void);
/* Seconds as "1:05" or "2:03:04". */
const char *rt_progress_time(double seconds, char text[24]);

#endif
