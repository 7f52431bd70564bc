/* SPDX-License-Identifier: MIT
 * list: a list of which a part is seen: where its cursor is, what is seen of it, and what lies under the mouse.
 * Knows neither what stands in it nor which keys move it. */
#ifndef RT_LIST_H
#define RT_LIST_H

#include "tui/screen/base/layout.h"

/* Zeroed is an empty one. */
struct rt_list {
    int at, first;        /* the cursor; the first place that is seen */
    int count, lines;     /* places in all; seen at a time */
    struct rt_rect place; /* where it was drawn last; w or h 0 = nowhere */
    int tall;             /* lines of one place on the screen, at least 1 once it was laid */
};

enum rt_way { RT_WAY_NONE, RT_WAY_UP, RT_WAY_DOWN, RT_WAY_PAGE_UP, RT_WAY_PAGE_DOWN, RT_WAY_HOME, RT_WAY_END };

/* `count` places of `tall` lines each, to be drawn into `place`: brings the cursor among them, and scrolls as
 * little as shows it. */
void rt_list_lay(struct rt_list *l, struct rt_rect place, int tall, int count);
/* Moves the cursor among `count` places; a page is what was seen last but for one line. False: NONE. */
bool rt_list_go(struct rt_list *l, enum rt_way way);
/* Place number `i` of those seen, as a rectangle of the screen. */
struct rt_rect rt_list_cell(const struct rt_list *l, int i);
/* The place that lies under a cell of the screen, -1 = none. */
int rt_list_under(const struct rt_list *l, int x, int y);

#endif
