/* SPDX-License-Identifier: MIT
 * help: keys.def and both lists of verbs in words. A press on a line does what it says. */
#include "tui/screen/ui/ui.h"

#include "pipeline/live/verbs.h"

#include <string.h>

#define LEFT 14      /* columns of a key */
#define TWO_WIDE 130 /* a page in two columns */

/* The page is written line by line: those from `first` on are drawn, as many as r holds in its columns. */
struct page {
    struct rt_canvas *c;
    struct rt_rect r;
    int columns, first, line;
    int wanted; /* a line of which is asked what it does, -1 = none */
    const struct rt_key_row *key; /* the answer: a key, or a verb */
    const char *verb;
};

static void line(struct page *p, enum rt_style style, const char *left, const char *text)
{
    int y = p->line++ - p->first, wide = p->columns ? p->r.w / p->columns : 0;
    if (y < 0 || p->r.h == 0 || y >= p->r.h * p->columns)
        return;
    int x = p->r.x + y / p->r.h * wide + 1, end = x + wide - 2;
    y = p->r.y + y % p->r.h;
    x += rt_canvas_text(p->c, x, y, end - x, style, left);
    int gap = LEFT - rt_canvas_width(p->c, left); /* a long one pushes its text on */
    x += *text ? (gap > 2 ? gap : 2) : 0;
    rt_canvas_text(p->c, x, y, end - x, RT_STYLE_PLAIN, text);
}

static void heading(struct page *p, const char *title)
{
    if (p->line)
        line(p, RT_STYLE_PLAIN, "", "");
    line(p, RT_STYLE_TITLE, title, "");
}

static void write_verb(struct page *p, const char *name, const char *argument, const char *help)
{
    char left[80];
    snprintf(left, sizeof left, ":%s %s", name, argument);
    if (p->line == p->wanted)
        p->verb = name;
    line(p, RT_STYLE_KEY, left, help);
}

static void write_page(struct page *p)
{
    for (int s = RT_SCREEN_ALL; s < RT_SCREENS; s++) {
        bool any = false;
        for (int i = 0; i < RT_ACTS - 1; i++) {
            if ((int)rt_key_rows[i].where != s)
                continue;
            if (!any)
                heading(p, s == RT_SCREEN_ALL ? "Everywhere" : rt_screens[s]->title);
            any = true;
            if (p->line == p->wanted)
                p->key = &rt_key_rows[i];
            line(p, RT_STYLE_KEY, rt_key_rows[i].shown, rt_key_rows[i].help);
        }
    }
    heading(p, "Commands");
    for (int i = 0; i < RT_VERBS; i++)
        write_verb(p, rt_verbs[i].name, rt_verbs[i].argument, rt_verbs[i].help);
    heading(p, "Commands to a run that goes on, as `retort ctl`");
    for (int i = 0; i < rt_live_verb_count; i++)
        if (strcmp(rt_live_verbs[i].name, "watch") != 0)
            write_verb(p, rt_live_verbs[i].name, rt_live_verbs[i].arguments, rt_live_verbs[i].help);
    line(p, RT_STYLE_PLAIN, "", "");
    line(p, RT_STYLE_DIM, "The mouse does what keys do: names, hints, rows, columns, charts, sliders, "
         "questions, and the lines of this page.", "");
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct page count = {.c = c, .wanted = -1};
    struct page page = {.c = c, .r = r, .columns = r.w >= TWO_WIDE ? 2 : 1, .wanted = -1};
    write_page(&count);
    ui->help.lines = r.h * page.columns;
    ui->help.count = count.line;
    ui->help.first = page.first = rt_layout_scroll(ui->help.first, ui->help.first, ui->help.lines,
                                                   count.line);
    write_page(&page);
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    return rt_list_act(&ui->help, act);
}

static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_rect r = ui->body;
    int columns = r.w >= TWO_WIDE ? 2 : 1;
    struct page page = {.wanted = ui->help.first + event.y - r.y + (event.x - r.x) / (r.w / columns) * r.h};
    char typed[40];
    if (event.key != RT_KEY_CLICK)
        return RT_DID_NOTHING;
    write_page(&page);
    if (page.verb) {
        snprintf(typed, sizeof typed, "%s ", page.verb);
        rt_prompt_open(&ui->prompt, ':', ":", typed);
    }
    if (!page.key)
        return RT_DID_HANDLE | RT_DID_DRAW;
    rt_ui_go(ui, page.key->where == RT_SCREEN_ALL ? ui->before : page.key->where);
    return rt_ui_event(ui, (struct rt_event){.key = page.key->key[0]});
}

const struct rt_screen rt_screen_help = {"help", "Help", false, draw, act, mouse, NULL, NULL};
