/* SPDX-License-Identifier: MIT
 * runs_list: the runs in a folder, read on a thread of its own again and again while somebody looks, as one that does
 * not answer would hold the screen up. Draws nothing. All calls on the thread of the ui. */
#ifndef RT_RUNS_LIST_H
#define RT_RUNS_LIST_H

#include "tui/report/runs_table.h"

struct rt_runs_reading; /* opaque: the thread and what it has read */

/* Zeroed is none. It outlives the run that is open: whoever opens another finds the list as it was left. */
struct rt_runs_list {
    char folder[4096];     /* whose runs these are */
    struct rt_table table; /* as rt_runs_table makes it; rows by name; its order is the Runs screen's */
    unsigned version;      /* rises with each reading; 0 = none yet */
    int more;              /* runs that the first reading has found and not yet read: they are not in the table */
    char why[300];         /* why the folder could not be read, "" = it could */
    int at;                /* row under the cursor */
    char where[400], sort[72];
    /* private to runs_list.c */
    struct rt_runs_reading *reading;
    struct rt_runs known; /* of the last look */
    double began;
};

/* Looks again, when the last look is two seconds ago, and takes what has been read. True: version rose. now: seconds
 * of a clock that only rises. */
bool rt_runs_list_poll(struct rt_runs_list *l, double now);
/* Waits for nothing: a thread that still reads ends by itself or with the process. */
void rt_runs_list_fini(struct rt_runs_list *l);
/* The folder of a row; "" when there is none. */
const char *rt_runs_list_folder(const struct rt_runs_list *l, int row);
/* The row of a folder, -1 = none. */
int rt_runs_list_find(const struct rt_runs_list *l, const char *folder);

#endif
