/* SPDX-License-Identifier: MIT
 * detach: a run as a process and session of its own, which outlives the terminal it was started in. What it
 * says until it has begun goes to that terminal; from then on to DIR/output.txt. */
#ifndef RT_DETACH_H
#define RT_DETACH_H

#include "formats/error.h"

#include <stdbool.h>

struct rt_detach {
    int pid;  /* of the run, in the process that started it */
    int pipe; /* tells that the run has begun, and by its end that it never will */
};

/* Whether a person can be shown a screen here: input, output and errors are one's terminal, TERM is one. */
bool rt_detach_possible(void);

/* Splits the process; to be called before there is any thread. Returns 1 in the one that started the run,
 * 0 in the run; RT_EIO. */
int rt_detach(struct rt_detach *d, struct rt_error *e);

/* In the run: it has begun, in this folder. RT_EIO. */
int rt_detach_begun(struct rt_detach *d, const char *folder, struct rt_error *e);

/* In the one that started it. Waits: true once the run has begun; false: it has ended before, *code is its
 * exit code. An interrupt of this process is passed on to the run. */
bool rt_detach_wait(struct rt_detach *d, int *code);
/* Waits for the run's end, then prints what it said; its exit code. */
int rt_detach_end(struct rt_detach *d, const char *folder);

#endif
