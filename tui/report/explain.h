/* SPDX-License-Identifier: MIT
 * explain: one sample of a table in words: what was measured and how that compares with the data set,
 * and in a run how its weight came about, factor by factor. */
#ifndef RT_EXPLAIN_H
#define RT_EXPLAIN_H

#include "tui/report/weight_preview.h"

/* To standard output. source: the manifest or run folder the table is of. RT_EUSAGE when no sample has
 * this id. */
int rt_explain(const struct rt_table *t, const char *id, const char *source, struct rt_error *e);

/* A row in the same words, to out. s: the settings in effect, NULL when it is no run or they are not known. */
void rt_explain_row(const struct rt_table *t, int row, const struct rt_weight_settings *s, FILE *out);

/* Those that the run in this folder has now, or ended with: 1; 0 when it is no run or they are not known, s is left
 * then; RT_EMEM. */
int rt_explain_settings(const char *folder, struct rt_weight_settings *s, struct rt_error *e);

#endif
