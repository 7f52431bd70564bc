/* SPDX-License-Identifier: MIT
 * bars: see bars.h. */
#include "tui/screen/ui/bars.h"

#include "tui/screen/base/number.h"

#include <math.h>
#include <string.h>

/* ---- header ----
 * From the left what matters most; what finds no room falls off at the right, so a narrow terminal
 * still says which run this is and whether it goes on. What the run says of itself goes before what was
 * read from its folder. */

static const char *header_run_name(const struct rt_snapshot *m)
{
    const char *slash = strrchr(m->folder, '/');
    return slash && slash[1] ? slash + 1 : m->folder;
}

static int header_draw_run(const struct rt_view *view, struct rt_canvas *c, int x, int y, int room)
{
    const struct rt_snapshot *m = view->model;
    const struct rt_steer *s = &view->steer;
    if (!rt_steer_up(s))
        return rt_canvas_text(c, x, y, room, m->live ? RT_STYLE_GOOD : strcmp(m->state, "done") == 0
                              ? RT_STYLE_TITLE : RT_STYLE_WARN, m->state);
    return rt_canvas_text(c, x, y, room, s->stopping || s->paused ? RT_STYLE_WARN : RT_STYLE_GOOD,
                          s->stopping ? "stopping" : s->paused ? "paused" : "running");
}

static int header_draw_progress(const struct rt_view *view, struct rt_canvas *c, int x, int y, int room)
{
    const struct rt_snapshot *m = view->model;
    const struct rt_steer *s = &view->steer;
    int64_t step = s->step > m->step ? s->step : m->step, steps = s->steps ? s->steps : m->steps;
    int from = x, end = x + room, epoch = 0, epochs = s->epochs ? s->epochs : m->epochs;
    if (steps <= 0)
        return rt_canvas_print(c, x, y, room, RT_STYLE_PLAIN, "step %lld", (long long)step);
    if (epochs)
        epoch = s->epochs ? s->epoch : (int)((step * epochs + steps - 1) / steps);
    int width = room > 100 ? 24 : room > 50 ? 12 : 0;
    if (width) {
        rt_canvas_bar(c, x, y, width, RT_STYLE_LINE1, (double)step / (double)steps);
        x += width + 1;
    }
    if (epochs)
        x += rt_canvas_print(c, x, y, end - x, RT_STYLE_PLAIN, "epoch %d/%d  ", epoch, epochs);
    x += rt_canvas_print(c, x, y, end - x, RT_STYLE_PLAIN, "step %lld/%lld", (long long)step,
                         (long long)steps);
    return x - from;
}

static double header_rate(const struct rt_view *view)
{
    const struct rt_snapshot *m = view->model;
    return view->steer.pace > 0 && m->recipe ? view->steer.pace * (double)m->recipe->train_batch : m->rate;
}

static const char *header_time_left(const struct rt_view *view, char out[32])
{
    const struct rt_steer *s = &view->steer;
    return rt_number_left(s->pace > 0 && s->steps > s->step ? (double)(s->steps - s->step) / s->pace : 0, out);
}

/* Name, state, progress, time left, best metric, samples/s: as much as there is room for. */
static void header_draw_state(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = view->model;
    int x = r.x, end = r.x + r.w;
    char n[24];
    int64_t step = 0;
    if (!rt_view_shows_run(view)) {
        rt_canvas_text(c, x, r.y, end - x, RT_STYLE_TITLE, "no run is open");
        return;
    }
    x += rt_canvas_text(c, x, r.y, end - x < 34 ? end - x : 34, RT_STYLE_TITLE, header_run_name(m)) + 2;
    if (x < end)
        x += header_draw_run(view, c, x, r.y, end - x) + 2;
    if (end - x > 20)
        x += header_draw_progress(view, c, x, r.y, end - x) + 2;
    char left[32];
    if (*header_time_left(view, left) && end - x > 12)
        x += rt_canvas_text(c, x, r.y, end - x, RT_STYLE_PLAIN, left) + 2;
    double eer = rt_series_least(rt_snapshot_series(m, "valid", "eer"), &step);
    double best = rt_series_best(rt_snapshot_series(m, "valid", "top1"), &step);
    if (!isnan(eer) && end - x > 16) /* with trials the best is by these */
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "best EER %.1f %%", 100 * eer) + 2;
    else if (!isnan(best) && end - x > 16)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "best top-1 %.1f %%", 100 * best) + 2;
    double rate = header_rate(view);
    if (!isnan(rate) && end - x > 14)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_PLAIN, "%s samples/s", rt_number_short(round(rate), n)) + 2;
    if (m->live && view->usage.cores > 0 && end - x > 22)
        rt_canvas_right(c, x, r.y, end - x, RT_STYLE_DIM, "cpu %.0f %%  mem %sB", 100 * view->usage.cores,
                        rt_number_short(view->usage.bytes, n));
}

/* Names beside the numbers, closer together on 80 columns; where they do not fit, those of the screen that is shown
 * and of as many others as do, from the left. Behind them what limits the run. */
