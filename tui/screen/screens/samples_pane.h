/* SPDX-License-Identifier: MIT
 * samples_pane: one sample beside the table: its weight explained in words, and what it is to be looked at. */
#ifndef RT_SAMPLES_PANE_H
#define RT_SAMPLES_PANE_H

#include "tui/screen/base/canvas.h"

struct rt_ui;

/* row: of the model's samples. */
void rt_sample_pane_draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, int row);

#endif
