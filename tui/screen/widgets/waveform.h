/* SPDX-License-Identifier: MIT
 * waveform: the span of a signal in each column, in Braille dots or, in ASCII, bars. */
#ifndef RT_WAVEFORM_H
#define RT_WAVEFORM_H

#include "tui/screen/base/canvas.h"

/* low, high: [columns] of full scale +-1; drawn over the whole of r, at the scale of its loudest part. */
void rt_waveform_draw(struct rt_canvas *c, struct rt_rect r, const float *low, const float *high, int columns);

#endif
