/* SPDX-License-Identifier: MIT
 * losses: every curve of the run in a grid of charts over one axis of steps. Which charts there are
 * follows from the curves that run.db holds. */
#include "tui/screen/screen.h"
#include "tui/screen/widgets/chart.h"

#include "stages/distill/term.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double smoothing[] = {0, 0.9, 0.98};
#define SMOOTHINGS ((int)(sizeof smoothing / sizeof *smoothing))

/* ---- which charts ---- */

struct charts {
    struct rt_chart chart[RT_CHARTS];
    int count;
    const struct rt_compare *compare;
};

static struct rt_chart *add_chart(struct charts *all, const char *title)
{
    if (all->count == RT_CHARTS)
        return NULL;
    struct rt_chart *chart = &all->chart[all->count++];
    *chart = (struct rt_chart){.title = title};
    return chart;
}

static void add_curve(struct rt_chart *chart, const struct rt_series *s, const char *name)
{
    if (chart && s && s->count && chart->curves < RT_CHART_CURVES)
        chart->curve[chart->curves++] = (struct rt_curve){s, name, false};
}

/* The same curves of the other run, as many as there is room for. */
static void lay_over(struct charts *all)
{
    const struct rt_compare *other = all->compare;
    for (int i = 0; other->run && i < all->count; i++) {
        struct rt_chart *chart = &all->chart[i];
        for (int k = 0, own = chart->curves; k < own; k++) {
            const struct rt_series *mine = chart->curve[k].series;
            const struct rt_series *s = rt_snapshot_series(other->run, mine->split, mine->name);
            int before = chart->curves;
            add_curve(chart, s, k ? NULL : other->name);
            if (chart->curves > before)
                chart->curve[before].other = true;
        }
    }
}

/* A chart of the curves that are there; none when none is. */
static void add(struct charts *all, const struct rt_snapshot *m, const char *title, const char *split,
                const char *name)
{
    const struct rt_series *s = rt_snapshot_series(m, split, name);
    if (s && s->count)
        add_curve(add_chart(all, title), s, "");
}

static void add_terms(struct charts *all, const struct rt_snapshot *m)
{
    for (int k = 0; k < RT_TERMS; k++)
        add(all, m, rt_terms[k]->name, "", rt_terms[k]->name);
}

static void add_inside(struct charts *all, const struct rt_snapshot *m)
{
    struct rt_chart *chart = NULL;
    for (int k = RT_TASK_TERMS; k < RT_TERMS; k++) {
        char name[80];
        snprintf(name, sizeof name, "%s.inside", rt_terms[k]->name);
        const struct rt_series *s = rt_snapshot_series(m, "", name);
        double best = 0;
        for (int i = 0; s && i < s->count && best <= 0; i++)
            best = s->value[i];
        if (best > 0 && !chart)
            chart = add_chart(all, "inside margin");
        if (best > 0 && chart)
            add_curve(chart, s, rt_terms[k]->name);
    }
    if (chart)
        chart->share = true;
}

static void add_validation(struct charts *all, const struct rt_snapshot *m)
{
    const struct rt_series *top1 = rt_snapshot_series(m, "valid", "top1");
    if (top1 && top1->count) {
        struct rt_chart *chart = add_chart(all, "validation top-1");
        add_curve(chart, top1, "");
        add_curve(chart, rt_snapshot_series(m, "valid", "teacher.top1"), "teacher");
        if (chart)
            chart->share = true;
    }
    const struct rt_series *loss = rt_snapshot_series(m, "valid", "loss");
    if (loss && loss->count) {
        struct rt_chart *chart = add_chart(all, "loss by epoch");
        add_curve(chart, loss, "valid");
        add_curve(chart, rt_snapshot_series(m, "train", "loss"), "train");
    }
}

static void find_charts(struct charts *all, const struct rt_ui *ui)
{
    const struct rt_snapshot *m = ui->model;
    all->count = 0;
    all->compare = &ui->compare;
    add(all, m, "total loss", "", "loss");
    add_validation(all, m);
    add_terms(all, m);
    add_inside(all, m);
    add(all, m, "learning rate", "", "lr");
    add(all, m, "effective samples", "", "effective");
    add(all, m, "gradient norm", "", "gradient_norm");
    lay_over(all);
}

/* ---- changes ---- */

#define MARKS 256

/* Steps of the journal's rows, each once; the newest when there are more than MARKS. */
static int find_marks(const struct rt_snapshot *m, int64_t mark[MARKS])
{
    int n = 0;
    for (int i = m->journal_count; i > 0 && n < MARKS; i--)
        if (n == 0 || mark[MARKS - n] != m->journal[i - 1].step)
            mark[MARKS - ++n] = m->journal[i - 1].step;
    memmove(mark, mark + MARKS - n, sizeof *mark * (size_t)n);
    return n;
}

