/* SPDX-License-Identifier: MIT
 * journal: run.db's record of who changed what at which step, and how the losses went before and after. */
#include "tui/screen/screen.h"

#include "stages/distill/term.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define AROUND 50      /* steps before and after a change whose mean losses are compared */
#define PANE_WIDTH 46
#define LOSS_WIDTH 26  /* of the total loss in a row */

/* ---- losses around a step ---- */

/* Mean over the steps from (included) to (not included), NaN when there is none; *points: how many. */
static double mean_between(const struct rt_series *s, int64_t from, int64_t to, int *points)
{
    int begin = s ? rt_series_from(s, from) : 0, end = s ? rt_series_from(s, to) : 0;
    double sum = 0;
    for (int i = begin; i < end; i++)
        sum += s->value[i];
    *points = end - begin;
    return end > begin ? sum / (end - begin) : NAN;
}

struct around {
    double before, after;
    int points; /* after */
};

/* A change takes effect in the step of its row. */
static struct around losses_around(const struct rt_snapshot *m, const char *name, int64_t step)
{
    const struct rt_series *s = rt_snapshot_series(m, "", name);
    struct around a;
    a.before = mean_between(s, step - AROUND, step, &a.points);
    a.after = mean_between(s, step, step + AROUND, &a.points);
    return a;
}

static const char *percent(const struct around *a, char out[24])
{
    double change = 100 * (a->after - a->before) / a->before;
    if (isfinite(change))
        snprintf(out, 24, "%+.0f %%", change);
    else
        out[0] = 0;
    return out;
}

/* ---- which rows ---- */

static bool is_shown(const struct rt_journal_view *v, const struct rt_journal_row *j)
{
    return !*v->where || strstr(j->key, v->where) || strstr(j->who, v->where) || strstr(j->after, v->where);
}

/* Row number `place` of those shown, NULL behind the last. */
static const struct rt_journal_row *row_at(const struct rt_ui *ui, int place)
{
    const struct rt_snapshot *m = ui->model;
    for (int i = 0; i < m->journal_count; i++)
        if (is_shown(&ui->journal, &m->journal[i]) && place-- == 0)
            return &m->journal[i];
    return NULL;
}

static int count_rows(const struct rt_ui *ui)
{
    int n = 0;
    for (int i = 0; i < ui->model->journal_count; i++)
        n += is_shown(&ui->journal, &ui->model->journal[i]);
    return n;
}

/* ---- drawing ---- */

static void draw_what(struct rt_canvas *c, int x, int y, int room, enum rt_style style,
                      const struct rt_journal_row *j)
{
    rt_canvas_print(c, x, y, room, style, "%s  %s -> %s", j->key, *j->before ? j->before : "(none)",
                    *j->after ? j->after : "(none)");
}

static void draw_row(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r,
                     const struct rt_journal_row *j, bool at)
{
    struct around loss = losses_around(m, "loss", j->step);
    char when[32] = "", before[24], after[24], change[24];
    enum rt_style plain = at ? RT_STYLE_SELECT : RT_STYLE_PLAIN, dim = at ? RT_STYLE_SELECT : RT_STYLE_DIM;
    time_t seconds = (time_t)j->time;
    struct tm day;
    if (gmtime_r(&seconds, &day))
        strftime(when, sizeof when, "%m-%d %H:%M:%S", &day);
    int x = r.x + 1, end = r.x + r.w, losses = r.w >= 90 ? LOSS_WIDTH : 0;
    if (at)
        rt_canvas_fill(c, r, plain);
    rt_canvas_right(c, x, r.y, 8, at ? plain : RT_STYLE_TITLE, "%" PRId64, j->step);
    x += 10;
    if (r.w >= 72) {
        rt_canvas_text(c, x, r.y, 14, dim, when);
        x += 16;
    }
    if (x < end)
        x += rt_canvas_print(c, x, r.y, end - x, dim, "%-8s  ", j->who);
    if (x < end - losses)
        draw_what(c, x, r.y, end - losses - x, plain, j);
    if (losses)
        rt_canvas_right(c, end - losses, r.y, losses - 1, at ? plain : RT_STYLE_LINE1, "%s -> %s %6s",
                        rt_ui_number(loss.before, before), rt_ui_number(loss.after, after),
                        percent(&loss, change));
}

static void draw_head(struct rt_canvas *c, struct rt_rect r)
{
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    rt_canvas_right(c, r.x + 1, r.y, 8, RT_STYLE_BAR, "step");
    if (r.w >= 72)
        rt_canvas_text(c, r.x + 11, r.y, 14, RT_STYLE_BAR, "when (UTC)");
    rt_canvas_text(c, r.x + (r.w >= 72 ? 27 : 11), r.y, 20, RT_STYLE_BAR, "who       what");
    if (r.w >= 90)
        rt_canvas_right(c, r.x + r.w - LOSS_WIDTH, r.y, LOSS_WIDTH - 1, RT_STYLE_BAR, "loss, %d steps around",
                        AROUND);
}

static void draw_term(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect *r, const char *title,
                      const char *name, bool loss, int64_t step)
{
    struct around a = losses_around(m, name, step);
    char before[24], after[24], change[24];
    if ((isnan(a.before) && isnan(a.after)) || r->h == 0)
        return;
    struct rt_rect line = rt_layout_top(r, 1);
    rt_canvas_text(c, line.x, line.y, 12, RT_STYLE_PLAIN, title);
    rt_canvas_right(c, line.x + 12, line.y, 10, RT_STYLE_PLAIN, "%s", rt_ui_number(a.before, before));
    rt_canvas_right(c, line.x + 22, line.y, 10, RT_STYLE_PLAIN, "%s", rt_ui_number(a.after, after));
    enum rt_style style = !loss ? RT_STYLE_PLAIN : a.after > a.before ? RT_STYLE_WARN : RT_STYLE_GOOD;
    rt_canvas_right(c, line.x + 32, line.y, 9, style, "%s", percent(&a, change));
}

