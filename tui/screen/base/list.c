/* SPDX-License-Identifier: MIT
 * list: see list.h. */
#include "tui/screen/base/list.h"

void rt_list_lay(struct rt_list *l, struct rt_rect place, int tall, int count)
{
    l->place = place;
    l->tall = tall > 1 ? tall : 1;
    l->lines = place.h / l->tall;
    l->count = count;
    l->at = l->at < count ? l->at : count - (count > 0);
    l->first = rt_layout_scroll(l->first, l->at, l->lines, count);
}

/* Clamped at both ends: a key that is held down stops there and does not begin again at the other. */
bool rt_list_go(struct rt_list *l, enum rt_way way)
{
    int page = l->lines > 2 ? l->lines - 1 : 1, to = l->at;
    switch (way) {
    case RT_WAY_UP: to -= 1; break;
    case RT_WAY_DOWN: to += 1; break;
    case RT_WAY_PAGE_UP: to -= page; break;
    case RT_WAY_PAGE_DOWN: to += page; break;
    case RT_WAY_HOME: to = 0; break;
    case RT_WAY_END: to = l->count; break;
    default: return false;
    }
    to = to >= l->count ? l->count - 1 : to;
    l->at = to < 0 ? 0 : to;
    return true;
}

struct rt_rect rt_list_cell(const struct rt_list *l, int i)
{
    return (struct rt_rect){l->place.x, l->place.y + i * l->tall, l->place.w, l->tall};
}

int rt_list_under(const struct rt_list *l, int x, int y)
{
    if (!rt_layout_within(l->place, x, y))
        return -1;
    int at = l->first + (y - l->place.y) / l->tall;
    return at < l->count ? at : -1;
}
