/* SPDX-License-Identifier: MIT
 * picture: pixels as characters, by chafa: in 256 colours, or in shapes alone where there are fewer; in ASCII
 * where there is no more. */
#ifndef RT_PICTURE_H
#define RT_PICTURE_H

#include "tui/canvas.h"

/* rgb: [h][w][3]. stretch: fills r, else the picture keeps its shape, at the left top. colours: of the
 * terminal. Returns the lines taken. */
int rt_picture_draw(struct rt_canvas *c, struct rt_rect r, const uint8_t *rgb, int w, int h, bool stretch, int colours);

#endif