static void header_draw_tabs(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x, all = 0, shown = (int)strlen(rt_screen_titles[ui->view.screen]) + 1;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    for (int i = 0; i < RT_SCREENS; i++)
        all += (int)strlen(rt_screen_titles[i]) + 4;
    bool close = all > r.w;
    int room = r.w - 2 * RT_SCREENS - shown; /* for the names of others */
    for (int i = 0; i < RT_SCREENS; i++) {
        int name = (int)strlen(rt_screen_titles[i]) + 1;
        bool here = i == (int)ui->view.screen, named = here || !close || name <= room;
        room -= named && !here ? name : 0;
        char key[16] = "?";
        if (i != RT_SCREEN_HELP)
            snprintf(key, sizeof key, "%d", i + 1);
        int from = x;
        x += rt_canvas_print(c, x, r.y, r.x + r.w - x, here ? RT_STYLE_TAB : RT_STYLE_BAR, " %s%s%s%s", key,
                             named ? " " : "", named ? rt_screen_titles[i] : "", close ? "" : " ");
        ui->tab[i] = (struct rt_rect){from, r.y, x - from, 1};
    }
    const struct rt_stage_row *limit = rt_snapshot_limiting(ui->view.model);
    room = r.x + r.w - x - 1;
    if (limit && room > (int)strlen("limited by ") + (int)strlen(limit->name))
        rt_canvas_right(c, x, r.y, room, RT_STYLE_BAR, "limited by %s", limit->name);
}

void rt_bars_header(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_rect tabs = rt_layout_bottom(&r, r.h > 1);
    memset(ui->tab, 0, sizeof ui->tab);
    c->clip = r;
    header_draw_state(&ui->view, c, r);
    c->clip = tabs;
    header_draw_tabs(ui, c, tabs);
}

/* ---- footer ----
 * One line for three things, of which the first that is there is shown: what is typed, what was said,
 * and which keys there are. */

/* The line as far as it fits: what stands before the caret goes first. */
static void footer_draw_prompt(const struct rt_prompt *p, struct rt_canvas *c, struct rt_rect r)
{
    char before[RT_PROMPT_LINE];
    const char *from = before;
    int x = r.x + rt_canvas_text(c, r.x, r.y, r.w > 12 ? r.w - 8 : 0, RT_STYLE_TITLE, p->label);
    int room = r.x + r.w - x - 1;
    snprintf(before, sizeof before, "%.*s", p->at, p->line);
    while (*from && rt_canvas_width(c, from) > room)
        do
            from++;
        while ((*from & 0xC0) == 0x80);
    x += rt_canvas_text(c, x, r.y, room, RT_STYLE_TITLE, from);
    int caret = x;
    if (p->line[p->at])
        rt_canvas_text(c, x, r.y, r.x + r.w - x, RT_STYLE_TITLE, p->line + p->at);
    rt_canvas_restyle(c, caret, r.y, RT_STYLE_SELECT);
}

static int footer_draw_hint(struct rt_ui *ui, struct rt_canvas *c, int x, int y, int end,
                            const struct rt_key_row *k)
{
    int from = x;
    const char *hint = k->act == RT_ACT_PAUSE && ui->view.steer.paused ? "go on" : k->hint;
    size_t shown = strcspn(k->shown, " "); /* one of its keys is enough here */
    if (x + (int)shown + (int)strlen(hint) + 1 > end)
        return 0;
    x += rt_canvas_print(c, x, y, end - x, RT_STYLE_KEY, "%.*s", (int)shown, k->shown) + 1;
    x += rt_canvas_text(c, x, y, end - x, RT_STYLE_DIM, hint);
    ui->hint[k->act] = (struct rt_rect){from, y, x - from, 1};
    return x - from + 2;
}

static bool footer_has_use(const struct rt_ui *ui, enum rt_act act)
{
    return act == RT_ACT_PAUSE    ? rt_steer_up(&ui->view.steer)
           : act == RT_ACT_FILTER ? rt_screens[ui->view.screen]->filter
                                  : true;
}

void rt_bars_footer(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x, end = r.x + r.w;
    memset(ui->hint, 0, sizeof ui->hint);
    c->clip = r;
    if (ui->view.prompt.kind) {
        footer_draw_prompt(&ui->view.prompt, c, r);
        return;
    }
    const struct rt_message *said = &ui->view.message;
    if (*said->text) {
        rt_canvas_text(c, x, r.y, r.w, said->failed ? RT_STYLE_BAD : RT_STYLE_GOOD, said->text);
        return;
    }
    if (!rt_steer_up(&ui->view.steer) && r.w >= 40) {
        end -= 11;
        rt_canvas_right(c, end, r.y, 11, RT_STYLE_DIM, "read-only");
    }
    for (int pass = 0; pass < 2; pass++) /* the screen's own first */
        for (int i = 0; i < RT_ACTS - 1; i++) {
            const struct rt_key_row *k = &rt_key_rows[i];
            bool own = k->where == ui->view.screen;
            if (*k->hint && own == (pass == 0) && (own || k->where == RT_SCREEN_ALL) && footer_has_use(ui, k->act))
                x += footer_draw_hint(ui, c, x, r.y, end, k);
        }
}

void rt_bars_choices(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_prompt *p = &ui->view.prompt;
    memset(ui->choice, 0, sizeof ui->choice);
    if (!p->kind || p->choices.count == 0)
        return;
    c->clip = r;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    int first = p->choice > 0 ? p->choice : 0, width = 0;
    while (first > 0 && (width += (int)strlen(p->choices.word[first - 1]) + 2) < r.w / 2)
        first--;
    for (int i = first, x = r.x; i < p->choices.count && x < r.x + r.w; i++) {
        int w = rt_canvas_print(c, x, r.y, r.x + r.w - x, i == p->choice ? RT_STYLE_TAB : RT_STYLE_BAR, " %s ",
                                p->choices.word[i]);
        ui->choice[i] = (struct rt_rect){x, r.y, w, 1};
        x += w;
    }
}
