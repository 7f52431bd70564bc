/* SPDX-License-Identifier: MIT
 * samples_pane: one sample beside the table: its weight explained in words, and what it is to be looked at. */
#ifndef RT_SAMPLES_PANE_H
#define RT_SAMPLES_PANE_H

#include "tui/report/sample_preview.h"
#include "tui/screen/view.h"

/* row: of the model's samples. Its files are read by preview, some time later. */
void rt_samples_pane_draw(struct rt_sample_preview *preview, const struct rt_view *view, struct rt_canvas *c,
                          struct rt_rect r, int row);

#endif
