/* SPDX-License-Identifier: MIT
 * chart: curves over steps in a rectangle: Braille dots, or ' . : where there is only ASCII. Holds no
 * state; draws only inside its rectangle, whatever its size. */
#ifndef RT_CHART_H
#define RT_CHART_H

#include "tui/screen/base/canvas.h"
#include "tui/report/series.h"

#define RT_CHART_CURVES 4

struct rt_curve {
    const struct rt_series *series;
    const char *name; /* before its value in the title; "" = the value alone, NULL = not there */
    bool other;       /* of another run, for comparison: thinner, below the others */
};

struct rt_chart {
    const char *title;
    struct rt_curve curve[RT_CHART_CURVES];
    int curves;
    bool log, focus, fraction; /* fraction: the axis goes from 0 to 1, values are percent */
    double smooth;          /* 0 = none, to 1: fraction of the average before in each new one */
    int64_t from, to;       /* steps from the left to the right side */
    int64_t cursor;         /* a step, -1 = none: the title then has the values there */
    const int64_t *mark;    /* [marks] rising; steps at which something was changed */
    int marks;
};

void rt_chart_draw(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart);

/* Value at the last step not after `step`, NaN when there is none. */
double rt_chart_value(const struct rt_series *s, int64_t step);

#endif
