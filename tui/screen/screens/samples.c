/* SPDX-License-Identifier: MIT
 * samples: every sample of the run as a table that is sorted and filtered, and the one under the cursor
 * explained in words. What is drawn of a table is only what is seen, so its length costs nothing. */
#include "pipeline/data/loss_history.h"
#include "tui/screen/base/number.h"
#include "tui/screen/find.h"
#include "tui/screen/launch.h"
#include "tui/screen/screen.h"
#include "tui/screen/screens/samples_columns.h"
#include "tui/screen/screens/samples_files.h"
#include "tui/screen/screens/samples_marks.h"
#include "tui/screen/screens/samples_pane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PANE_WIDTH 62
#define GUTTER 3 /* mark, what was done by hand, and a space */

struct samples {
    char sort[72], where[400]; /* as given to rt_table_sort and rt_table_where; "" = none */
    bool chosen, detail;       /* columns were asked for; the sample is explained */
    unsigned version;          /* of the samples that are arranged */
    struct rt_list list;       /* of the rows in their order; place: the table as last drawn */
    struct rt_columns columns; /* the first stays where it is, the others move under it */
    int under, left;           /* places among them: cursor, first one shown behind the first */
    char words[400];           /* looked for last */
    enum rt_act opens;         /* a file of the sample under the cursor is to be opened, once it is known; NONE = no */
    struct rt_rect head;       /* as last drawn */
    struct rt_marks marks;
    struct rt_sample_preview preview;
};

/* ---- order ----
 * Sorting a million rows takes a third of a second: it is done when order, filter or the samples are
 * other ones, not when they are drawn. */

static int samples_row(const struct samples *v, const struct rt_table *t)
{
    return v->list.at < t->shown ? t->order[v->list.at] : -1;
}

/* Filter and order anew; the cursor stays on its sample, and that on its line. RT_EUSAGE when one of them is wrong. */
static int samples_arrange(struct samples *v, struct rt_table *t, struct rt_error *e)
{
    int row = samples_row(v, t), rc = 0, line = v->list.at - v->list.first;
    t->shown = t->rows;
    for (int i = 0; i < t->rows; i++)
        t->order[i] = i;
    if (*v->where)
        rc = rt_table_where(t, v->where, e);
    if (rc == 0 && *v->sort)
        rc = rt_table_sort(t, v->sort, e);
    v->list.at = v->list.at < t->shown ? v->list.at : t->shown - (t->shown > 0);
    for (int i = 0; i < t->shown && row >= 0; i++)
        if (t->order[i] == row) {
            v->list.at = i;
            break;
        }
    v->list.first = v->list.at > line ? v->list.at - line : 0;
    return rc;
}

/* Which columns there are follows from the order too; the cursor stays on its column. */
static void samples_choose_columns(struct samples *v, const struct rt_table *t)
{
    int under = v->under < v->columns.count ? v->columns.column[v->under] : -1;
    rt_columns_choose(&v->columns, t, v->chosen, v->sort);
    v->under = v->under < v->columns.count ? v->under : v->columns.count - (v->columns.count > 0);
    for (int i = 0; i < v->columns.count; i++)
        if (v->columns.column[i] == under)
            v->under = i;
}

/* Follows the model. Whoever looks at the first rows of an order wants those that are first now; who has gone
 * elsewhere, what is there: values move all the time while a run goes on. */
