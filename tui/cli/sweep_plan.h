/* SPDX-License-Identifier: MIT
 * sweep_plan: the runs of a sweep, each with its folder, what it is started with, and what has become of it; which is
 * the next to start. Starts nothing itself (sweep_run.h does). Main thread. */
#ifndef RT_SWEEP_PLAN_H
#define RT_SWEEP_PLAN_H

#include "formats/sweep.h"
#include "pipeline/run/run_files.h"

enum rt_sweep_state { RT_SWEEP_WAITS, RT_SWEEP_RUNS, RT_SWEEP_DONE, RT_SWEEP_FAILED };

struct rt_sweep_job {
    char name[RT_SWEEP_NAME + 16]; /* of its folder: "kl-knees-41" */
    char folder[RT_SWEEP_PATH];
    const char *recipe;      /* of the sweep */
    int teacher;             /* job, -1 = none */
    int setting, seed;       /* places in the sweep; setting -1: this is a teacher */
    int teaches;             /* place of the teacher that it is */
    struct rt_sweep_set set; /* of its command, behind -s */
    char *text;              /* the recipe that follows from it, resolved */
    enum rt_sweep_state state;
};

struct rt_sweep_plan {
    const struct rt_sweep *sweep;
    struct rt_sweep_job *job; /* teachers, then settings seed by seed */
    int jobs, waiting;     /* waiting: at the start, those that are not done */
};

/* All runs of s in this folder, and which of them are done: finished, with the recipe as it is now, not older than
 * their teacher. Reads the recipes, so what is wrong in one is said here, as are two settings that come to the same
 * (RT_EUSAGE). The caller fini's p, also after a failure. */
int rt_sweep_plan_init(struct rt_sweep_plan *p, const struct rt_sweep *s, const char *folder, struct rt_error *e);
void rt_sweep_plan_fini(struct rt_sweep_plan *p);
/* The first that waits for no teacher, -1 = none just now. */
int rt_sweep_plan_next(const struct rt_sweep_plan *p);
/* Before it is started: *resume says that it goes on; a folder of another recipe or of an older teacher is removed
 * with all that is in it. RT_EBUSY when another process writes there, RT_EUSAGE when it holds a run that is not of this
 * sweep, RT_EIO. The message goes on after the run's name. */
int rt_sweep_job_prepare(const struct rt_sweep_plan *p, int job, bool *resume, struct rt_error *e);
/* Its command's words behind the program's name, up to a NULL; valid as long as the plan. free() the array. */
char **rt_sweep_job_words(const struct rt_sweep_plan *p, int job, bool resume);

#endif
