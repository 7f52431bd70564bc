/* SPDX-License-Identifier: MIT
 * losses: every curve of the run in a grid of charts over one axis, of steps or of time. Which charts there are
 * follows from the curves that run.db holds (losses_charts.h). */
#include "tui/screen/screen.h"
#include "tui/screen/screens/losses_charts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double smoothing[] = {0, 0.9, 0.98};
#define SMOOTHINGS ((int)(sizeof smoothing / sizeof *smoothing))

struct losses {
    bool log, large, time;   /* time: x is the time that the steps took */
    int smooth;              /* place in the list of smoothings */
    int64_t from, to;        /* steps shown; to 0 = all */
    int focus, first, shown, across, count; /* charts */
    struct rt_rect cell[RT_CHARTS]; /* of the charts last drawn */
};

static void losses_init(void *self)
{
    struct losses *v = self;
    v->smooth = 1; /* calm; the key leads to every value */
}

/* ---- changes ----
 * A curve that turns is easiest understood beside what somebody did at that step. */

#define MARKS 256

static double step_x(const struct rt_series *clock, int64_t step)
{
    return clock ? rt_series_at(clock, (double)step) : (double)step;
}

/* Steps of the journal's rows, each once; the newest when there are more than MARKS. */
static int changes_find(const struct rt_snapshot *m, const struct rt_series *clock, struct rt_chart_mark mark[MARKS])
{
    int n = 0;
    for (int i = m->journal_count; i > 0 && n < MARKS; i--) {
        const struct rt_journal_row *j = &m->journal[i - 1];
        double x = step_x(clock, j->step);
        if (n == 0 || mark[MARKS - n].x != x)
            mark[MARKS - ++n] = (struct rt_chart_mark){x, false};
        mark[MARKS - n].objective |= rt_view_is_objective(j->key);
    }
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
 * All charts have the same x from left to right, so that a column is the same moment in each. */

/* The last step that any run shown has. */
static int64_t losses_last_step(const struct rt_view *view)
{
    int64_t last = view->model->step;
    for (int i = 0; i < view->compare.count; i++)
        last = view->compare.other[i].run->step > last ? view->compare.other[i].run->step : last;
    return last;
}

static void losses_range(const struct losses *v, const struct rt_view *view, int64_t *from, int64_t *to)
{
    *from = v->to > 0 ? v->from : 1;
    *to = v->to > 0 ? v->to : losses_last_step(view);
    if (*to < *from)
        *to = *from;
}

static double clock_end(const struct rt_snapshot *run)
{
    return run->clock.count ? run->clock.value[run->clock.count - 1] : 0;
}

/* The same as x: over time, of the window's steps by the run's own clock, or of all that any run took. */
static void losses_range_x(const struct losses *v, const struct rt_view *view, double *from, double *to)
{
    int64_t first, last;
    losses_range(v, view, &first, &last);
    *from = (double)first;
    *to = (double)last;
    if (!v->time)
        return;
    *from = v->to > 0 ? rt_series_at(&view->model->clock, *from) : 0;
    *to = v->to > 0 ? rt_series_at(&view->model->clock, *to) : clock_end(view->model);
    for (int i = 0; v->to == 0 && i < view->compare.count; i++)
        *to = fmax(*to, clock_end(view->compare.other[i].run));
}

static void losses_draw_status(const struct losses *v, const struct rt_view *view, struct rt_canvas *c,
                               struct rt_rect r)
{
    static const char *const words[SMOOTHINGS] = {"", "  smoothed", "  much smoothed"};
    int64_t from, to;
    losses_range(v, view, &from, &to);
    int x = r.x + rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "steps %" PRId64 " to %" PRId64 "%s%s%s", from, to,
                                  v->time ? "  over time" : "", v->log ? "  log" : "", words[v->smooth]);
    const struct rt_journal_row *change = view->step >= 0 ? change_near(view, from, to, v->cell[0].w) : NULL;
    if (change)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "step %" PRId64 ": %s %s -> %s, by %s%s",
                        change->step, change->key, *change->before ? change->before : "(none)",
                        *change->after ? change->after : "(none)", change->who,
                        rt_view_is_objective(change->key) ? ": another objective" : "");
    else if (view->step >= 0)
        rt_canvas_print(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_CURSOR, "cursor at step %" PRId64,
                        view->step);
    else if (v->shown < v->count)
        rt_canvas_right(c, x + 2, r.y, r.x + r.w - x - 2, RT_STYLE_DIM, "charts %d to %d of %d",
                        v->first + 1, v->first + v->shown, v->count);
}

