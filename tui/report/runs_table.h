/* SPDX-License-Identifier: MIT
 * runs_table: the runs in some folders as a table, each a row: what state it is in, how far, how good. A run that goes
 * on is asked through its socket, so this may wait for one that does not answer. One thread. */
#ifndef RT_RUNS_TABLE_H
#define RT_RUNS_TABLE_H

#include "pipeline/data/table.h"

#define RT_RUNS_FOLDER "runs" /* where runs lie unless somebody says otherwise */

struct rt_run_row;
struct rt_runs { /* cleared is: none */
    struct rt_run_row *run;
    int count, room;
};

/* Adds the runs in a folder, or the run that it is, and those in the folders there, by name. RT_EMISSING: there is no
 * such folder; RT_EIO, RT_EMEM. */
int rt_runs_look(struct rt_runs *r, const char *folder, struct rt_error *e);
/* Reads them all. The caller fini's *t, also after a failure. RT_EMEM. */
int rt_runs_table(struct rt_table *t, struct rt_runs *r, struct rt_error *e);
/* The same in steps, for who wants to see the first before the last has been read: the run at place i is read (0 to
 * count - 1), and those of the first n, which were, become a table. RT_EMEM. */
int rt_runs_read(struct rt_runs *r, int i);
/* The same, but of a run that has ended and whose files are as they were when `before` (another look at the folder)
 * read it, what was read then stands. */
int rt_runs_read_anew(struct rt_runs *r, int i, const struct rt_runs *before);
int rt_runs_part(struct rt_table *t, const struct rt_runs *r, int n, struct rt_error *e);
void rt_runs_fini(struct rt_runs *r);

#endif
