/* SPDX-License-Identifier: MIT
 * run_table: the samples of a run as a table, read from its run.db, also while the run goes on. */
#ifndef RT_RUN_TABLE_H
#define RT_RUN_TABLE_H

#include "pipeline/data/table.h"

/* All columns; those in no first view, or empty, are hidden. The caller fini's *t, also after a failure.
 * RT_EMISSING when the folder is that of no run. */
int rt_run_table(struct rt_table *t, const char *folder, struct rt_error *e);

#endif
