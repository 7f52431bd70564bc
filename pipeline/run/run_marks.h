/* SPDX-License-Identifier: MIT
 * run_marks: what people noted about a run's samples: in run.db's table marks(row PRIMARY KEY, what), which nothing
 * that is computed reads. While the run goes on it alone writes there (the verb `mark`), else who looks at it. Each
 * writing raises meta's number `marks`, so that others who look at the run know (rt_snapshot.marks). One thread. */
#ifndef RT_RUN_MARKS_H
#define RT_RUN_MARKS_H

#include "pipeline/run/rundb.h"

#include <stdint.h>

enum { RT_MARK_ON = 1,       /* picked out */
       RT_MARK_LEFT_OUT = 2, /* not for the next run */
       RT_MARK_ALL = 3 };

/* mark: [rows], of the manifest's; what the run has none of is 0. A run without marks has none: no error. */
int rt_run_marks_load(const char *folder, uint8_t *mark, int rows, struct rt_error *e);
/* Those of rows that differ from `before`, which is then as mark; others stay as they are there. RT_EBUSY: the run goes
 * on, or another program writes; RT_EIO, RT_EFULL, ... */
int rt_run_marks_save(const char *folder, const uint8_t *mark, uint8_t *before, int rows, struct rt_error *e);
/* By the run, into its own data base, open for writing; not committed. asked: [rows]; 0 = stays as it is. */
enum { RT_MARK_SET = 1, RT_MARK_CLEAR };
int rt_run_marks_note(struct rt_rundb *db, const uint8_t *asked, int rows, struct rt_error *e);

#endif
