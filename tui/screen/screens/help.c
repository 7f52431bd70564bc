/* SPDX-License-Identifier: MIT
 * help: keys.def and both lists of verbs in words. A press on a line does what it says. */
#include "tui/screen/screen.h"

#include "pipeline/live/verbs.h"

#include <string.h>

#define LEFT 14      /* columns of a key */
#define TWO_WIDE 130 /* a page in two columns */

struct help {
    struct rt_list lines;  /* at: the first line that is seen; as many places as it may be at */
    struct rt_rect body;   /* as last drawn */
    enum rt_screen_id of;  /* whose keys come first */
};

/* The page is written line by line: those from `first` on are drawn, as many as r holds in its columns.
 * It is written again to find out how long it is, and what stands in the line under the mouse: so what
 * is drawn and what a press does cannot differ. */
struct page {
    struct rt_canvas *c;
    struct rt_rect r;
    int columns, first, line;
    enum rt_screen_id of; /* the screen whose keys come first: the one that somebody comes from */
    int wanted; /* a line of which is asked what it does, -1 = none */
    const struct rt_key_row *key; /* the answer: a key, or a verb */
    const char *verb;
};

/* One line of it: left in its first columns, `bytes` of text behind it. */
static void page_draw_line(struct page *p, enum rt_style style, const char *left, int at, const char *text, int bytes)
{
    int y = p->line++ - p->first, wide = p->r.w / p->columns;
    if (y < 0 || p->r.h == 0 || y >= p->r.h * p->columns)
        return;
    int x = p->r.x + y / p->r.h * wide + 1, end = x + wide - 2;
    y = p->r.y + y % p->r.h;
    rt_canvas_text(p->c, x, y, end - x, style, left);
    rt_canvas_print(p->c, x + at, y, end - x - at, RT_STYLE_PLAIN, "%.*s", bytes, text);
}

/* A text that is too long for its line goes on below, under its own beginning. Whether the wanted line is of it. */
static bool page_line(struct page *p, enum rt_style style, const char *left, const char *text)
{
    static const struct rt_canvas any; /* what is drawn elsewhere is ASCII */
    int width = rt_canvas_width(&any, left), wide = p->r.w / p->columns - 2;
    int at = width + 2 > LEFT ? width + 2 : LEFT; /* a long one pushes its text on, or down where that is too long */
    int from = p->line;
    if (at > LEFT && at + rt_canvas_width(&any, text) > wide) {
        page_draw_line(p, style, left, wide, "", 0);
        left = "";
        at = LEFT;
    }
    do {
        int room = wide - at, bytes = (int)(room > 0 ? rt_canvas_fits(&any, text, room) : 0);
        if (bytes < 1) /* no room for any text: as much of the line as there is */
            bytes = (int)strlen(text);
        page_draw_line(p, style, left, at, text, bytes);
        text += bytes + strspn(text + bytes, " ");
        left = "";
    } while (*text);
    return p->wanted >= from && p->wanted < p->line;
}

static void page_heading(struct page *p, const char *title)
{
    if (p->line)
        page_line(p, RT_STYLE_PLAIN, "", "");
    page_line(p, RT_STYLE_TITLE, title, "");
}

static void page_verb(struct page *p, const char *name, const char *argument, const char *help)
{
    char left[80];
    snprintf(left, sizeof left, ":%s %s", name, argument);
    if (page_line(p, RT_STYLE_KEY, left, help))
        p->verb = name;
}

static void page_keys(struct page *p, int screen)
{
    bool any = false;
    for (int i = 0; i < RT_ACTS - 1; i++) {
        if ((int)rt_key_rows[i].where != screen)
            continue;
        if (!any)
            page_heading(p, screen == RT_SCREEN_ALL ? "Everywhere" : rt_screen_titles[screen]);
        any = true;
        if (page_line(p, RT_STYLE_KEY, rt_key_rows[i].shown, rt_key_rows[i].help))
            p->key = &rt_key_rows[i];
    }
}

static void page_write(struct page *p)
{
    page_keys(p, (int)p->of);
    for (int s = RT_SCREEN_ALL; s < RT_SCREENS; s++)
        if (s != (int)p->of)
            page_keys(p, s);
    page_heading(p, "Commands");
    for (int i = 0; i < RT_VERBS; i++)
        page_verb(p, rt_verbs[i].name, rt_verbs[i].argument, rt_verbs[i].help);
    page_heading(p, "Commands to a run that goes on, as `retort ctl`");
    for (int i = 0; i < rt_live_verb_count; i++)
        if (strcmp(rt_live_verbs[i].name, "watch") != 0)
            page_verb(p, rt_live_verbs[i].name, rt_live_verbs[i].arguments, rt_live_verbs[i].help);
    page_line(p, RT_STYLE_PLAIN, "", "");
    page_line(p, RT_STYLE_KEY, "mouse", "does what keys do: names, hints, rows, columns, charts, sliders, questions, "
              "and the lines of this page");
}

static int help_columns(struct rt_rect r)
{
    return r.w >= TWO_WIDE ? 2 : 1;
}

static void help_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct help *v = self;
    v->lines.at = v->of == view->before ? v->lines.at : 0;
    v->of = view->before;
    struct page page = {.c = c, .r = r, .columns = help_columns(r), .of = v->of, .wanted = -1};
    struct page count = page;
    count.r.h = 0;
    page_write(&count);
    v->body = r;
    v->lines.lines = r.h * page.columns;
    v->lines.count = count.line - v->lines.lines + 1;
    v->lines.at = page.first = rt_layout_scroll(v->lines.at, v->lines.at, v->lines.lines, count.line);
    page_write(&page);
}

static unsigned help_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct help *v = self;
    (void)view;
    return rt_view_move(&v->lines, act);
}

static unsigned help_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct help *v = self;
    struct rt_rect r = v->body;
    int columns = help_columns(r);
    struct page page = {.r = {0, 0, r.w, 0}, .columns = columns, .of = v->of,
                        .wanted = v->lines.at + event.y - r.y + (event.x - r.x) / (r.w / columns) * r.h};
    char typed[40];
    if (event.key != RT_KEY_CLICK)
        return RT_DID_NOTHING;
    page_write(&page);
    if (page.verb) {
        snprintf(typed, sizeof typed, "%s ", page.verb);
        rt_prompt_open(&view->prompt, ':', ":", typed);
    }
    if (!page.key)
        return RT_DID_HANDLE | RT_DID_DRAW;
    view->press = page.key->key[0];
    return rt_view_go(view, page.key->where == RT_SCREEN_ALL ? view->before : page.key->where);
}

const struct rt_screen rt_screen_help = {
    .size = sizeof(struct help), .draw = help_draw, .act = help_act, .mouse = help_mouse};
