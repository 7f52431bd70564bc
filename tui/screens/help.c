/* SPDX-License-Identifier: MIT
 * help: keys.def and verbs.def in words. */
#include "tui/screen.h"

#include "pipeline/live/verbs.h"

#include <string.h>

/* Draws line `at` of the page when it is within the window; returns the next line. */
struct page {
    struct rt_canvas *c;
    struct rt_rect r;
    int first, line;
};

static void line(struct page *p, enum rt_style style, const char *left, const char *text)
{
    int y = p->line++ - p->first;
    if (y < 0 || y >= p->r.h)
        return;
    int x = p->r.x + 1, end = p->r.x + p->r.w;
    rt_canvas_text(p->c, x, p->r.y + y, end - x, style, left);
    int wide = rt_canvas_width(p->c, left) + 2;
    wide = wide > 14 ? wide : 14; /* a long one pushes its text on */
    rt_canvas_text(p->c, x + wide, p->r.y + y, end - x - wide, RT_STYLE_PLAIN, text);
}

static void write_page(struct page *p)
{
    for (int s = RT_SCREEN_ALL; s < RT_SCREENS; s++) {
        bool any = false;
        for (int i = 0; i < RT_ACTS - 1; i++) {
            if ((int)rt_key_rows[i].where != s)
                continue;
            if (!any && p->line)
                line(p, RT_STYLE_PLAIN, "", "");
            if (!any)
                line(p, RT_STYLE_TITLE, s == RT_SCREEN_ALL ? "Everywhere" : rt_screens[s]->title, "");
            any = true;
            line(p, RT_STYLE_KEY, rt_key_rows[i].shown, rt_key_rows[i].help);
        }
    }
    line(p, RT_STYLE_PLAIN, "", "");
    line(p, RT_STYLE_TITLE, "Commands", "");
    for (int i = 0; i < RT_VERBS; i++) {
        char left[40];
        snprintf(left, sizeof left, ":%s %s", rt_verbs[i].name, rt_verbs[i].argument);
        line(p, RT_STYLE_KEY, left, rt_verbs[i].help);
    }
    line(p, RT_STYLE_PLAIN, "", "");
    line(p, RT_STYLE_TITLE, "Commands to a run that goes on, as `retort ctl`", "");
    for (int i = 0; i < rt_live_verb_count; i++) {
        char left[80];
        snprintf(left, sizeof left, ":%s %s", rt_live_verbs[i].name, rt_live_verbs[i].arguments);
        if (strcmp(rt_live_verbs[i].name, "watch") != 0)
            line(p, RT_STYLE_KEY, left, rt_live_verbs[i].help);
    }
    line(p, RT_STYLE_PLAIN, "", "");
    line(p, RT_STYLE_DIM, "The mouse works on names, hints, rows, columns, charts, sliders and questions; the wheel scrolls.", "");
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct page count = {c, {0, 0, 0, 0}, 0, 0};
    write_page(&count);
    ui->help.lines = r.h;
    ui->help.count = count.line;
    ui->help.first = rt_layout_scroll(ui->help.first, ui->help.first, r.h, count.line);
    struct page page = {c, r, ui->help.first, 0};
    write_page(&page);
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    return rt_list_act(&ui->help, act);
}

const struct rt_screen rt_screen_help = {"help", "Help", false, draw, act, NULL, NULL, NULL};
