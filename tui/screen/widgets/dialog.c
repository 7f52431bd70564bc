/* SPDX-License-Identifier: MIT
 * dialog: see dialog.h. */
#include "tui/screen/widgets/dialog.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void rt_dialog_open(struct rt_dialog *d, const char *text)
{
    *d = (struct rt_dialog){.open = true};
    snprintf(d->text, sizeof d->text, "%s", text);
}

void rt_dialog_button(struct rt_dialog *d, int key, const char *format, ...)
{
    if (d->count == RT_BUTTONS)
        return;
    struct rt_button *b = &d->button[d->count++];
    va_list list;
    b->key = key;
    va_start(list, format);
    vsnprintf(b->label, sizeof b->label, format, list);
    va_end(list);
}

static void button_draw(struct rt_canvas *c, struct rt_button *b, bool at, int x, int y, int room)
{
    char key[8] = "Esc";
    int from = x, end = x + room;
    enum rt_style style = at ? RT_STYLE_SELECT : RT_STYLE_BAR;
    if (b->key != RT_KEY_ESCAPE)
        snprintf(key, sizeof key, "%c", b->key);
    rt_canvas_fill(c, (struct rt_rect){x, y, room, 1}, style);
    x += rt_canvas_print(c, x, y, end - x, at ? style : RT_STYLE_BAR_KEY, " %-4s", key);
    rt_canvas_name(c, x, y, end - x, style, b->label);
    b->place = (struct rt_rect){from, y, room, 1};
}

/* A frame with the text above the buttons, each on a line; on a low screen the frame goes first. */
void rt_dialog_draw(struct rt_dialog *d, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_canvas none = {.ascii = c->ascii};
    int width = rt_canvas_width(c, d->text);
    for (int i = 0; i < d->count; i++)
        width = width > rt_canvas_width(c, d->button[i].label) + 8 ? width
                                                                   : rt_canvas_width(c, d->button[i].label) + 8;
    width = width < r.w - 6 ? width : r.w - 6;
    width = width < 64 ? width : 64;
    width = width > 1 ? width : 1;
    int lines = rt_canvas_wrap(&none, (struct rt_rect){0, 0, width, 100}, RT_STYLE_PLAIN, d->text);
    bool framed = r.h >= lines + d->count + 3 && r.w >= width + 4;
    int h = lines + d->count + (framed ? 3 : 0), w = width + (framed ? 4 : 0);
    struct rt_rect box = rt_layout_clip(r, (struct rt_rect){r.x + (r.w - w) / 2, r.y + (r.h - h) / 2, w, h});
    if (h > r.h)
        box = r;
    c->clip = box;
    rt_canvas_fill(c, box, RT_STYLE_PLAIN);
    if (framed) {
        rt_canvas_frame(c, box, RT_STYLE_KEY);
        box = (struct rt_rect){box.x + 2, box.y + 1, width, h - 2};
    }
    if (box.h > d->count)
        rt_layout_top(&box, rt_canvas_wrap(c, (struct rt_rect){box.x, box.y, box.w, box.h - d->count},
                                           RT_STYLE_TITLE, d->text) + framed);
    for (int i = 0; i < d->count; i++) {
        d->button[i].place = (struct rt_rect){0, 0, 0, 0};
        if (i < box.h)
            button_draw(c, &d->button[i], i == d->at, box.x, box.y + i, box.w);
    }
}

static int dialog_press(struct rt_dialog *d, int button)
{
    int key = d->button[button].key;
    d->open = false;
    return key == RT_KEY_ESCAPE ? 0 : key;
}

int rt_dialog_event(struct rt_dialog *d, struct rt_event event)
{
    switch (event.key) {
    case RT_KEY_UP: case RT_KEY_LEFT: case RT_KEY_BACKTAB: case RT_KEY_WHEEL_UP:
        d->at = (d->at + d->count - 1) % d->count;
        break;
    case RT_KEY_DOWN: case RT_KEY_RIGHT: case RT_KEY_TAB: case RT_KEY_WHEEL_DOWN:
        d->at = (d->at + 1) % d->count;
        break;
    case RT_KEY_ENTER: return dialog_press(d, d->at);
    case RT_KEY_ESCAPE: d->open = false; break;
    case RT_KEY_CLICK:
        for (int i = 0; i < d->count; i++)
            if (rt_layout_within(d->button[i].place, event.x, event.y))
                return dialog_press(d, i);
        break;
    default:
        for (int i = 0; i < d->count; i++)
            if (event.key < 128 && tolower(event.key) == d->button[i].key)
                return dialog_press(d, i);
    }
    return 0;
}
