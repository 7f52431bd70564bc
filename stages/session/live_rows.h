/* SPDX-License-Identifier: MIT
 * live_rows: which samples are meant, asked while the run goes on: by what the run itself knows of them, and not by
 * its data base. Any one thread besides the student's. */
#ifndef RT_LIVE_ROWS_H
#define RT_LIVE_ROWS_H

#include "stages/session/training.h"

/* The rows of ids, or of "where" and an expression over the columns that run.db's samples have: their number, *row
 * malloc'ed. RT_ENOTFOUND names an id, RT_EUSAGE says where an expression goes wrong; RT_EMEM. */
int rt_live_rows(const struct rt_training *t, const char *const *which, int count, int **row, struct rt_error *e);

#endif
