/* SPDX-License-Identifier: MIT
 * journal: run.db's record of who changed what at which step, and how the loss went before and after. */
#include "tui/screen.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#define AROUND 50 /* steps before and after a change whose mean loss is shown */

/* Mean of the curve over the steps from (not included) to; NaN when it has none there. */
static double mean_between(const struct rt_series *s, int64_t from, int64_t to)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; s && i < s->count && s->step[i] <= to; i++)
        if (s->step[i] > from) {
            sum += s->value[i];
            count++;
        }
    return count ? sum / count : NAN;
}

static void draw_row(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r,
                     const struct rt_journal_row *j)
{
    const struct rt_series *loss = rt_snapshot_series(m, "", "loss");
    char when[32] = "", before[24], after[24];
    time_t seconds = (time_t)j->time;
    struct tm day;
    if (gmtime_r(&seconds, &day))
        strftime(when, sizeof when, "%m-%d %H:%M:%S", &day);
    int x = r.x + 1, end = r.x + r.w, losses = r.w >= 90 ? 26 : 0;
    rt_canvas_right(c, x, r.y, 8, RT_STYLE_TITLE, "%" PRId64, j->step);
    x += 10;
    if (r.w >= 60) {
        rt_canvas_text(c, x, r.y, 14, RT_STYLE_DIM, when);
        x += 16;
    }
    if (x < end)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "%s  ", j->who);
    if (x < end - losses)
        rt_canvas_print(c, x, r.y, end - losses - x, RT_STYLE_PLAIN, "%s  %s -> %s", j->key, j->before,
                        j->after);
    if (losses)
        rt_canvas_right(c, end - losses, r.y, losses - 1, RT_STYLE_LINE1, "%s -> %s",
                        rt_ui_number(mean_between(loss, j->step - AROUND, j->step), before),
                        rt_ui_number(mean_between(loss, j->step, j->step + AROUND), after));
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = ui->model;
    struct rt_list_view *v = &ui->journal;
    v->count = m->journal_count;
    if (m->journal_count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "Nobody has changed anything in this run.");
        return;
    }
    struct rt_rect head = rt_layout_top(&r, r.h > 1);
    if (head.h) {
        rt_canvas_fill(c, head, RT_STYLE_BAR);
        rt_canvas_right(c, head.x + 1, head.y, 8, RT_STYLE_BAR, "step");
        if (head.w >= 60)
            rt_canvas_text(c, head.x + 11, head.y, 14, RT_STYLE_BAR, "when (UTC)");
        rt_canvas_text(c, head.x + (head.w >= 60 ? 27 : 11), head.y, 20, RT_STYLE_BAR, "who, what");
        if (head.w >= 90)
            rt_canvas_right(c, head.x + head.w - 26, head.y, 25, RT_STYLE_BAR, "loss, 50 steps around");
    }
    v->lines = r.h;
    v->first = rt_layout_scroll(v->first, v->first, r.h, v->count);
    for (int i = 0; i < r.h && v->first + i < m->journal_count; i++)
        draw_row(m, c, (struct rt_rect){r.x, r.y + i, r.w, 1}, &m->journal[v->first + i]);
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    return rt_list_act(&ui->journal, act);
}

const struct rt_screen rt_screen_journal = {"journal", "Journal", false, draw, act, NULL, NULL, NULL};
