/* SPDX-License-Identifier: MIT
 * layout: see layout.h. */
#include "tui/screen/base/layout.h"

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

bool rt_layout_within(struct rt_rect r, int x, int y)
{
    return x >= r.x && x < r.x + r.w && y >= r.y && y < r.y + r.h;
}

struct rt_rect rt_layout_clip(struct rt_rect a, struct rt_rect b)
{
    struct rt_rect r = {most(a.x, b.x), most(a.y, b.y), 0, 0};
    r.w = most(0, least(a.x + a.w, b.x + b.w) - r.x);
    r.h = most(0, least(a.y + a.h, b.y + b.h) - r.y);
    return r;
}

struct rt_rect rt_layout_top(struct rt_rect *r, int n)
{
    n = most(0, least(n, r->h));
    struct rt_rect cut = {r->x, r->y, r->w, n};
    r->y += n;
    r->h -= n;
    return cut;
}

struct rt_rect rt_layout_bottom(struct rt_rect *r, int n)
{
    n = most(0, least(n, r->h));
    r->h -= n;
    return (struct rt_rect){r->x, r->y + r->h, r->w, n};
}

struct rt_rect rt_layout_right(struct rt_rect *r, int n)
{
    n = most(0, least(n, r->w));
    r->w -= n;
    return (struct rt_rect){r->x + r->w, r->y, n, r->h};
}

struct rt_page rt_layout_page(int w, int h)
{
    struct rt_page p = {.body = {0, 0, most(0, w), most(0, h)}};
    p.header = rt_layout_top(&p.body, h >= 8 ? 2 : h >= 3);
    p.footer = rt_layout_bottom(&p.body, h >= 4);
    return p;
}

int rt_layout_grid(struct rt_rect r, int count, int min_w, int min_h, struct rt_rect *cell,
                   int *columns)
{
    int across = most(1, r.w / most(1, min_w)), down = most(1, r.h / most(1, min_h));
    int shown = most(0, least(count, across > count / down ? count : across * down));
    across = most(1, least(across, shown));
    int rows = (shown + across - 1) / across;
    while (across > 1 && (shown + across - 2) / (across - 1) == rows)
        across--; /* as many rows, fuller */
    for (int i = 0; i < shown; i++) {
        int x = i % across, y = i / across;
        cell[i].x = r.x + r.w * x / across;
        cell[i].y = r.y + r.h * y / rows;
        cell[i].w = r.x + r.w * (x + 1) / across - cell[i].x;
        cell[i].h = r.y + r.h * (y + 1) / rows - cell[i].y;
    }
    *columns = across;
    return shown;
}

int rt_layout_scroll(int first, int at, int lines, int count)
{
    lines = most(1, lines);
    first = least(first, at);
    first = most(first, at - lines + 1);
    return most(0, least(first, count - lines));
}
