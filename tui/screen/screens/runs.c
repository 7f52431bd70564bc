/* SPDX-License-Identifier: MIT
 * runs: the runs that lie in a folder as a list, and the card of the one under the cursor: Enter opens it, marked ones
 * lie over the curves of the run that is open. Also what is seen when a run ends under the screen: its card alone. */
#include "tui/screen/find.h"
#include "tui/screen/screen.h"
#include "tui/screen/screens/runs_card.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GUTTER 2 /* mark, and which is open */
#define BESIDE 130
#define CARD_WIDTH 66

struct runs {
    unsigned version;     /* of the list that is arranged */
    struct rt_list list;  /* of the runs in their order */
    struct rt_runs_card card;
    bool alone;           /* the card fills the screen: of `only` */
    char only[4096];
    char words[400];      /* looked for last */
};

/* ---- order ----
 * The list outlives this screen's state (runs_list.h), so where its cursor is, its filter and its order are kept
 * there. */

static int runs_row(const struct runs *v, const struct rt_runs_list *l)
{
    return l && v->list.at < l->table.shown ? l->table.order[v->list.at] : -1;
}

static int runs_arrange(struct runs *v, struct rt_runs_list *l, struct rt_error *e)
{
    struct rt_table *t = &l->table;
    int rc = 0;
    t->shown = t->rows;
    for (int i = 0; i < t->rows; i++)
        t->order[i] = i;
    if (t->rows && *l->where)
        rc = rt_table_where(t, l->where, e);
    if (t->rows && rc == 0 && *l->sort)
        rc = rt_table_sort(t, l->sort, e);
    v->list.at = 0;
    for (int i = 0; i < t->shown; i++)
        if (t->order[i] == l->at)
            v->list.at = i;
    return rc;
}

