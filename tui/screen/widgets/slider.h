/* SPDX-License-Identifier: MIT
 * slider: a control as a place on a line. Where a value lies follows from the control's row: settings of
 * which small values matter (a learning rate, the weight of a loss) lie on a logarithmic scale. */
#ifndef RT_SLIDER_H
#define RT_SLIDER_H

#include "formats/recipe.h"
#include "tui/screen/base/canvas.h"

struct rt_scale {
    double min, max;
    double low;  /* logarithmic above this, min is the left end; 0 = linear */
    double step; /* linear: values are multiples of it */
};

/* false: a setting that is no number. */
bool rt_scale_of(const struct rt_key *key, struct rt_scale *s);
double rt_scale_fraction(const struct rt_scale *s, double value); /* 0 at the left end to 1 at the right */
double rt_scale_value(const struct rt_scale *s, double fraction); /* a round one near there */
/* The next round value that way (-1 or 1); stays inside the range. */
double rt_scale_next(const struct rt_scale *s, double value, int way);

/* Text of a setting as a number (a fraction may be written 25%), NaN when it is none; and back, as a person
 * would write it. */
double rt_scale_number(const char *text);
const char *rt_scale_text(const struct rt_key *key, double value, char out[32]);

/* A line of `room` columns with the knob at fraction `at`; mark: that of another value, NaN = none. */
void rt_slider_draw(struct rt_canvas *c, int x, int y, int room, enum rt_style style, double at, double mark);
/* The fraction at column x of a line drawn at `from`. */
double rt_slider_fraction(int from, int room, int x);

#endif