/* Which colour is which run's. */
static void losses_draw_legend(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_compare *others = &view->compare;
    const char *slash = strrchr(view->model->folder, '/');
    int x = r.x, end = r.x + r.w;
    for (int i = -1; i < others->count && x < end; i++) {
        enum rt_style style = i < 0 ? rt_chart_style(0) : rt_losses_charts_style(i);
        const char *name = i >= 0 ? others->other[i].name : slash ? slash + 1 : view->model->folder;
        rt_canvas_put(c, x, r.y, style, 0x2501);
        rt_canvas_put(c, x + 1, r.y, style, 0x2501);
        x += 3 + rt_canvas_text(c, x + 3, r.y, end - x - 3, style, name) + 2;
    }
}

/* Another screen may have led to a step outside of the window: then all is shown. */
static void losses_follow(struct losses *v, const struct rt_view *view)
{
    if (v->to > 0 && view->step >= 0 && (view->step < v->from || view->step > v->to))
        v->from = v->to = 0;
    v->time &= view->model->clock.count > 0;
}

static void losses_draw_charts(struct losses *v, const struct rt_view *view, struct rt_canvas *c, struct rt_rect r,
                               struct rt_losses_charts *all)
{
    struct rt_chart_mark mark[MARKS];
    const struct rt_series *clock = v->time ? &view->model->clock : NULL;
    int marks = changes_find(view->model, clock, mark);
    v->focus = v->focus >= all->count ? all->count - 1 : v->focus;
    v->shown = rt_layout_grid(r, v->large ? 1 : all->count, 34, 6, v->cell, &v->across);
    v->first = v->large ? v->focus : rt_layout_scroll(v->first, v->focus, v->shown, all->count);
    for (int i = 0; i < v->shown; i++) {
        struct rt_chart *chart = &all->chart[v->first + i];
        v->cell[i].w -= v->cell[i].w > 20 && (i + 1) % v->across ? 2 : 0; /* a gap between two */
        chart->log = v->log && !chart->fraction && !chart->stack;
        chart->focus = v->first + i == v->focus && !v->large;
        chart->smooth = smoothing[v->smooth];
        chart->cursor = view->step < 0 ? (double)NAN : step_x(clock, view->step);
        chart->mark = mark;
        chart->marks = marks;
        losses_range_x(v, view, &chart->from, &chart->to);
        rt_chart_draw(c, v->cell[i], chart);
    }
}

static void losses_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct losses *v = self;
    struct rt_losses_charts all;
    losses_follow(v, view);
    rt_losses_charts_find(&all, view, v->time);
    v->count = all.count;
    v->shown = 0;
    if (all.count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No curve yet: the first stand in run.db at the end of the "
                       "first epoch.");
        return;
    }
    struct rt_rect status = rt_layout_bottom(&r, r.h > 3);
    struct rt_rect legend = rt_layout_top(&r, r.h > 8 && view->compare.count > 0);
    losses_draw_charts(v, view, c, r, &all);
    if (legend.h)
        losses_draw_legend(view, c, legend);
    if (status.h)
        losses_draw_status(v, view, c, status);
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

/* A run that an older retort made has no clock. */
static void losses_turn_time(struct losses *v, struct rt_view *view)
{
    v->time = !v->time && view->model->clock.count > 0;
    if (!v->time && view->model->clock.count == 0)
        rt_message_say(&view->message, false, "this run has not noted when its steps were made");
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
    case RT_ACT_TIME: losses_turn_time(v, view); break;
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
        double from, to;
        struct rt_rect plot = rt_chart_plot(r);
        v->focus = v->first + i;
        losses_range_x(v, view, &from, &to);
        if (y > r.y && x >= plot.x && plot.w > 0) {
            double at = from + (to - from) * fmin((double)(x - plot.x) / (plot.w > 1 ? plot.w - 1 : 1), 1);
            view->step = (int64_t)(v->time ? rt_series_when(&view->model->clock, at) : at);
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
        rt_message_say(&view->message, false, "%s lies over", view->compare.other[view->compare.count - 1].name);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

const struct rt_screen rt_screen_losses = {
    .size = sizeof(struct losses), .init = losses_init, .draw = losses_draw, .act = losses_act,
    .mouse = losses_mouse, .verb = losses_verb};
