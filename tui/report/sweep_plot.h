/* SPDX-License-Identifier: MIT
 * sweep_plot: a sweep as a picture: means with their intervals. */
#ifndef RT_SWEEP_PLOT_H
#define RT_SWEEP_PLOT_H

#include "tui/report/sweep_results.h"

#include <stdio.h>

/* SVG: means on test with their intervals (validation's where choose is set). Of exactly one key varied, with numbers:
 * the metric against that key, on a logarithmic axis where its values span a factor of ten, in each panel; a setting
 * that does not vary is a line through all panels. Else a row per setting. */
void rt_sweep_plot_write(const struct rt_sweep_results *r, FILE *out);
/* What PLOT is; ":" stands at the mean of the setting that the others are compared to. */
void rt_sweep_plot_letters(const struct rt_sweep_results *r, FILE *out);

#endif
