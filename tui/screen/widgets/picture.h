/* SPDX-License-Identifier: MIT
 * picture: pixels as characters, by chafa: in 256 colours, or in shapes alone where there are fewer; in ASCII
 * where there is no more. Where the terminal has pixels (sixel, kitty), as such. */
#ifndef RT_PICTURE_H
#define RT_PICTURE_H

#include "tui/screen/base/canvas.h"

/* How a terminal shows pictures. */
enum rt_pixels { RT_PIXELS_NONE, RT_PIXELS_SIXEL, RT_PIXELS_KITTY };

/* What this terminal has, from its environment; RETORT_PICTURES (cells, sixel, kitty) says otherwise. */
enum rt_pixels rt_picture_pixels(void);
/* What to send, at the cursor, for a picture of so many cells, each cell_w x cell_h pixels (0 = not
 * known): malloc'ed, NULL without memory. */
char *rt_picture_code(enum rt_pixels how, const struct rt_canvas_picture *p, int cell_w, int cell_h, size_t *size);

/* rgb: [h][w][3]. stretch: fills r, else the picture keeps its shape, at the left top. colours: of the
 * terminal. rgb must stand until c is shown. Returns the lines taken. */
int rt_picture_draw(struct rt_canvas *c, struct rt_rect r, const uint8_t *rgb, int w, int h, bool stretch, int colours);

#endif
