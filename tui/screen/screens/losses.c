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
#define CHARTS 64

struct losses {
    bool log, large;
    int smooth;              /* place in the list of smoothings */
    int64_t from, to;        /* steps shown; to 0 = all */
    int focus, first, shown, across, count; /* charts */
    struct rt_rect cell[CHARTS]; /* of the charts last drawn */
};

static void losses_init(void *self)
{
    struct losses *v = self;
    v->smooth = 1; /* calm; the key leads to every value */
}

/* ---- which charts ----
 * Made anew for each drawing: a chart is a title and up to four pointers to curves, and which curves there are
 * changes while a run goes on and when another is laid over. */

struct charts {
    struct rt_chart chart[CHARTS];
    int count;
    const struct rt_compare *compare;
};

static struct rt_chart *charts_add(struct charts *all, const char *title)
{
    if (all->count == CHARTS)
        return NULL;
    struct rt_chart *chart = &all->chart[all->count++];
    *chart = (struct rt_chart){.title = title};
    return chart;
}

static void chart_add_curve(struct rt_chart *chart, const struct rt_series *s, const char *name)
{
    if (chart && s && s->count && chart->curves < RT_CHART_CURVES)
        chart->curve[chart->curves++] = (struct rt_curve){s, name, false};
}

/* The same curves of the other run, as many as there is room for. */
static void charts_lay_over(struct charts *all)
{
    const struct rt_compare *other = all->compare;
    for (int i = 0; other->run && i < all->count; i++) {
        struct rt_chart *chart = &all->chart[i];
        for (int k = 0, own = chart->curves; k < own; k++) {
            const struct rt_series *mine = chart->curve[k].series;
            const struct rt_series *s = rt_snapshot_series(other->run, mine->split, mine->name);
            int before = chart->curves;
            chart_add_curve(chart, s, k ? NULL : other->name);
            if (chart->curves > before)
                chart->curve[before].other = true;
        }
    }
}

/* A chart of the curves that are there; none when none is. */
static void charts_add_one(struct charts *all, const struct rt_snapshot *m, const char *title, const char *split,
                const char *name)
{
    const struct rt_series *s = rt_snapshot_series(m, split, name);
    if (s && s->count)
        chart_add_curve(charts_add(all, title), s, "");
}

static void charts_add_terms(struct charts *all, const struct rt_snapshot *m)
{
    for (int k = 0; k < RT_TERMS; k++)
        charts_add_one(all, m, rt_terms[k]->name, "", rt_terms[k]->name);
}

static void charts_add_inside(struct charts *all, const struct rt_snapshot *m)
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
            chart = charts_add(all, "inside margin");
        if (best > 0 && chart)
            chart_add_curve(chart, s, rt_terms[k]->name);
    }
    if (chart)
        chart->fraction = true;
}

static void charts_add_validation(struct charts *all, const struct rt_snapshot *m)
{
    const struct rt_series *eer = rt_snapshot_series(m, "valid", "eer");
    if (eer && eer->count) {
        struct rt_chart *chart = charts_add(all, "validation EER");
        chart_add_curve(chart, eer, "");
        if (chart)
            chart->fraction = true;
    }
    const struct rt_series *top1 = rt_snapshot_series(m, "valid", "top1");
    if (top1 && top1->count) {
        struct rt_chart *chart = charts_add(all, "validation top-1");
        chart_add_curve(chart, top1, "");
        chart_add_curve(chart, rt_snapshot_series(m, "valid", "teacher.top1"), "teacher");
        if (chart)
            chart->fraction = true;
    }
    const struct rt_series *loss = rt_snapshot_series(m, "valid", "loss");
    if (loss && loss->count) {
        struct rt_chart *chart = charts_add(all, "loss by epoch");
        chart_add_curve(chart, loss, "valid");
        chart_add_curve(chart, rt_snapshot_series(m, "train", "loss"), "train");
    }
}

static void charts_find(struct charts *all, const struct rt_view *view)
{
    const struct rt_snapshot *m = view->model;
    all->count = 0;
    all->compare = &view->compare;
    charts_add_one(all, m, "total loss", "", "loss");
    charts_add_validation(all, m);
    charts_add_terms(all, m);
    charts_add_inside(all, m);
    charts_add_one(all, m, "learning rate", "", "lr");
    charts_add_one(all, m, "effective samples", "", "effective");
    charts_add_one(all, m, "gradient norm", "", "gradient_norm");
    charts_lay_over(all);
}

