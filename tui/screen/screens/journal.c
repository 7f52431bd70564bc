/* SPDX-License-Identifier: MIT
 * journal: run.db's record of who changed what at which step, and how the losses went before and after. */
#include "tui/report/journal_words.h"
#include "tui/screen/base/number.h"
#include "tui/screen/screen.h"

#include "stages/distill/term.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define AROUND 50      /* steps before and after a change whose mean losses are compared */
#define PANE_WIDTH 46
#define LOSS_WIDTH 26  /* of the total loss in a row */
#define WORDS 400
#define PENDING 16

/* A change that the run has taken and that is for a later step. */
struct pending {
    int64_t step;
    char words[160];
};

struct journal {
    char where[64];       /* part of what the rows say, "" = all */
    struct rt_list list;  /* of the rows shown */
    bool left_end;        /* the cursor does not follow the newest row */
    struct pending pending[PENDING]; /* as they were asked for from here */
    int pendings;
};

/* ---- losses around a step ----
 * Whoever changed something wants to know what came of it. The means of as many steps before and after
 * are what can be said without a claim: a single step is mostly noise. */

/* Mean over the steps from (included) to (not included), NaN when there is none; *points: how many. */
static double series_mean(const struct rt_series *s, int64_t from, int64_t to, int *points)
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
static struct around around_step(const struct rt_snapshot *m, const char *name, int64_t step)
{
    const struct rt_series *s = rt_snapshot_series(m, "", name);
    struct around a;
    a.before = series_mean(s, step - AROUND, step, &a.points);
    a.after = series_mean(s, step, step + AROUND, &a.points);
    return a;
}

static const char *around_percent(const struct around *a, char out[24])
{
    double change = 100 * (a->after - a->before) / a->before;
    if (isfinite(change))
        snprintf(out, 24, "%+.0f %%", change);
    else
        out[0] = 0;
    return out;
}

/* ---- which rows ---- */

static bool journal_shows(const struct journal *v, const struct rt_snapshot *m, int number)
{
    const struct rt_journal_row *j = &m->journal[number];
    char words[WORDS];
    return !*v->where || strcasestr(j->key, v->where) || strcasestr(j->who, v->where) ||
           strcasestr(rt_journal_words(m, number, words, sizeof words), v->where);
}

/* The number in the journal of the row at this place of those shown, -1 behind the last. */
static int journal_number(const struct journal *v, const struct rt_snapshot *m, int place)
{
    for (int i = 0; i < m->journal_count; i++)
        if (journal_shows(v, m, i) && place-- == 0)
            return i;
    return -1;
}

static const struct rt_journal_row *journal_row(const struct journal *v, const struct rt_snapshot *m, int place)
{
    int number = journal_number(v, m, place);
    return number < 0 ? NULL : &m->journal[number];
}

static int journal_count(const struct journal *v, const struct rt_snapshot *m)
{
    int n = 0;
    for (int i = 0; i < m->journal_count; i++)
        n += journal_shows(v, m, i);
    return n;
}

/* ---- drawing ---- */

/* The total loss around a row; of one that says what the losses are, that these cannot be compared. */
static void row_draw_loss(const struct rt_snapshot *m, struct rt_canvas *c, int x, int y, int room,
                          const struct rt_journal_row *j, enum rt_style style)
{
    struct around loss = around_step(m, "loss", j->step);
    char before[24], after[24], change[24];
    if (rt_view_is_objective(j->key))
        rt_canvas_right(c, x, y, room, style, "%s | %s      ", rt_number_short(loss.before, before),
                        rt_number_short(loss.after, after));
    else
        rt_canvas_right(c, x, y, room, style, "%s -> %s %6s", rt_number_short(loss.before, before),
                        rt_number_short(loss.after, after), around_percent(&loss, change));
}

static void journal_draw_row(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r, int number, bool at)
{
    const struct rt_journal_row *j = &m->journal[number];
    char when[32] = "", words[WORDS];
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
        rt_canvas_text(c, x, r.y, end - losses - x, plain, rt_journal_words(m, number, words, sizeof words));
    if (losses)
        row_draw_loss(m, c, end - losses, r.y, losses - 1, j, at ? plain : RT_STYLE_LINE1);
}

static void journal_draw_head(struct rt_canvas *c, struct rt_rect r)
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