/* The change at or next before the cursor that the same column of a chart of `columns` shows, or NULL. */
static const struct rt_journal_row *change_at(const struct rt_ui *ui, int64_t from, int64_t to, int columns)
{
    const struct rt_snapshot *m = ui->model;
    int64_t near = columns > 0 ? (to - from) / columns : 0;
    const struct rt_journal_row *best = NULL;
    for (int i = 0; i < m->journal_count; i++) {
        int64_t off = m->journal[i].step - ui->losses.cursor;
        if ((off < 0 ? -off : off) <= near)
            best = &m->journal[i];
    }
    return best;
}

static void move_to_change(struct rt_ui *ui, int way)
{
    struct rt_losses_view *v = &ui->losses;
    const struct rt_snapshot *m = ui->model;
    int64_t at = v->cursor >= 0 ? v->cursor : way < 0 ? INT64_MAX : 0, found = -1;
    for (int i = 0; i < m->journal_count; i++) {
        int64_t step = m->journal[i].step;
        if (way < 0 ? step < at && step > found : step > at && (found < 0 || step < found))
            found = step;
    }
    if (found < 0)
        rt_ui_say(ui, false, m->journal_count ? "no change there" : "the journal is empty");
    else
        v->cursor = found;
}

/* ---- drawing ---- */

/* The last step that any run shown has. */
static int64_t last_step(const struct rt_ui *ui)
{
    const struct rt_snapshot *other = ui->compare.run;
    return other && other->step > ui->model->step ? other->step : ui->model->step;
}

static void range(const struct rt_ui *ui, int64_t *from, int64_t *to)
{
    const struct rt_losses_view *v = &ui->losses;
    *from = v->to > 0 ? v->from : 1;
    *to = v->to > 0 ? v->to : last_step(ui);
    if (*to < *from)
        *to = *from;
}

static void draw_axis(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    static const char *const words[SMOOTHINGS] = {"", "  smoothed", "  much smoothed"};
    const struct rt_losses_view *v = &ui->losses;
    int64_t from, to;
    range(ui, &from, &to);
    int x = r.x + rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "steps %" PRId64 " to %" PRId64 "%s%s",
                                  from, to, v->log ? "  log" : "", words[v->smooth]);
    const struct rt_journal_row *change = v->cursor >= 0 ? change_at(ui, from, to, v->cell[0].w) : NULL;
    if (change)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "step %" PRId64 ": %s %s -> %s, by %s",
                        change->step, change->key, *change->before ? change->before : "(none)",
                        *change->after ? change->after : "(none)", change->who);
    else if (v->cursor >= 0)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "cursor at step %" PRId64,
                        v->cursor);
    else if (v->shown < v->count)
        rt_canvas_right(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_DIM, "charts %d to %d of %d",
                        v->first + 1, v->first + v->shown, v->count);
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_losses_view *v = &ui->losses;
    struct charts all;
    int64_t mark[MARKS];
    int marks = find_marks(ui->model, mark);
    find_charts(&all, ui);
    v->count = all.count;
    v->shown = 0;
    if (all.count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No curve yet: the first stand in run.db at the end of the "
                       "first epoch.");
        return;
    }
    struct rt_rect axis = rt_layout_bottom(&r, r.h > 3);
    v->focus = v->focus >= all.count ? all.count - 1 : v->focus;
    v->shown = rt_layout_grid(r, v->large ? 1 : all.count, 34, 6, v->cell, &v->across);
    v->first = v->large ? v->focus : rt_layout_scroll(v->first, v->focus, v->shown, all.count);
    for (int i = 0; i < v->shown; i++) {
        struct rt_chart *chart = &all.chart[v->first + i];
        struct rt_rect cell = v->cell[i];
        cell.w -= cell.w > 20 && (i + 1) % v->across ? 2 : 0; /* a gap between two */
        cell.h -= cell.h > 5 && i + v->across < v->shown;
        chart->log = v->log && !chart->share;
        chart->focus = v->first + i == v->focus && !v->large;
        /* Evaluations are few, and means already. */
        chart->smooth = *chart->curve[0].series->split ? 0 : smoothing[v->smooth];
        chart->cursor = v->cursor;
        chart->mark = mark;
        chart->marks = marks;
        range(ui, &chart->from, &chart->to);
        rt_chart_draw(c, cell, chart);
    }
    if (axis.h)
        draw_axis(ui, c, axis);
}

/* ---- keys ---- */