static void samples_keep_up(struct samples *v, struct rt_view *view)
{
    struct rt_snapshot *m = view->model;
    struct rt_error e;
    bool top = v->list.at == 0;
    if (!m->samples.order || v->version == m->samples_version)
        return;
    v->version = m->samples_version;
    if (samples_arrange(v, &m->samples, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
    if (top)
        v->list.at = v->list.first = 0;
    samples_choose_columns(v, &m->samples);
}

/* Whether the samples, if there are any yet, could be arranged; if not, says why. */
static bool samples_rearrange(struct samples *v, struct rt_view *view)
{
    struct rt_table *t = &view->model->samples;
    struct rt_error e;
    if (!t->order || samples_arrange(v, t, &e) == 0)
        return true;
    rt_message_say(&view->message, true, "%s", e.text);
    return false;
}

/* A wrong order or filter is refused, and what was before stands again. */
static unsigned samples_sort_by(struct samples *v, struct rt_view *view, const char *column)
{
    struct rt_error ignored;
    char before[sizeof v->sort];
    memcpy(before, v->sort, sizeof before);
    snprintf(v->sort, sizeof v->sort, "%s", column);
    if (samples_rearrange(v, view)) {
        v->list.at = v->list.first = 0;
    } else {
        memcpy(v->sort, before, sizeof before);
        samples_arrange(v, &view->model->samples, &ignored);
    }
    samples_choose_columns(v, &view->model->samples);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* To the next sample that says the words looked for. */
static unsigned samples_find(struct samples *v, struct rt_view *view, int way, bool here)
{
    const struct rt_table *t = &view->model->samples;
    int at = *v->words && t->order && t->shown ? rt_find_next(t, v->list.at, way, here, v->words) : -1;
    if (at < 0)
        rt_message_say(&view->message, true, *v->words ? "no sample that is shown says '%s'"
                                                       : "nothing was looked for: /WORD%s", v->words);
    v->list.at = at < 0 ? v->list.at : at;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned samples_filter_by(struct samples *v, struct rt_view *view, const char *where)
{
    if (view->model->samples.order && rt_find_is_words(&view->model->samples, where)) {
        snprintf(v->words, sizeof v->words, "%s", where);
        return samples_find(v, view, 1, true);
    }
    struct rt_error ignored;
    char before[sizeof v->where];
    memcpy(before, v->where, sizeof before);
    snprintf(v->where, sizeof v->where, "%s", where);
    if (!samples_rearrange(v, view)) {
        memcpy(v->where, before, sizeof before);
        samples_arrange(v, &view->model->samples, &ignored);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned samples_show_columns(struct samples *v, struct rt_view *view, const char *names)
{
    struct rt_table *t = &view->model->samples;
    struct rt_error e;
    bool all = strcmp(names, "all") == 0;
    if (*names && !all && rt_table_choose(t, names, &e) < 0) {
        rt_message_say(&view->message, true, "%s", e.text);
    } else {
        for (int c = 0; all && c < t->columns; c++)
            t->column[c].hidden = false;
        v->chosen = *names != 0;
    }
    v->left = 0;
    samples_choose_columns(v, t);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* By the column under the cursor: upwards, then downwards. */
static unsigned samples_sort_here(struct samples *v, struct rt_view *view)
{
    char by[72];
    if (v->under >= v->columns.count)
        return RT_DID_HANDLE;
    const char *name = view->model->samples.column[v->columns.column[v->under]].name;
    snprintf(by, sizeof by, "%s%s", strcmp(v->sort, name) == 0 ? "-" : "", name);
    return samples_sort_by(v, view, by);
}

/* ---- drawing ----
 * Only lines that are seen are looked at, and columns are as wide as their first rows need: a million
 * samples are drawn as fast as a hundred. */

static void samples_draw_summary(const struct samples *v, const struct rt_snapshot *m, struct rt_canvas *c,
                                 struct rt_rect r)
{
    int x = r.x + 1, end = r.x + r.w;
    if (m->loading)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_WARN, "reading %d of %d  ", m->loaded,
                             m->samples.rows);
    x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_DIM, "%d of %d samples", m->samples.shown,
                         m->samples.rows);
    if (v->marks.count)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_KEY, "  %d marked", v->marks.count);
    if (*v->sort)
        x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_DIM, "  by %s", v->sort);
    if (*v->where)
        rt_view_draw_filter(c, (struct rt_rect){x + 2, r.y, end - x - 2, 1}, v->where);
}

static void row_draw_cell(struct rt_canvas *c, int x, int y, int w, enum rt_style style,
                          const struct rt_table *t, int row, int column)
{
    char n[24], trail[RT_LOSS_HISTORY_TEXT];
    if (t->column[column].is_text)
        (strcmp(t->column[column].name, "id") == 0 ? rt_canvas_name : rt_canvas_text)(c, x, y, w, style,
                                                                                      rt_table_cell(t, row, column));
    else if (strcmp(t->column[column].name, RT_LOSS_HISTORY_COLUMN) == 0 &&
             rt_loss_history_draw((double)t->column[column].number[row], trail))
        rt_canvas_right(c, x, y, w, style == RT_STYLE_SELECT ? style : RT_STYLE_DIM, "%s", trail);
    else if (!isnan(t->column[column].number[row]))
        rt_canvas_right(c, x, y, w, style, "%s", rt_number_short((double)t->column[column].number[row], n));
    else
        rt_canvas_right(c, x, y, w, style == RT_STYLE_SELECT ? style : RT_STYLE_DIM, "\u00b7");
}

static void samples_draw_head(const struct samples *v, const struct rt_table *t, struct rt_canvas *c, int x, int y,
                              int w, int place)
{
    int column = v->columns.column[place];
    const char *arrow = !rt_columns_sorted(t, column, v->sort) ? "" : *v->sort == '-' ? "\u25bc" : "\u25b2";
    enum rt_style head = place == v->under ? RT_STYLE_TAB : RT_STYLE_BAR;
    if (t->column[column].is_text)
        rt_canvas_print(c, x, y, w, head, "%s%s", t->column[column].name, arrow);
    else
        rt_canvas_right(c, x, y, w, head, "%s%s", arrow, t->column[column].name);
}

/* The place of the column that is drawn behind place i: the first is always there, then those from `left` on. */
static int samples_next_place(const struct samples *v, int i)
{
    return i == 0 && v->left > 1 ? v->left : i + 1;
}

/* One line of the table; row -1 is its head. */
static void samples_draw_line(const struct samples *v, const struct rt_table *t, struct rt_canvas *c,
                              struct rt_rect r, int y, int row)
{
    bool selected = row >= 0 && row == samples_row(v, t);
    enum rt_style style = selected ? RT_STYLE_SELECT : RT_STYLE_PLAIN;
    int x = r.x + GUTTER;
    if (row < 0 || selected)
        rt_canvas_fill(c, (struct rt_rect){r.x, y, r.w, 1}, row < 0 ? RT_STYLE_BAR : RT_STYLE_SELECT);
    if (row >= 0)
        rt_canvas_print(c, r.x, y, r.w, selected ? style : RT_STYLE_KEY, "%s%c",
                        rt_marks_has(&v->marks, row) ? "*" : " ",
                        rt_marks_leaves_out(&v->marks, row) ? 'x' : rt_columns_by_hand(t, row));
    for (int i = 0; i < v->columns.count && x < r.x + r.w; i = samples_next_place(v, i)) {
        int room = r.x + r.w - x, w = v->columns.width[i] < room ? v->columns.width[i] : room;
        if (row >= 0)
            row_draw_cell(c, x, y, w, style, t, row, v->columns.column[i]);
        else
            samples_draw_head(v, t, c, x, y, w, i);
        x += v->columns.width[i] + 2;
    }
}

/* The column under the cursor is seen whole, as long as it and the first find room. */
static void samples_scroll(struct samples *v, int room)
{
    v->left = v->left < 1 ? 1 : v->left;
    v->left = v->under > 0 && v->under < v->left ? v->under : v->left;
    int width = GUTTER + (v->columns.count ? v->columns.width[0] + 2 : 0);
    for (int i = v->left; i <= v->under && i < v->columns.count; i++)
        width += v->columns.width[i] + 2;
    while (v->left < v->under && width > room + 2)
        width -= v->columns.width[v->left++] + 2;
}

static void samples_draw_table(struct samples *v, const struct rt_snapshot *m, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_table *t = &m->samples;
    struct rt_list *l = &v->list;
    struct rt_rect summary = rt_layout_bottom(&r, r.h > 4), head = rt_layout_top(&r, r.h > 1);
    rt_columns_fit(&v->columns, t, r.w - GUTTER, 2);
    samples_scroll(v, r.w);
    rt_list_lay(l, r, 1, t->shown);
    v->head = head;
    if (head.h)
        samples_draw_line(v, t, c, head, head.y, -1);
    for (int i = 0; i < r.h && l->first + i < t->shown; i++)
        samples_draw_line(v, t, c, r, r.y + i, t->order[l->first + i]);
    if (summary.h)
        samples_draw_summary(v, m, c, summary);
}

/* Cuts the pane off: beside the table where there is room, else below it; with a line between. */
static struct rt_rect samples_cut_pane(struct rt_canvas *c, struct rt_rect *table)
{
    int w = table->w, half = w / 2 < PANE_WIDTH ? w / 2 : PANE_WIDTH;
    struct rt_rect pane = w >= 100 ? rt_layout_right(table, half) : rt_layout_bottom(table, table->h * 3 / 5);
    if (w >= 100) {
        for (int y = 0; y < pane.h; y++)
            rt_canvas_put(c, pane.x, pane.y + y, RT_STYLE_DIM, 0x2502);
        rt_layout_right(table, 1);
        return rt_layout_right(&pane, pane.w - 2);
    }
    struct rt_rect line = rt_layout_top(&pane, 1);
    for (int x = 0; x < line.w && line.h; x++)
        rt_canvas_put(c, line.x + x, line.y, RT_STYLE_DIM, 0x2500);
    return pane;
}

static void samples_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct samples *v = self;
    const struct rt_snapshot *m = view->model;
    samples_keep_up(v, view);
    if (!m->samples.order || m->samples.rows == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, m->loading || !m->samples.order ? "Reading the samples." : "No samples.");
        v->list.place = v->head = (struct rt_rect){0, 0, 0, 0};
        return;
    }
    struct rt_rect pane = {0, 0, 0, 0};
    if (v->detail)
        pane = samples_cut_pane(c, &r);
    samples_draw_table(v, m, c, r);
    if (v->detail)
        rt_samples_pane_draw(&v->preview, view, c, pane, samples_row(v, &m->samples));
}

/* ---- keys ---- */

static unsigned samples_mark(struct samples *v, struct rt_view *view)
{
    rt_marks_turn(&v->marks, view, samples_row(v, &view->model->samples));
    v->list.count = view->model->samples.shown;
    return rt_view_move(&v->list, RT_ACT_DOWN);
}

/* ---- files of a sample ----
 * Which they are stands in the manifest, which another thread reads: what is wanted is remembered until it has. */

static const struct rt_sample_part *samples_part(struct samples *v, struct rt_view *view)
{
    const struct rt_table *t = &view->model->samples;
    int row = samples_row(v, t);
    return row < 0 ? NULL : rt_sample_preview_of(&v->preview, view->model->manifest, row,
                                                 rt_table_cell(t, row, rt_table_find(t, "id")));
}

static unsigned samples_open_now(struct samples *v, struct rt_view *view)
{
    bool picture = v->opens == RT_ACT_OPEN_PICTURE;
    const struct rt_sample_part *part = v->opens ? samples_part(v, view) : NULL;
    const char *name = "";
    struct rt_error e;
    if (!part)
        return RT_DID_NOTHING;
    v->opens = RT_ACT_NONE;
    part += picture ? RT_IMAGE : RT_SPEECH;
    if (!part->there || !*part->path)
        rt_message_say(&view->message, true, "this sample has no %s", picture ? "picture" : "recording");
    else if (rt_launch(picture ? RT_LAUNCH_VIEWER : RT_LAUNCH_PLAYER, part->path, &name, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
    else
        rt_message_say(&view->message, false, "%s %s", name, part->path);
    return RT_DID_DRAW;
}

static unsigned samples_open(struct samples *v, struct rt_view *view, enum rt_act act)
{
    if (!*view->model->manifest)
        rt_message_say(&view->message, true, "the run's manifest is not known: where its files lie is not either");
    v->opens = *view->model->manifest ? act : RT_ACT_NONE;
    return samples_open_now(v, view) | RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned samples_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct samples *v = self;
    const struct rt_table *t = &view->model->samples;
    switch (act) {
    case RT_ACT_LEFT: v->under -= v->under > 0; break;
    case RT_ACT_RIGHT: v->under += v->under + 1 < v->columns.count; break;
    case RT_ACT_ENTER: v->detail = !v->detail; break;
    case RT_ACT_SORT: return samples_sort_here(v, view);
    case RT_ACT_MARK: return samples_mark(v, view);
    case RT_ACT_MARK_ALL: rt_marks_turn_shown(&v->marks, view); break;
    case RT_ACT_OPEN_PICTURE: case RT_ACT_PLAY: return samples_open(v, view, act);
    case RT_ACT_FIND_NEXT: return samples_find(v, view, 1, false);
    case RT_ACT_FIND_BEFORE: return samples_find(v, view, -1, false);
    case RT_ACT_WEIGH: case RT_ACT_HALVE: case RT_ACT_DOUBLE: case RT_ACT_MUTE: case RT_ACT_EXCLUDE:
    case RT_ACT_RESTORE: return rt_marks_act(&v->marks, view, samples_row(v, t), v->where, act);
    case RT_ACT_BACK:
        if (!v->detail)
            return *v->where ? samples_filter_by(v, view, "") : RT_DID_HANDLE;
        v->detail = false;
        break;
    default:
        v->list.count = t->shown;
        return rt_view_move(&v->list, act);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* A press on the head sorts by the column there. */
static unsigned samples_press_head(struct samples *v, struct rt_view *view, int x)
{
    int left = v->head.x + GUTTER;
    for (int i = 0; i < v->columns.count; left += v->columns.width[i] + 2, i = samples_next_place(v, i))
        if (x >= left && x < left + v->columns.width[i]) {
            v->under = i;
            return samples_sort_here(v, view);
        }
    return RT_DID_NOTHING;
}

/* A press on a row goes there, one on the row under the cursor explains it; one left of head or row marks. */
static unsigned samples_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct samples *v = self;
    struct rt_rect table = v->list.place;
    if (event.key != RT_KEY_CLICK || event.x >= table.x + table.w)
        return RT_DID_NOTHING;
    bool marks = event.x < table.x + GUTTER - 1;
    if (v->head.h && event.y == v->head.y)
        return marks ? samples_act(v, view, RT_ACT_MARK_ALL) : samples_press_head(v, view, event.x);
    v->list.count = view->model->samples.shown;
    int at = rt_list_under(&v->list, event.x, event.y);
    if (at < 0)
        return RT_DID_NOTHING;
    if (marks)
        rt_marks_turn(&v->marks, view, view->model->samples.order[at]);
    else if (at == v->list.at)
        v->detail = !v->detail;
    v->list.at = at;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned samples_export(struct samples *v, struct rt_view *view, const char *file)
{
    return rt_samples_export(view, &v->marks, file);
}

static unsigned samples_manifest(struct samples *v, struct rt_view *view, const char *file)
{
    return rt_samples_manifest(view, &v->marks, file);
}

static unsigned samples_verb(void *self, struct rt_view *view, const char *verb, const char *argument)
{
    static const struct {
        const char *name;
        unsigned (*run)(struct samples *v, struct rt_view *view, const char *argument);
    } known[] = {{"sort", samples_sort_by}, {"filter", samples_filter_by}, {"columns", samples_show_columns},
                 {"export", samples_export}, {"manifest", samples_manifest}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, verb) == 0)
            return known[i].run(self, view, argument);
    return RT_DID_NOTHING;
}

static unsigned samples_tick(void *self, struct rt_view *view)
{
    struct samples *v = self;
    rt_marks_follow(&v->marks, view);
    return samples_open_now(v, view) | (rt_sample_preview_news(&v->preview) ? RT_DID_DRAW : RT_DID_NOTHING);
}

static void samples_fini(void *self)
{
    struct samples *v = self;
    rt_sample_preview_fini(&v->preview);
    rt_marks_fini(&v->marks);
}

const struct rt_screen rt_screen_samples = {
    .filter = true, .samples = true, .size = sizeof(struct samples), .fini = samples_fini, .draw = samples_draw,
    .act = samples_act, .mouse = samples_mouse, .verb = samples_verb,
    .tick = samples_tick};