static void journal_draw_term(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect *r, const char *title,
                              const char *name, bool loss, const struct rt_journal_row *j)
{
    int64_t step = j->step;
    struct around a = around_step(m, name, step);
    char before[24], after[24], change[24];
    if ((isnan(a.before) && isnan(a.after)) || r->h == 0)
        return;
    struct rt_rect line = rt_layout_top(r, 1);
    rt_canvas_text(c, line.x, line.y, 12, RT_STYLE_PLAIN, title);
    rt_canvas_right(c, line.x + 12, line.y, 10, RT_STYLE_PLAIN, "%s", rt_number_short(a.before, before));
    rt_canvas_right(c, line.x + 22, line.y, 10, RT_STYLE_PLAIN, "%s", rt_number_short(a.after, after));
    enum rt_style style = !loss ? RT_STYLE_PLAIN : a.after > a.before ? RT_STYLE_WARN : RT_STYLE_GOOD;
    if (loss && rt_view_is_objective(j->key))
        return; /* neither better nor worse: something else */
    rt_canvas_right(c, line.x + 32, line.y, 9, style, "%s", around_percent(&a, change));
}

/* The row under the cursor, and every loss around it. */
static void journal_draw_pane(const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r, int number)
{
    const struct rt_journal_row *j = &m->journal[number];
    char words[WORDS];
    struct around loss = around_step(m, "loss", j->step);
    struct rt_rect title = {r.x, r.y, r.w, r.h < 2 ? r.h : 2};
    rt_layout_top(&r, rt_canvas_wrap(c, title, RT_STYLE_TITLE, rt_journal_words(m, number, words, sizeof words)));
    if (*rt_journal_asked(j) && r.h > 6)
        rt_layout_top(&r, rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "asked: %s", rt_journal_asked(j)) > 0);
    if (rt_view_is_objective(j->key) && r.h > 4)
        rt_layout_top(&r, rt_canvas_text(c, r.x, r.y, r.w, RT_STYLE_WARN,
                                         "another objective: losses do not compare") > 0);
    struct rt_rect head = rt_layout_top(&r, 1);
    if (!head.h)
        return;
    rt_canvas_print(c, head.x, head.y, 12, RT_STYLE_DIM, "mean of");
    rt_canvas_right(c, head.x + 12, head.y, 10, RT_STYLE_DIM, "%d before", AROUND);
    rt_canvas_right(c, head.x + 22, head.y, 10, RT_STYLE_DIM, loss.points < AROUND ? "%d so far" : "%d after",
                    loss.points < AROUND ? loss.points : AROUND);
    journal_draw_term(m, c, &r, "total loss", "loss", true, j);
    for (int k = 0; k < RT_TERMS; k++)
        journal_draw_term(m, c, &r, rt_terms[k]->name, rt_terms[k]->name, true, j);
    journal_draw_term(m, c, &r, "effective", "effective", false, j);
    journal_draw_term(m, c, &r, "grad. norm", "gradient_norm", false, j);
}

/* Cuts the pane off: beside the rows where there is room, else below them, else there is none. */
static struct rt_rect journal_cut_pane(struct rt_canvas *c, struct rt_rect *r)
{
    struct rt_rect pane = {0, 0, 0, 0};
    if (r->w >= 140) {
        pane = rt_layout_right(r, PANE_WIDTH);
        for (int y = 0; y < pane.h; y++)
            rt_canvas_put(c, pane.x, pane.y + y, RT_STYLE_DIM, 0x2502);
        pane = rt_layout_right(&pane, pane.w - 2);
    } else if (r->h >= 12) {
        pane = rt_layout_bottom(r, r->h / 2);
        struct rt_rect rule = rt_layout_top(&pane, 1);
        for (int x = 0; x < rule.w; x++)
            rt_canvas_put(c, rule.x + x, rule.y, RT_STYLE_DIM, 0x2500);
        pane = rt_layout_right(&pane, pane.w - 1);
    }
    return pane;
}

/* What waits for its step, below the rows. */
static void journal_draw_pending(const struct journal *v, struct rt_canvas *c, struct rt_rect r)
{
    for (int i = 0; i < v->pendings && i < r.h; i++)
        rt_canvas_print(c, r.x + 1, r.y + i, r.w - 1, RT_STYLE_CURSOR, "%8lld  waits for that step: %s",
                        (long long)v->pending[i].step, v->pending[i].words);
}

static void journal_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = view->model;
    struct journal *v = self;
    struct rt_list *l = &v->list;
    l->count = journal_count(v, m);
    l->place = (struct rt_rect){0, 0, 0, 0};
    if (v->pendings)
        journal_draw_pending(v, c, rt_layout_bottom(&r, r.h > 2 * v->pendings ? v->pendings : 0));
    if (l->count == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, m->journal_count ? "No change is called so."
                       : "Nobody has changed anything in this run.");
        return;
    }
    l->at = v->left_end && l->at < l->count ? l->at : l->count - 1;
    struct rt_rect pane = journal_cut_pane(c, &r), head = rt_layout_top(&r, r.h > 1);
    if (head.h)
        journal_draw_head(c, head);
    rt_list_lay(l, r, 1, l->count);
    for (int i = 0, row = 0; i < m->journal_count && row < l->first + r.h; i++)
        if (journal_shows(v, m, i) && row++ >= l->first)
            journal_draw_row(m, c, rt_list_cell(l, row - 1 - l->first), i, row - 1 == l->at);
    if (pane.h)
        journal_draw_pane(m, c, pane, journal_number(v, m, l->at));
}