/* Zoom by factor about the cursor (else the middle), kept within the run. */
static void zoom(struct rt_ui *ui, double factor)
{
    struct rt_losses_view *v = &ui->losses;
    int64_t from, to, last = last_step(ui);
    range(ui, &from, &to);
    int64_t about = v->cursor >= from && v->cursor <= to ? v->cursor : from + (to - from) / 2;
    int64_t length = (int64_t)((double)(to - from) * factor);
    length = length < 8 ? 8 : length;
    if (length >= last - 1) {
        v->from = v->to = 0;
        return;
    }
    v->from = about - length / 2;
    v->from = v->from < 1 ? 1 : v->from;
    v->to = v->from + length;
    if (v->to > last) {
        v->to = last;
        v->from = last - length;
    }
}

static void move_cursor(struct rt_ui *ui, int way)
{
    struct rt_losses_view *v = &ui->losses;
    int64_t from, to, last = last_step(ui);
    range(ui, &from, &to);
    int64_t by = (to - from) / 80 > 0 ? (to - from) / 80 : 1;
    v->cursor = v->cursor < 0 ? (way < 0 ? to : from) : v->cursor + way * by;
    v->cursor = v->cursor < 1 ? 1 : v->cursor > last ? last : v->cursor;
    if (v->to > 0 && (v->cursor < v->from || v->cursor > v->to)) { /* the window goes along */
        int64_t shift = v->cursor < v->from ? v->cursor - v->from : v->cursor - v->to;
        v->from += shift;
        v->to += shift;
    }
}

static void move_focus(struct rt_losses_view *v, int by)
{
    int to = v->focus + by;
    if (to >= 0 && to < v->count)
        v->focus = to;
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_losses_view *v = &ui->losses;
    int across = v->across > 0 && !v->large ? v->across : 1;
    switch (act) {
    case RT_ACT_LOG: v->log = !v->log; break;
    case RT_ACT_SMOOTH: v->smooth = (v->smooth + 1) % SMOOTHINGS; break;
    case RT_ACT_ZOOM_IN: zoom(ui, 0.5); break;
    case RT_ACT_ZOOM_OUT: zoom(ui, 2); break;
    case RT_ACT_ZOOM_ALL: v->from = v->to = 0; break;
    case RT_ACT_NEXT: v->focus = v->count ? (v->focus + 1) % v->count : 0; break;
    case RT_ACT_PREVIOUS: v->focus = v->count ? (v->focus + v->count - 1) % v->count : 0; break;
    case RT_ACT_UP: move_focus(v, -across); break;
    case RT_ACT_DOWN: move_focus(v, across); break;
    case RT_ACT_PAGE_UP: v->focus = v->focus > v->shown ? v->focus - v->shown : 0; break;
    case RT_ACT_PAGE_DOWN:
        v->focus = v->focus + v->shown < v->count ? v->focus + v->shown : v->count - (v->count > 0);
        break;
    case RT_ACT_LEFT: move_cursor(ui, -1); break;
    case RT_ACT_RIGHT: move_cursor(ui, 1); break;
    case RT_ACT_HOME: v->cursor = 1; move_cursor(ui, 0); break;
    case RT_ACT_END: v->cursor = last_step(ui); move_cursor(ui, 0); break;
    case RT_ACT_CHANGE_BEFORE: move_to_change(ui, -1); move_cursor(ui, 0); break;
    case RT_ACT_CHANGE_NEXT: move_to_change(ui, 1); move_cursor(ui, 0); break;
    case RT_ACT_COMPARE: rt_prompt_open(&ui->prompt, ':', ":", "compare "); break;
    case RT_ACT_ENTER: v->large = !v->large; break;
    case RT_ACT_BACK:
        if (v->cursor < 0)
            v->large = false;
        v->cursor = -1;
        break;
    default: return RT_DID_NOTHING;
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_losses_view *v = &ui->losses;
    int x = event.x, y = event.y;
    if (event.key == RT_KEY_RELEASE)
        return RT_DID_NOTHING;
    for (int i = 0; i < v->shown; i++) {
        struct rt_rect r = v->cell[i];
        if (x < r.x || x >= r.x + r.w || y < r.y || y >= r.y + r.h)
            continue;
        int64_t from, to;
        int axis = r.w >= 30 ? 7 : 0, wide = r.w - axis - 2 > 0 ? r.w - axis - 2 : 1;
        v->focus = v->first + i;
        range(ui, &from, &to);
        if (y > r.y && x >= r.x + axis) {
            v->cursor = from + (int64_t)((double)(to - from) * (x - r.x - axis) / wide);
            v->cursor = v->cursor > to ? to : v->cursor;
        }
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    return RT_DID_NOTHING;
}

static unsigned verb(struct rt_ui *ui, const char *verb, const char *argument)
{
    if (strcmp(verb, "compare") != 0)
        return RT_DID_NOTHING;
    if (rt_compare_with(ui, argument) && *argument)
        rt_ui_say(ui, false, "%s lies over, as grey curves", ui->compare.name);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

const struct rt_screen rt_screen_losses = {"losses", "Losses", false, draw, act, mouse, verb, NULL};
