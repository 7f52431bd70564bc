/* SPDX-License-Identifier: MIT
 * det_plot: the detection error tradeoff of scored trials, misses over false alarms on normal deviates, on which the
 * scores of two normal distributions give a line: for a terminal, and as SVG. */
#ifndef RT_DET_PLOT_H
#define RT_DET_PLOT_H

#include "stages/metrics/det.h"

#include <stdio.h>

/* At most 78 columns and 24 lines. */
void rt_det_print(const struct rt_det *d, FILE *out);
void rt_det_svg(const struct rt_det *d, const char *title, FILE *out);

#endif
