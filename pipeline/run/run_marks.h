/* SPDX-License-Identifier: MIT
 * run_marks: what people noted about a run's samples after it had ended: in run.db's table marks(row PRIMARY KEY,
 * what), which the run itself neither reads nor writes. One thread. */
#ifndef RT_RUN_MARKS_H
#define RT_RUN_MARKS_H

#include "formats/error.h"

#include <stdint.h>

enum { RT_MARK_ON = 1,       /* picked out */
       RT_MARK_LEFT_OUT = 2, /* not for the next run */
       RT_MARK_ALL = 3 };

/* mark: [rows], of the manifest's; what the run has none of is 0. A run without marks has none: no error. */
int rt_run_marks_load(const char *folder, uint8_t *mark, int rows, struct rt_error *e);
/* In place of those that were there. RT_EBUSY: the run goes on, or another program writes; RT_EIO, RT_EFULL, ... */
int rt_run_marks_save(const char *folder, const uint8_t *mark, int rows, struct rt_error *e);

#endif
