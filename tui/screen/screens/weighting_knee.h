/* SPDX-License-Identifier: MIT
 * weighting_knee: the values that the training samples have by one measure, and its knee over them, whose
 * ends can be moved. Part of the screen Weights; main thread. */
#ifndef RT_WEIGHTING_KNEE_H
#define RT_WEIGHTING_KNEE_H

#include "tui/report/weight_preview.h"
#include "tui/screen/screen.h"

struct rt_knee_plot {
    struct rt_rect plot; /* as last drawn; empty when it was not */
    double low, high;    /* values at its ends */
    int end;             /* of knee, held by the mouse: bad and good of its sides, in their order */
    struct rt_knee knee; /* as drawn or dragged */
};

/* knees: as weight.knees. Samples that are not measured are in no bar. */
void rt_knee_plot_draw(struct rt_knee_plot *p, struct rt_canvas *c, struct rt_rect r, const struct rt_table *t,
                       const struct rt_weight_preview *w, const char *measure, const char *knees);
/* The mouse takes hold of the end nearest to column x, and moves it there. false: there is no knee to hold. */
bool rt_knee_plot_take(struct rt_knee_plot *p, int x);
/* Moves the end that is held, as far as the knee stays one, and writes it into knees. */
void rt_knee_plot_drag(struct rt_knee_plot *p, const char *measure, char knees[RT_RECIPE_TEXT], int x);

/* Moves the bad end of the knee's first side, or the good one, by a column (way 1 up, -1 down), likewise. A knee is
 * shown. */
void rt_knee_plot_step(struct rt_knee_plot *p, bool good, int way, const char *measure, char knees[RT_RECIPE_TEXT]);

#endif