/* ---- what waits ----
 * Some settings decide how a batch is made, and batches are made ahead: a change of them is for a later step, and
 * stands in the journal only then. Until it does, what the run answered is kept here. */

static void pending_add(struct journal *v, int64_t step, const char *what, const char *value)
{
    if (v->pendings == PENDING)
        return;
    struct pending *p = &v->pending[v->pendings++];
    p->step = step;
    snprintf(p->words, sizeof p->words, "%.90s%s%.60s", what, *value ? " = " : "", value);
}

/* Those whose step has been made are in the journal now. */
static bool pendings_drop(struct journal *v, int64_t step)
{
    int n = 0, before = v->pendings;
    for (int i = 0; i < v->pendings; i++)
        if (v->pending[i].step > step)
            v->pending[n++] = v->pending[i];
    v->pendings = n;
    return n != before;
}

static unsigned journal_told(void *self, struct rt_view *view, const struct rt_steer_event *event)
{
    struct journal *v = self;
    char key[64] = "", after[100] = "";
    if (event->kind == RT_STEER_STEP || event->kind == RT_STEER_GONE)
        pendings_drop(v, event->kind == RT_STEER_GONE ? INT64_MAX : view->steer.step);
    if (event->kind != RT_STEER_ANSWERED || event->quiet || !event->line)
        return RT_DID_NOTHING;
    double step = rt_link_number(event->line, "step");
    rt_link_text(event->line, "key", key, sizeof key);
    rt_link_text(event->line, "after", after, sizeof after);
    if (!*key)
        rt_link_text(event->line, "change", key, sizeof key);
    if (*key && step > (double)view->steer.step + 1 && step < 9e15)
        pending_add(v, (int64_t)step, key, after);
    return RT_DID_NOTHING; /* the message line says it too */
}

/* ---- keys ---- */

/* The curves, with their cursor at the step of the row. */
static unsigned journal_jump(struct journal *v, struct rt_view *view)
{
    const struct rt_journal_row *j = journal_row(v, view->model, v->list.at);
    if (!j)
        return RT_DID_HANDLE;
    view->step = j->step;
    return rt_view_go(view, RT_SCREEN_LOSSES);
}

static unsigned journal_take_back(struct journal *v, struct rt_view *view)
{
    const struct rt_journal_row *j = journal_row(v, view->model, v->list.at);
    const struct rt_key *key = j ? rt_key_find(j->key) : NULL;
    if (j && !key)
        rt_message_say(&view->message, true, "%s is no setting", j->key);
    return key ? rt_view_set(view, key, j->before) : RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned journal_filter_by(struct journal *v, const char *where)
{
    snprintf(v->where, sizeof v->where, "%s", where);
    v->left_end = false;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* The cursor was moved: at the newest row it follows those that come. */
static unsigned journal_moved(struct journal *v, const struct rt_snapshot *m)
{
    v->left_end = v->list.at < journal_count(v, m) - 1;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned journal_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct journal *v = self;
    switch (act) {
    case RT_ACT_JUMP: return journal_jump(v, view);
    case RT_ACT_TAKE_BACK: return journal_take_back(v, view);
    case RT_ACT_BACK: return *v->where ? journal_filter_by(v, "") : RT_DID_NOTHING;
    default:
        v->list.count = journal_count(v, view->model);
        return rt_view_move(&v->list, act) ? journal_moved(v, view->model) : RT_DID_NOTHING;
    }
}

/* A press goes to the row, one on the row under the cursor shows it in the curves. */
static unsigned journal_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct journal *v = self;
    int at = rt_list_under(&v->list, event.x, event.y);
    if (event.key != RT_KEY_CLICK || at < 0)
        return RT_DID_NOTHING;
    if (at == v->list.at)
        return journal_jump(v, view);
    v->list.at = at;
    return journal_moved(v, view->model);
}

static unsigned journal_verb(void *self, struct rt_view *view, const char *verb, const char *argument)
{
    return strcmp(verb, "filter") == 0 && view->screen == RT_SCREEN_JOURNAL ? journal_filter_by(self, argument)
                                                                             : RT_DID_NOTHING;
}

const struct rt_screen rt_screen_journal = {
    .filter = true, .samples = true, .size = sizeof(struct journal), .draw = journal_draw, .act = journal_act,
    .mouse = journal_mouse, .verb = journal_verb, .told = journal_told};