/* The row under the cursor, and every loss around it. */
static void draw_pane(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r,
                      const struct rt_journal_row *j)
{
    struct around loss = losses_around(m, "loss", j->step);
    struct rt_rect title = rt_layout_top(&r, 1), head = rt_layout_top(&r, 1);
    draw_what(c, title.x, title.y, title.w, RT_STYLE_TITLE, j);
    if (!head.h)
        return;
    rt_canvas_print(c, head.x, head.y, 12, RT_STYLE_DIM, "mean of");
    rt_canvas_right(c, head.x + 12, head.y, 10, RT_STYLE_DIM, "%d before", AROUND);
    rt_canvas_right(c, head.x + 22, head.y, 10, RT_STYLE_DIM, loss.points < AROUND ? "%d so far" : "%d after",
                    loss.points < AROUND ? loss.points : AROUND);
    draw_term(m, c, &r, "total loss", "loss", true, j->step);
    for (int k = 0; k < RT_TERMS; k++)
        draw_term(m, c, &r, rt_terms[k]->name, rt_terms[k]->name, true, j->step);
    draw_term(m, c, &r, "effective", "effective", false, j->step);
    draw_term(m, c, &r, "grad. norm", "gradient_norm", false, j->step);
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = ui->model;
    struct rt_journal_view *v = &ui->journal;
    struct rt_rect pane = {0, 0, 0, 0};
    v->count = count_rows(ui);
    v->list = pane;
    if (v->count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, m->journal_count ? "No change is called so."
                       : "Nobody has changed anything in this run.");
        return;
    }
    v->at = v->left_end && v->at < v->count ? v->at : v->count - 1;
    if (r.w >= 140) {
        pane = rt_layout_right(&r, PANE_WIDTH);
        for (int y = 0; y < pane.h; y++)
            rt_canvas_put(c, pane.x, pane.y + y, RT_STYLE_DIM, 0x2502);
        pane = rt_layout_right(&pane, pane.w - 2);
    } else if (r.h >= 12) {
        pane = rt_layout_bottom(&r, r.h / 2);
        struct rt_rect rule = rt_layout_top(&pane, 1);
        for (int x = 0; x < rule.w; x++)
            rt_canvas_put(c, rule.x + x, rule.y, RT_STYLE_DIM, 0x2500);
        pane = rt_layout_right(&pane, pane.w - 1);
    }
    struct rt_rect head = rt_layout_top(&r, r.h > 1);
    if (head.h)
        draw_head(c, head);
    v->list = r;
    v->first = rt_layout_scroll(v->first, v->at, r.h, v->count);
    for (int i = 0, row = 0; i < m->journal_count && row < v->first + r.h; i++)
        if (is_shown(v, &m->journal[i]) && row++ >= v->first)
            draw_row(m, c, (struct rt_rect){r.x, r.y + row - 1 - v->first, r.w, 1}, &m->journal[i],
                     row - 1 == v->at);
    if (pane.h)
        draw_pane(m, c, pane, row_at(ui, v->at));
}

/* ---- keys ---- */

static unsigned jump(struct rt_ui *ui)
{
    const struct rt_journal_row *j = row_at(ui, ui->journal.at);
    struct rt_losses_view *l = &ui->losses;
    if (!j)
        return RT_DID_HANDLE;
    l->cursor = j->step;
    if (l->to > 0 && (j->step < l->from || j->step > l->to))
        l->from = l->to = 0;
    return rt_ui_go(ui, RT_SCREEN_LOSSES);
}

static unsigned take_back(struct rt_ui *ui)
{
    const struct rt_journal_row *j = row_at(ui, ui->journal.at);
    const struct rt_key *key = j ? rt_key_find(j->key) : NULL;
    if (j && !key)
        rt_ui_say(ui, true, "%s is no setting", j->key);
    return key ? rt_steer_set(ui, key, j->before) : RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned filter_by(struct rt_ui *ui, const char *where)
{
    snprintf(ui->journal.where, sizeof ui->journal.where, "%s", where);
    ui->journal.left_end = false;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned move(struct rt_ui *ui, int at)
{
    struct rt_journal_view *v = &ui->journal;
    v->at = at;
    v->left_end = at < count_rows(ui) - 1;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_journal_view *v = &ui->journal;
    int at = v->at;
    switch (act) {
    case RT_ACT_JUMP: return jump(ui);
    case RT_ACT_TAKE_BACK: return take_back(ui);
    case RT_ACT_BACK: return *v->where ? filter_by(ui, "") : RT_DID_NOTHING;
    default: return rt_list_move(&at, count_rows(ui), v->list.h, act) ? move(ui, at) : RT_DID_NOTHING;
    }
}

/* A press goes to the row, one on the row under the cursor shows it in the curves. */
static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_journal_view *v = &ui->journal;
    int at = v->first + event.y - v->list.y;
    if (event.key != RT_KEY_CLICK || !rt_layout_within(v->list, event.x, event.y) || at >= v->count)
        return RT_DID_NOTHING;
    return at == v->at ? jump(ui) : move(ui, at);
}

static unsigned verb(struct rt_ui *ui, const char *verb, const char *argument)
{
    return strcmp(verb, "filter") == 0 && ui->screen == RT_SCREEN_JOURNAL ? filter_by(ui, argument)
                                                                           : RT_DID_NOTHING;
}

static const char *filter(const struct rt_ui *ui)
{
    return ui->journal.where;
}

const struct rt_screen rt_screen_journal = {"journal", "Journal", false, draw, act, mouse, verb, filter};