/* ---- changes ----
 * A curve that turns is easiest understood beside what somebody did at that step. */

#define MARKS 256

/* Steps of the journal's rows, each once; the newest when there are more than MARKS. */
static int changes_find(const struct rt_snapshot *m, int64_t mark[MARKS])
{
    int n = 0;
    for (int i = m->journal_count; i > 0 && n < MARKS; i--)
        if (n == 0 || mark[MARKS - n] != m->journal[i - 1].step)
            mark[MARKS - ++n] = m->journal[i - 1].step;
    memmove(mark, mark + MARKS - n, sizeof *mark * (size_t)n);
    return n;
}

/* The change at or next before the cursor that the same column of a chart of `columns` shows, or NULL. */
static const struct rt_journal_row *change_near(const struct rt_view *view, int64_t from, int64_t to, int columns)
{
    const struct rt_snapshot *m = view->model;
    int64_t near = columns > 0 ? (to - from) / columns : 0;
    const struct rt_journal_row *best = NULL;
    for (int i = 0; i < m->journal_count; i++) {
        int64_t off = m->journal[i].step - view->step;
        if ((off < 0 ? -off : off) <= near)
            best = &m->journal[i];
    }
    return best;
}

static void losses_to_change(struct rt_view *view, int way)
{
    const struct rt_snapshot *m = view->model;
    int64_t at = view->step >= 0 ? view->step : way < 0 ? INT64_MAX : 0, found = -1;
    for (int i = 0; i < m->journal_count; i++) {
        int64_t step = m->journal[i].step;
        if (way < 0 ? step < at && step > found : step > at && (found < 0 || step < found))
            found = step;
    }
    if (found < 0)
        rt_message_say(&view->message, false, m->journal_count ? "no change there" : "the journal is empty");
    else
        view->step = found;
}

/* ---- drawing ----
 * All charts have the same steps from left to right, so that a column is the same moment in each. */

/* The last step that any run shown has. */
static int64_t losses_last_step(const struct rt_view *view)
{
    const struct rt_snapshot *other = view->compare.run;
    return other && other->step > view->model->step ? other->step : view->model->step;
}

static void losses_range(const struct losses *v, const struct rt_view *view, int64_t *from, int64_t *to)
{
    *from = v->to > 0 ? v->from : 1;
    *to = v->to > 0 ? v->to : losses_last_step(view);
    if (*to < *from)
        *to = *from;
}

static void losses_draw_axis(const struct losses *v, const struct rt_view *view, struct rt_canvas *c,
                             struct rt_rect r)
{
    static const char *const words[SMOOTHINGS] = {"", "  smoothed", "  much smoothed"};
    int64_t from, to;
    losses_range(v, view, &from, &to);
    int x = r.x + rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "steps %" PRId64 " to %" PRId64 "%s%s",
                                  from, to, v->log ? "  log" : "", words[v->smooth]);
    const struct rt_journal_row *change = view->step >= 0 ? change_near(view, from, to, v->cell[0].w) : NULL;
    if (change)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "step %" PRId64 ": %s %s -> %s, by %s",
                        change->step, change->key, *change->before ? change->before : "(none)",
                        *change->after ? change->after : "(none)", change->who);
    else if (view->step >= 0)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "cursor at step %" PRId64,
                        view->step);
    else if (v->shown < v->count)
        rt_canvas_right(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_DIM, "charts %d to %d of %d",
                        v->first + 1, v->first + v->shown, v->count);
}

/* Another screen may have led to a step outside of the window: then all is shown. */
static void losses_follow(struct losses *v, const struct rt_view *view)
{
    if (v->to > 0 && view->step >= 0 && (view->step < v->from || view->step > v->to))
        v->from = v->to = 0;
}

static void losses_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct losses *v = self;
    struct charts all;
    int64_t mark[MARKS];
    int marks = changes_find(view->model, mark);
    charts_find(&all, view);
    losses_follow(v, view);
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
        chart->log = v->log && !chart->fraction;
        chart->focus = v->first + i == v->focus && !v->large;
        /* Evaluations are few, and means already. */
        chart->smooth = *chart->curve[0].series->split ? 0 : smoothing[v->smooth];
        chart->cursor = view->step;
        chart->mark = mark;
        chart->marks = marks;
        losses_range(v, view, &chart->from, &chart->to);
        rt_chart_draw(c, cell, chart);
    }
    if (axis.h)
        losses_draw_axis(v, view, c, axis);
}

