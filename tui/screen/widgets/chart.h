/* SPDX-License-Identifier: MIT
 * chart: curves over steps, or over the time that they took, in a rectangle with axes: Braille dots, or ' . : where
 * there is only ASCII. Holds no state; draws only inside its rectangle, whatever its size. */
#ifndef RT_CHART_H
#define RT_CHART_H

#include "tui/screen/base/canvas.h"
#include "tui/report/series.h"

#define RT_CHART_CURVES 16

/* From this step on values count so many times. */
struct rt_curve_factor {
    int64_t step;
    double factor;
};

struct rt_curve {
    const struct rt_series *series;
    const char *name; /* before its value in the title; "" = the value alone, NULL = not there */
    int other;        /* of another run, for comparison, below the others: which, from 1; 0 = of this one */
    bool level;       /* its last value alone, as a line from side to side */
    const struct rt_series *clock; /* seconds by step: where on the axis of time its steps lie; NULL = x is the step */
    const struct rt_curve_factor *factor; /* [factors] rising; none: as they are */
    int factors;
};

/* Something was changed; objective: what the losses are, so that those before cannot be compared with those after. */
struct rt_chart_mark {
    double x;
    bool objective;
};

struct rt_chart {
    const char *title;
    struct rt_curve curve[RT_CHART_CURVES];
    int curves;
    bool log, focus;
    bool fraction;          /* values are percent */
    bool stack;             /* each curve stands on the one before: their sum is the uppermost */
    bool time;              /* x is seconds, for all curves with a clock */
    double smooth;          /* 0 = none, to 1: fraction of the average before in each new one */
    int64_t skip;           /* points of steps that are a multiple of it are not shown; 0 = all are */
    double from, to;        /* x of the left and the right side */
    double cursor;          /* x, NaN = none: the title then has the values there */
    const struct rt_chart_mark *mark; /* [marks] rising */
    int marks;
};

void rt_chart_draw(struct rt_canvas *c, struct rt_rect r, const struct rt_chart *chart);
/* Where its dots lie when it is drawn in r: without title and axes. */
struct rt_rect rt_chart_plot(struct rt_rect r);
/* The colour of a curve: of another run's by its number. */
enum rt_style rt_chart_style(int place);

/* Value at the last step not after `step`, NaN when there is none. */
double rt_chart_value(const struct rt_series *s, int64_t step);

#endif
