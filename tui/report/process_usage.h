/* SPDX-License-Identifier: MIT
 * process_usage: what the process of a run takes of this machine: from /proc, so of one that goes on here. One
 * thread. */
#ifndef RT_PROCESS_USAGE_H
#define RT_PROCESS_USAGE_H

#include <stdbool.h>

/* Zeroed is not known yet. */
struct rt_process_usage {
    double cores; /* busy, on average since the look before; 0 = not known */
    double bytes; /* resident; 0 = not known */
    /* private to process_usage.c */
    long pid;
    double looked, used;
};

/* Looks again, when the last look is two seconds ago. folder: of the run; now: seconds of a clock that only rises.
 * True: it looked. */
bool rt_process_usage_poll(struct rt_process_usage *u, const char *folder, double now);

#endif