/* ---- keys ----
 * The cursor is a step, not a column: so it stays where it is when the window, the size or the run grows. */

/* Zoom by factor about the cursor (else the middle), kept within the run. */
static void losses_zoom(struct losses *v, const struct rt_view *view, double factor)
{
    int64_t from, to, last = losses_last_step(view);
    losses_range(v, view, &from, &to);
    int64_t about = view->step >= from && view->step <= to ? view->step : from + (to - from) / 2;
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

static void losses_move_cursor(struct losses *v, struct rt_view *view, int way)
{
    int64_t from, to, last = losses_last_step(view);
    losses_range(v, view, &from, &to);
    int64_t by = (to - from) / 80 > 0 ? (to - from) / 80 : 1;
    int64_t step = view->step < 0 ? (way < 0 ? to : from) : view->step + way * by;
    view->step = step = step < 1 ? 1 : step > last ? last : step;
    if (v->to > 0 && (step < v->from || step > v->to)) { /* the window goes along */
        int64_t shift = step < v->from ? step - v->from : step - v->to;
        v->from += shift;
        v->to += shift;
    }
}

static void losses_move_focus(struct losses *v, int by)
{
    int to = v->focus + by;
    if (to >= 0 && to < v->count)
        v->focus = to;
}

static unsigned losses_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct losses *v = self;
    int across = v->across > 0 && !v->large ? v->across : 1;
    switch (act) {
    case RT_ACT_LOG: v->log = !v->log; break;
    case RT_ACT_SMOOTH: v->smooth = (v->smooth + 1) % SMOOTHINGS; break;
    case RT_ACT_ZOOM_IN: losses_zoom(v, view, 0.5); break;
    case RT_ACT_ZOOM_OUT: losses_zoom(v, view, 2); break;
    case RT_ACT_ZOOM_ALL: v->from = v->to = 0; break;
    case RT_ACT_NEXT: v->focus = v->count ? (v->focus + 1) % v->count : 0; break;
    case RT_ACT_PREVIOUS: v->focus = v->count ? (v->focus + v->count - 1) % v->count : 0; break;
    case RT_ACT_UP: losses_move_focus(v, -across); break;
    case RT_ACT_DOWN: losses_move_focus(v, across); break;
    case RT_ACT_PAGE_UP: v->focus = v->focus > v->shown ? v->focus - v->shown : 0; break;
    case RT_ACT_PAGE_DOWN:
        v->focus = v->focus + v->shown < v->count ? v->focus + v->shown : v->count - (v->count > 0);
        break;
    case RT_ACT_LEFT: losses_move_cursor(v, view, -1); break;
    case RT_ACT_RIGHT: losses_move_cursor(v, view, 1); break;
    case RT_ACT_HOME: view->step = 1; losses_move_cursor(v, view, 0); break;
    case RT_ACT_END: view->step = losses_last_step(view); losses_move_cursor(v, view, 0); break;
    case RT_ACT_CHANGE_BEFORE: losses_to_change(view, -1); losses_move_cursor(v, view, 0); break;
    case RT_ACT_CHANGE_NEXT: losses_to_change(view, 1); losses_move_cursor(v, view, 0); break;
    case RT_ACT_COMPARE: rt_prompt_open(&view->prompt, ':', ":", "compare "); break;
    case RT_ACT_ENTER: v->large = !v->large; break;
    case RT_ACT_BACK:
        if (view->step < 0)
            v->large = false;
        view->step = -1;
        break;
    default: return RT_DID_NOTHING;
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned losses_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct losses *v = self;
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
        losses_range(v, view, &from, &to);
        if (y > r.y && x >= r.x + axis) {
            view->step = from + (int64_t)((double)(to - from) * (x - r.x - axis) / wide);
            view->step = view->step > to ? to : view->step;
        }
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    return RT_DID_NOTHING;
}

static unsigned losses_verb(void *self, struct rt_view *view, const char *verb, const char *argument)
{
    struct rt_error e;
    (void)self;
    if (strcmp(verb, "compare") != 0)
        return RT_DID_NOTHING;
    if (rt_compare_with(&view->compare, view->model, argument, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
    else if (*argument)
        rt_message_say(&view->message, false, "%s lies over, as grey curves", view->compare.name);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

const struct rt_screen rt_screen_losses = {
    .size = sizeof(struct losses), .init = losses_init, .draw = losses_draw, .act = losses_act,
    .mouse = losses_mouse, .verb = losses_verb};
