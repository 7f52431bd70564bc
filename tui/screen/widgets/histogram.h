/* SPDX-License-Identifier: MIT
 * histogram: bars over an axis, and a curve from 0 to 1 over them. Draws only inside its rectangle,
 * whatever its size. */
#ifndef RT_HISTOGRAM_H
#define RT_HISTOGRAM_H

#include "tui/screen/base/canvas.h"

/* The part of r that holds the bars, one column for each: r without the line of the title and, when r is
 * high enough, the axis. */
struct rt_rect rt_histogram_plot(struct rt_rect r);
/* count[plot's width]: the heights, as many as the plot has columns; low and high: words at the ends of the
 * axis. */
void rt_histogram_draw(struct rt_canvas *c, struct rt_rect r, enum rt_style style, const char *title,
                       const double *count, const char *low, const char *high);
/* y(x), both from 0 to 1, over the same plot. */
void rt_histogram_curve(struct rt_canvas *c, struct rt_rect plot, enum rt_style style,
                        double (*y)(void *self, double x), void *self);

#endif