/* Follows the list. */
static void runs_keep_up(struct runs *v, struct rt_view *view)
{
    struct rt_runs_list *l = view->runs;
    struct rt_error e;
    if (!l || v->version == l->version)
        return;
    if (v->version == 0 && rt_view_shows_run(view) && rt_runs_list_find(l, view->model->folder) >= 0)
        l->at = rt_runs_list_find(l, view->model->folder); /* seen for the first time since it was opened */
    v->version = l->version;
    if (runs_arrange(v, l, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
}

/* Another order or filter; a wrong one is refused, and what was before stands again. */
static unsigned runs_change(struct runs *v, struct rt_view *view, char *what, size_t size, const char *to)
{
    struct rt_runs_list *l = view->runs;
    struct rt_error e;
    char before[sizeof l->where];
    snprintf(before, sizeof before, "%s", what);
    snprintf(what, size, "%s", to);
    if (runs_arrange(v, l, &e) < 0) {
        rt_message_say(&view->message, true, "%s", e.text);
        snprintf(what, size, "%s", before);
        runs_arrange(v, l, &e);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned runs_find(struct runs *v, struct rt_view *view, int way, bool here)
{
    struct rt_runs_list *l = view->runs;
    int at = *v->words && l->table.shown ? rt_find_next(&l->table, v->list.at, way, here, v->words) : -1;
    if (at < 0)
        rt_message_say(&view->message, true, *v->words ? "no run says '%s'" : "nothing was looked for: /WORD%s",
                       v->words);
    v->list.at = at < 0 ? v->list.at : at;
    l->at = runs_row(v, l);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned runs_filter_by(struct runs *v, struct rt_view *view, const char *text)
{
    struct rt_runs_list *l = view->runs;
    if (!rt_find_is_words(&l->table, text))
        return runs_change(v, view, l->where, sizeof l->where, text);
    snprintf(v->words, sizeof v->words, "%s", text);
    return runs_find(v, view, 1, true);
}

/* By name, then by what people compare, the best first. */
static unsigned runs_sort_next(struct runs *v, struct rt_view *view)
{
    static const char *const orders[] = {"", "-best", "-test", "state", "-progress"};
    struct rt_runs_list *l = view->runs;
    size_t at = 0, n = sizeof orders / sizeof *orders;
    while (at < n && strcmp(orders[at], l->sort) != 0)
        at++;
    return runs_change(v, view, l->sort, sizeof l->sort, orders[at + 1 < n ? at + 1 : 0]);
}

/* ---- drawing ---- */

static double runs_number(const struct rt_table *t, int row, const char *column)
{
    int at = rt_table_find(t, column);
    return at < 0 ? (double)NAN : (double)t->column[at].number[row];
}

static const char *runs_text(const struct rt_table *t, int row, const char *column)
{
    int at = rt_table_find(t, column);
    return at < 0 ? "" : rt_table_cell(t, row, at);
}

/* The name without the folder that all of them lie in. */
static const char *runs_name(const struct rt_runs_list *l, int row)
{
    const char *name = rt_runs_list_folder(l, row);
    size_t n = strlen(l->folder);
    return strncmp(name, l->folder, n) == 0 && name[n] == '/' ? name + n + 1 : name;
}

/* Columns that find no room fall off at the right. */
enum part { NAME, STATE, PROGRESS, BEST, TEST, CURVE, STUDENT, PARTS };
static const struct {
    const char *head;
    int width;
} parts[PARTS] = {{"run", 18}, {"state", 11}, {"progress", 10}, {"best", 11},
                  {"test", 11}, {"curve", 12}, {"student", 40}};

/* The EER where there is one, else top-1. On test that of validation is not said again. */
static void runs_draw_figure(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const struct rt_table *t,
                             int row, bool test)
{
    double eer = runs_number(t, row, "eer"), test_eer = runs_number(t, row, "test_eer");
    double error = test ? test_eer : eer, value = isnan(error) ? runs_number(t, row, test ? "test" : "best") : error;
    const char *name = test && isnan(test_eer) == isnan(eer) ? "" : isnan(error) ? "top-1 " : "EER ";
    if (isnan(value))
        rt_canvas_right(c, x, y, room, style, "\u00b7");
    else
        rt_canvas_right(c, x, y, room, style, "%s%.1f%%", name, 100 * value);
}

static void runs_draw_progress(struct rt_canvas *c, int x, int y, int room, bool selected, double progress)
{
    if (isnan(progress) || room < parts[PROGRESS].width)
        return;
    progress = fmin(fmax(progress, 0), 1); /* of a file from anywhere */
    rt_canvas_bar(c, x, y, room - 5, selected ? RT_STYLE_SELECT : RT_STYLE_LINE1, progress);
    rt_canvas_right(c, x + room - 5, y, 5, selected ? RT_STYLE_SELECT : RT_STYLE_PLAIN, "%.0f%%", 100 * progress);
}

static enum rt_style runs_state_style(const char *state)
{
    static const char *const good[] = {"running", "done"};
    return strcmp(state, good[0]) == 0 ? RT_STYLE_GOOD : strcmp(state, good[1]) == 0 ? RT_STYLE_PLAIN : RT_STYLE_WARN;
}

static void runs_draw_part(const struct rt_runs_list *l, struct rt_canvas *c, int x, int y, int room, enum part part,
                           int row, bool selected)
{
    const struct rt_table *t = &l->table;
    enum rt_style plain = selected ? RT_STYLE_SELECT : RT_STYLE_PLAIN;
    const char *state = runs_text(t, row, "state");
    switch (part) {
    case NAME: rt_canvas_text(c, x, y, room, plain, runs_name(l, row)); break;
    case STATE: rt_canvas_text(c, x, y, room, selected ? plain : runs_state_style(state), state); break;
    case PROGRESS: runs_draw_progress(c, x, y, room, selected, runs_number(t, row, "progress")); break;
    case BEST: runs_draw_figure(c, x, y, room, plain, t, row, false); break;
    case TEST: runs_draw_figure(c, x, y, room, plain, t, row, true); break;
    case CURVE: rt_canvas_text(c, x, y, room, selected ? plain : RT_STYLE_DIM, runs_text(t, row, "curve")); break;
    default: rt_canvas_text(c, x, y, room, selected ? plain : RT_STYLE_DIM, runs_text(t, row, "student"));
    }
}

/* One line of the list; row -1 is its head. */
static void runs_draw_line(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r, int row, bool selected)
{
    const struct rt_runs_list *l = view->runs;
    const char *folder = rt_runs_list_folder(l, row);
    int x = r.x + GUTTER, end = r.x + r.w;
    if (row < 0 || selected)
        rt_canvas_fill(c, r, row < 0 ? RT_STYLE_BAR : RT_STYLE_SELECT);
    if (row >= 0)
        rt_canvas_print(c, r.x, r.y, r.w, selected ? RT_STYLE_SELECT : RT_STYLE_KEY, "%s%s",
                        rt_compare_has(&view->compare, folder) ? "*" : " ",
                        strcmp(folder, view->model->folder) == 0 ? ">" : " ");
    for (int i = 0; i < PARTS && x < end; i++) {
        int wide = parts[i].width + (i == NAME && r.w > 100 ? 14 : 0), room = wide < end - x ? wide : end - x;
        bool right = i == BEST || i == TEST;
        if (row >= 0)
            runs_draw_part(l, c, x, r.y, room, (enum part)i, row, selected);
        else if (right)
            rt_canvas_right(c, x, r.y, room, RT_STYLE_BAR, "%s", parts[i].head);
        else
            rt_canvas_text(c, x, r.y, room, RT_STYLE_BAR, parts[i].head);
        x += wide + 1;
    }
}

static void runs_draw_summary(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_runs_list *l = view->runs;
    int x = r.x + 1, end = r.x + r.w;
    if (r.h == 0)
        return;
    x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_DIM, "%d of %d runs in %s", l->table.shown, l->table.rows,
                         l->folder);
    if (l->more)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_WARN, "  reading %d more", l->more);
    if (view->compare.count)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_KEY, "  %d marked", view->compare.count);
    if (*l->sort)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_DIM, "  by %s", l->sort);
    if (*l->where)
        rt_view_draw_filter(c, (struct rt_rect){x + 2, r.y, end - x - 2, 1}, l->where);
}

static void runs_draw_list(struct runs *v, const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_table *t = &view->runs->table;
    struct rt_rect summary = rt_layout_bottom(&r, r.h > 4), head = rt_layout_top(&r, r.h > 1);
    if (head.h)
        runs_draw_line(view, c, head, -1, false);
    rt_list_lay(&v->list, r, 1, t->shown);
    for (int i = 0; i < v->list.lines && v->list.first + i < t->shown; i++)
        runs_draw_line(view, c, rt_list_cell(&v->list, i), t->order[v->list.first + i],
                       v->list.first + i == v->list.at);
    runs_draw_summary(view, c, summary);
}

/* Cuts the card's place off: beside the list where there is room, else below it, where it gets what a short list of
 * so many lines leaves. */
static struct rt_rect runs_cut_card(struct rt_canvas *c, struct rt_rect *list, int lines)
{
    if (list->w >= BESIDE) {
        struct rt_rect card = rt_layout_right(list, CARD_WIDTH);
        for (int y = 0; y < card.h; y++)
            rt_canvas_put(c, card.x, card.y + y, RT_STYLE_DIM, 0x2502);
        return rt_layout_right(&card, card.w - 2);
    }
    int least = list->h >= 12 ? list->h * 3 / 5 : 0, left = list->h - lines;
    struct rt_rect card = rt_layout_bottom(list, least && left > least ? left : least);
    struct rt_rect line = rt_layout_top(&card, 1);
    for (int x = 0; x < line.w && line.h; x++)
        rt_canvas_put(c, line.x + x, line.y, RT_STYLE_DIM, 0x2500);
    return rt_layout_right(&card, card.w - 1);
}

static void runs_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct runs *v = self;
    const struct rt_runs_list *l = view->runs;
    runs_keep_up(v, view);
    v->list.place = (struct rt_rect){0, 0, 0, 0};
    if (v->alone) {
        rt_layout_top(&r, r.h > 14);
        rt_runs_card_draw(&v->card, c, rt_layout_right(&r, r.w - (r.w > 20)));
    } else if (!l || l->version == 0) {
        rt_canvas_text(c, r.x, r.y, r.w, RT_STYLE_DIM, l ? "Looking for runs." : "No folder of runs was named.");
    } else if (*l->why) {
        rt_canvas_wrap(c, r, RT_STYLE_BAD, l->why);
    } else if (l->table.rows == 0) {
        rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "No run lies in %s: `retort run RECIPE` makes one.", l->folder);
    } else {
        struct rt_rect card = runs_cut_card(c, &r, 4 + l->table.rows); /* with head and summary */
        runs_draw_list(v, view, c, r);
        rt_runs_card_draw(&v->card, c, card);
    }
}

