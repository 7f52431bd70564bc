/* SPDX-License-Identifier: MIT
 * layout: where things lie on the screen. Pure functions of sizes: no state, no drawing. Whatever is
 * asked, every rectangle given lies inside the one it was cut from, has no negative side, and no two
 * of one call overlap. */
#ifndef RT_LAYOUT_H
#define RT_LAYOUT_H

#include <stdbool.h>

struct rt_rect {
    int x, y, w, h;
};

bool rt_layout_within(struct rt_rect r, int x, int y);
/* What two rectangles share; w and h are 0 when nothing. */
struct rt_rect rt_layout_clip(struct rt_rect a, struct rt_rect b);
/* Cuts n lines off the top or bottom of *r (fewer when it has fewer) and returns them. */
struct rt_rect rt_layout_top(struct rt_rect *r, int n);
struct rt_rect rt_layout_bottom(struct rt_rect *r, int n);
/* Cuts n columns off the right of *r. */
struct rt_rect rt_layout_right(struct rt_rect *r, int n);

/* Header (2 lines), body and footer (1 line) of a screen. On a low one the body comes first, then a
 * line of header, then the footer. */
struct rt_page {
    struct rt_rect header, body, footer;
};
struct rt_page rt_layout_page(int w, int h);

/* Up to count cells of about equal size in rows, each at least min_w x min_h unless r itself is
 * smaller. Returns how many fit (at least 1 when count > 0), written to cell in reading order;
 * *columns says how many stand in a row. */
int rt_layout_grid(struct rt_rect r, int count, int min_w, int min_h, struct rt_rect *cell,
                   int *columns);

/* First of count lines to show in a window of `lines`, so that `at` is seen and as little as can be
 * moves. */
int rt_layout_scroll(int first, int at, int lines, int count);

#endif
