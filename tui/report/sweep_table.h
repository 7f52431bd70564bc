/* SPDX-License-Identifier: MIT
 * sweep_table: the table of a sweep, as text, Markdown, CSV or JSON: the setting compared, and how the others differ
 * from it. Where a setting is chosen on validation, test is told of it and of the compared one only. */
#ifndef RT_SWEEP_TABLE_H
#define RT_SWEEP_TABLE_H

#include "tui/report/sweep_results.h"

#include <stdio.h>

/* PLOT: a plot in letters, a row per setting. */
enum rt_sweep_form { RT_SWEEP_TEXT, RT_SWEEP_MARKDOWN, RT_SWEEP_CSV, RT_SWEEP_JSON, RT_SWEEP_PLOT };
void rt_sweep_table_write(const struct rt_sweep_results *r, enum rt_sweep_form form, FILE *out);

#endif
