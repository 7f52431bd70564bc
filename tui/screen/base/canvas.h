/* SPDX-License-Identifier: MIT
 * canvas: the cells of a screen, in memory. Everything is drawn here and only here, so that a screen
 * can be drawn at any size without a terminal (tests, :dump); terminal.c brings the cells to a real one.
 * What lies outside the clip rectangle is not drawn: a screen cannot leave its own. */
#ifndef RT_CANVAS_H
#define RT_CANVAS_H

#include "tui/screen/base/layout.h"
#include "tui/screen/base/theme.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RT_CELL_REST UINT32_MAX /* right half of a wide character */

#define RT_CELL_MARKS 2

struct rt_cell {
    uint32_t c; /* code point, printable */
    uint32_t mark[RT_CELL_MARKS]; /* accents and signs drawn over it, 0 = none */
    uint8_t style;
    uint16_t front, ground; /* of a picture: 1 + colour of 256; 0 = as the style says */
};

/* A picture that a terminal with pixels shows over blank cells. */
struct rt_canvas_picture {
    struct rt_rect at;
    const uint8_t *rgb; /* [h][w][3], not the canvas's own: until the next drawing */
    int w, h;
    uint64_t key; /* of its pixels: another picture has another */
};
#define RT_CANVAS_PICTURES 4

struct rt_canvas {
    int w, h;
    bool pixels; /* the terminal shows pictures as such */
    int pictures;
    struct rt_canvas_picture picture[RT_CANVAS_PICTURES];
    bool ascii; /* every character beyond ASCII is drawn as its nearest, or '?' */
    struct rt_rect clip;
    struct rt_cell *cell; /* [h][w], owned */
};

/* Zeroed is an empty canvas. Makes it w x h blank cells, clip all of it. RT_EMEM leaves it as it was. */
int rt_canvas_resize(struct rt_canvas *c, int w, int h);
void rt_canvas_fini(struct rt_canvas *c);
void rt_canvas_fill(struct rt_canvas *c, struct rt_rect r, enum rt_style style); /* blanks */
void rt_canvas_put(struct rt_canvas *c, int x, int y, enum rt_style style, uint32_t code);
/* A cell of a picture: colours of 256, -1 = the terminal's own. */
void rt_canvas_paint(struct rt_canvas *c, int x, int y, uint32_t code, int front, int ground);
/* A picture as such, over cells made blank; false: it cannot be (no pixels, clipped, too many), draw cells. */
bool rt_canvas_picture(struct rt_canvas *c, struct rt_rect at, const uint8_t *rgb, int w, int h);
/* UTF-8 text in at most `room` columns, a longer one ends in an ellipsis; what is unprintable is '?'.
 * Returns the columns taken. */
int rt_canvas_text(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *text);
/* As text, but a longer one has its ellipsis inside: of ids and paths begin and end tell them apart. */
int rt_canvas_name(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *text);
int rt_canvas_print(struct rt_canvas *c, int x, int y, int room, enum rt_style style,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));
/* As print, ending at column x + room. */
int rt_canvas_right(struct rt_canvas *c, int x, int y, int room, enum rt_style style,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Columns that text takes. */
int rt_canvas_width(const struct rt_canvas *c, const char *text);
/* The character at a cell in another style. */
void rt_canvas_restyle(struct rt_canvas *c, int x, int y, enum rt_style style);
/* A line around the inner edge of r. */
void rt_canvas_frame(struct rt_canvas *c, struct rt_rect r, enum rt_style style);
/* A horizontal bar: a fraction (0..1) of room columns. */
void rt_canvas_bar(struct rt_canvas *c, int x, int y, int room, enum rt_style style, double fraction);
/* Bytes of text that stand on one line of `room` columns; of a longer one up to a blank, if there is one. */
size_t rt_canvas_fits(const struct rt_canvas *c, const char *text, int room);
/* A whole paragraph wrapped at blanks into r; returns lines used. */
int rt_canvas_wrap(struct rt_canvas *c, struct rt_rect r, enum rt_style style, const char *text);
/* The cells as lines of UTF-8 text without trailing blanks. */
void rt_canvas_write(const struct rt_canvas *c, FILE *out);

#endif
