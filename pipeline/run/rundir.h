/* SPDX-License-Identifier: MIT
 * rundir: the folder of a run: who may write in it, its log. What is called what in it: run_files.h. */
#ifndef RT_RUNDIR_H
#define RT_RUNDIR_H

#include "formats/error.h"
#include "pipeline/run/run_files.h"

#include <stdbool.h>

struct rt_rundir {
    char path[4096];
    int lock; /* file descriptor holding an flock, or -1 */
};

/* Makes or opens the folder and takes the lock. RT_EBUSY names the process that has it. resume 0: a
 * folder that already holds a run (recipe.yaml or run.db) is refused (RT_EUSAGE, says --resume or another
 * -o); resume 1: one that holds none is (RT_EUSAGE, nothing is made). Half-written files that a killed
 * process has left in checkpoints are removed. On failure d->lock is -1. */
int rt_rundir_open(struct rt_rundir *d, const char *path, int resume, struct rt_error *e);
/* Before anything is prepared for a new run: RT_EUSAGE or RT_EBUSY when the folder holds a run already.
 * Changes nothing; rt_rundir_open still decides. */
int rt_rundir_check(const char *path, struct rt_error *e);
/* The process that writes in the folder: its number, 0 when none does, -1 when its number is not known. */
long rt_rundir_writer(const char *path);
/* Whether the folder holds a run: recipe.yaml or run.db is in it. */
bool rt_rundir_holds(const char *path);
void rt_rundir_close(struct rt_rundir *d);
/* Appends a line with the time (UTC) to log.txt; what passes 2 KiB is cut, failures are ignored. */
void rt_rundir_log(const struct rt_rundir *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
