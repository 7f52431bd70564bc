/* SPDX-License-Identifier: MIT
 * losses_charts: which charts there are of a run: from the curves that run.db holds, its recipe and its journal. Draws
 * nothing. */
#ifndef RT_LOSSES_CHARTS_H
#define RT_LOSSES_CHARTS_H

#include "tui/screen/view.h"
#include "tui/screen/widgets/chart.h"

#include "stages/distill/term.h"

#define RT_CHARTS 64
#define RT_LAMBDAS 32 /* changes of one term's lambda that are known; later ones count as the last of these */

struct rt_losses_charts {
    struct rt_chart chart[RT_CHARTS];
    int count;
    /* private to losses_charts.c: what the charts point to */
    const struct rt_view *view;
    bool time;
    struct rt_curve_factor lambda[RT_TERMS][RT_LAMBDAS];
};

/* Those of the view's run, with the runs that are laid over. time: x is the time that the steps took, of each run
 * that has a clock; curves of the others are left out. Valid until the view's model or its compared runs change. */
void rt_losses_charts_find(struct rt_losses_charts *all, const struct rt_view *view, bool time);
/* The colour of a run that is laid over, from 0. */
enum rt_style rt_losses_charts_style(int other);

#endif