/* ---- keys ---- */

static unsigned runs_open(struct runs *v, struct rt_view *view)
{
    const char *folder = v->alone ? v->only : rt_runs_list_folder(view->runs, runs_row(v, view->runs));
    if (!*folder)
        return RT_DID_HANDLE;
    if (strcmp(folder, view->model->folder) == 0)
        return rt_view_go(view, RT_SCREEN_LOSSES);
    snprintf(view->open, sizeof view->open, "%s", folder);
    return RT_DID_HANDLE | RT_DID_QUIT;
}

/* Marked is: lies over. */
static unsigned runs_mark(struct runs *v, struct rt_view *view)
{
    const char *folder = rt_runs_list_folder(view->runs, runs_row(v, view->runs));
    struct rt_error e;
    if (*folder && !rt_compare_without(&view->compare, folder) &&
        rt_compare_with(&view->compare, view->model, folder, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
    rt_view_move(&v->list, RT_ACT_DOWN);
    view->runs->at = runs_row(v, view->runs);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* The card of the run under the cursor alone, and back. */
static unsigned runs_turn_card(struct runs *v, struct rt_view *view)
{
    v->alone = !v->alone;
    snprintf(v->only, sizeof v->only, "%s", rt_runs_list_folder(view->runs, runs_row(v, view->runs)));
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned runs_back(struct runs *v, struct rt_view *view)
{
    if (v->alone)
        return runs_turn_card(v, view);
    if (*view->runs->where)
        return runs_change(v, view, view->runs->where, sizeof view->runs->where, "");
    return rt_view_shows_run(view) && view->before != RT_SCREEN_RUNS ? rt_view_go(view, view->before) : RT_DID_HANDLE;
}

static unsigned runs_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct runs *v = self;
    if (!view->runs)
        return RT_DID_NOTHING;
    switch (act) {
    case RT_ACT_RUN_OPEN: return runs_open(v, view);
    case RT_ACT_RUN_CARD: return runs_turn_card(v, view);
    case RT_ACT_RUN_MARK: return v->alone ? RT_DID_HANDLE : runs_mark(v, view);
    case RT_ACT_RUN_SORT: return runs_sort_next(v, view);
    case RT_ACT_FIND_NEXT: return runs_find(v, view, 1, false);
    case RT_ACT_FIND_BEFORE: return runs_find(v, view, -1, false);
    case RT_ACT_BACK: return runs_back(v, view);
    default:
        v->list.count = view->runs->table.shown;
        unsigned did = v->alone ? RT_DID_NOTHING : rt_view_move(&v->list, act);
        view->runs->at = did ? runs_row(v, view->runs) : view->runs->at;
        return did;
    }
}

/* A press goes to the run, one on the run under the cursor opens it; one left of it marks. */
static unsigned runs_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct runs *v = self;
    int at = rt_list_under(&v->list, event.x, event.y), before = v->list.at;
    if (event.key != RT_KEY_CLICK || at < 0)
        return RT_DID_NOTHING;
    v->list.at = at;
    view->runs->at = runs_row(v, view->runs);
    if (event.x < v->list.place.x + GUTTER)
        return runs_mark(v, view);
    return at == before ? runs_open(v, view) : RT_DID_HANDLE | RT_DID_DRAW;
}

/* `:sort` and `:filter` are those of the samples, but while the runs are seen. */
static unsigned runs_verb(void *self, struct rt_view *view, const char *verb, const char *argument)
{
    struct rt_runs_list *l = view->runs;
    if (view->screen != RT_SCREEN_RUNS || !l || l->table.rows == 0)
        return RT_DID_NOTHING;
    if (strcmp(verb, "sort") == 0)
        return runs_change(self, view, l->sort, sizeof l->sort, argument);
    return strcmp(verb, "filter") == 0 ? runs_filter_by(self, view, argument) : RT_DID_NOTHING;
}

static unsigned runs_tick(void *self, struct rt_view *view)
{
    struct runs *v = self;
    bool news = view->card || (view->runs && rt_runs_list_poll(view->runs, view->now));
    if (view->card) {
        v->alone = true;
        snprintf(v->only, sizeof v->only, "%s", view->model->folder);
        view->card = false;
    }
    runs_keep_up(v, view);
    const char *folder = v->alone ? v->only : "";
    if (!v->alone && view->runs)
        folder = rt_runs_list_folder(view->runs, runs_row(v, view->runs));
    news |= rt_runs_card_follow(&v->card, folder, view->now);
    return news ? RT_DID_DRAW : RT_DID_NOTHING;
}

const struct rt_screen rt_screen_runs = {
    .filter = true, .size = sizeof(struct runs), .draw = runs_draw, .act = runs_act, .mouse = runs_mouse,
    .verb = runs_verb, .tick = runs_tick};
