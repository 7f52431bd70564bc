/* SPDX-License-Identifier: MIT
 * rundb_parts: what rundb's own files share: rundb.c (opening, writing), rundb_read.c (queries),
 * rundb_error.c (what SQLite says when it fails) and rundb_check.c (what a file must be before it is believed). */
#ifndef RT_RUNDB_PARTS_H
#define RT_RUNDB_PARTS_H

#include "pipeline/run/rundb.h"

#include <sqlite3.h>
#include <stdbool.h>

enum {
    RT_RUNDB_META,
    RT_RUNDB_METRIC,
    RT_RUNDB_MEAN,
    RT_RUNDB_SAMPLE,
    RT_RUNDB_JOURNAL,
    RT_RUNDB_STAGE,
    RT_RUNDB_CLOCK,
    RT_RUNDB_STATEMENTS
};

struct rt_rundb {
    sqlite3 *db;
    sqlite3_stmt *statement[RT_RUNDB_STATEMENTS];
    int columns;        /* extra ones of samples */
    uint64_t deadline;  /* ns; when SQLite is to give up. 0 = never: it writes */
    char path[4096];
};

/* What SQLite said last, in *e. */
int rt_rundb_fail(const struct rt_rundb *r, struct rt_error *e);
/* Nothing in the file's schema is run, rows have a greatest size, a query that finds nothing ends. Before the first
 * statement. */
void rt_rundb_distrust(struct rt_rundb *r);
/* From now on until it is off: what takes longer than a row may take fails. */
void rt_rundb_deadline(struct rt_rundb *r, bool on);
/* Every table is a table, with the columns that are counted on and their types. RT_EFORMAT names the first that is
 * not. A table that is not there at all is fine, but for samples. */
int rt_rundb_check(struct rt_rundb *r, struct rt_error *e);

#endif
