/* SPDX-License-Identifier: MIT
 * samples: every sample of the run as a table that is sorted and filtered, and the one under the cursor
 * explained in words. What is drawn of a table is only what is seen, so its length costs nothing. */
#include "pipeline/data/loss_history.h"
#include "tui/screen/screens/samples_pane.h"
#include "tui/screen/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_WIDTH 28
#define MEASURED_ROWS 2000 /* of which the width of a column is taken */
#define PANE_WIDTH 62
#define GUTTER 3 /* mark, what was done by hand, and a space */

/* ---- columns ---- */

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

/* Columns shown unless others are asked for. */
static bool is_first_view(const char *name)
{
    static const char *const not[] = {"grp", "hidden", "modality", "detail"};
    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        if (strcmp(name, not[i]) == 0)
            return false;
    return !ends_in(name, "_pct") && strncmp(name, "inside_", 7) != 0;
}

/* What a column holds where nothing was done by hand. */
static float usual(const char *name)
{
    return strcmp(name, "factor") == 0 ? 1 : strcmp(name, "excluded") == 0 ? 0 : NAN;
}

/* Nothing in any row: a measure of another modality, a group that the manifest has not. */
static bool is_empty(const struct rt_table *t, int c)
{
    const float *number = t->column[c].number, none = usual(t->column[c].name);
    for (int i = 0; i < t->rows; i++)
        if (t->column[c].is_text ? t->column[c].text[i] != NULL : !isnan(number[i]) && number[i] != none)
            return false;
    return true;
}

/* 'x' excluded, 'm' muted, 'w' another factor than 1, ' ' as it was. */
static char by_hand(const struct rt_table *t, int row)
{
    int factor = rt_table_find(t, "factor"), excluded = rt_table_find(t, "excluded");
    if (excluded >= 0 && t->column[excluded].number[row] > 0)
        return 'x';
    float f = factor >= 0 ? t->column[factor].number[row] : 1;
    return f == 0 ? 'm' : f != 1 && !isnan(f) ? 'w' : ' ';
}

static int column_width(const struct rt_table *t, int c)
{
    int width = (int)strlen(t->column[c].name) + 1; /* and the arrow of the order */
    int rows = t->rows < MEASURED_ROWS ? t->rows : MEASURED_ROWS, limit = TEXT_WIDTH;
    struct rt_canvas any = {0};
    for (int i = 0; i < rows && t->column[c].is_text; i++) {
        int w = rt_canvas_width(&any, rt_table_cell(t, i, c));
        width = w > width ? w : width;
    }
    if (!t->column[c].is_text)
        return width > 8 ? width : 8;
    return width < limit ? width : limit;
}

static void choose_columns(struct rt_samples_view *v, struct rt_table *t)
{
    v->columns = 0;
    for (int last = 0; last < 2; last++) /* why a sample was left out stands last: most have no reason */
        for (int c = 0; c < t->columns; c++) {
            const char *name = t->column[c].name;
            bool shown = v->chosen ? !t->column[c].hidden : is_first_view(name) && !is_empty(t, c);
            if (!shown || (strcmp(name, "reason") == 0) != last)
                continue;
            v->width[v->columns] = column_width(t, c);
            v->column[v->columns++] = c;
        }
    if (v->under >= v->columns)
        v->under = v->columns ? v->columns - 1 : 0;
}

/* ---- order ---- */

static int row_at(const struct rt_samples_view *v, const struct rt_table *t)
{
    return v->at < t->shown ? t->order[v->at] : -1;
}

/* Filter and order anew; the cursor stays on its sample. RT_EUSAGE when one of them is wrong. */
static int arrange(struct rt_ui *ui, struct rt_error *e)
{
    struct rt_samples_view *v = &ui->samples;
    struct rt_table *t = &ui->model->samples;
    int row = row_at(v, t), rc = 0;
    t->shown = t->rows;
    for (int i = 0; i < t->rows; i++)
        t->order[i] = i;
    if (*v->where)
        rc = rt_table_where(t, v->where, e);
    if (rc == 0 && *v->sort)
        rc = rt_table_sort(t, v->sort, e);
    v->at = v->at < t->shown ? v->at : t->shown - (t->shown > 0);
    for (int i = 0; i < t->shown && row >= 0; i++)
        if (t->order[i] == row) {
            v->at = i;
            break;
        }
    return rc;
}

/* Follows the model. */
static void keep_up(struct rt_ui *ui)
{
    struct rt_samples_view *v = &ui->samples;
    struct rt_error e;
    if (!ui->model->samples.order || v->version == ui->model->samples_version)
        return;
    v->version = ui->model->samples_version;
    if (arrange(ui, &e) < 0)
        rt_ui_say(ui, true, "%s", e.text);
    choose_columns(v, &ui->model->samples);
}

static unsigned sort_by(struct rt_ui *ui, const char *column)
{
    struct rt_samples_view *v = &ui->samples;
    struct rt_error e;
    char before[sizeof v->sort];
    memcpy(before, v->sort, sizeof before);
    snprintf(v->sort, sizeof v->sort, "%s", column);
    if (ui->model->samples.order && arrange(ui, &e) < 0) {
        rt_ui_say(ui, true, "%s", e.text);
        memcpy(v->sort, before, sizeof before);
        arrange(ui, &e);
    } else {
        v->at = v->first = 0;
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned filter_by(struct rt_ui *ui, const char *where)
{
    struct rt_samples_view *v = &ui->samples;
    struct rt_error e;
    char before[sizeof v->where];
    memcpy(before, v->where, sizeof before);
    snprintf(v->where, sizeof v->where, "%s", where);
    if (ui->model->samples.order && arrange(ui, &e) < 0) {
        rt_ui_say(ui, true, "%s", e.text);
        memcpy(v->where, before, sizeof before);
        arrange(ui, &e);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned show_columns(struct rt_ui *ui, const char *names)
{
    struct rt_samples_view *v = &ui->samples;
    struct rt_table *t = &ui->model->samples;
    struct rt_error e;
    bool all = strcmp(names, "all") == 0;
    if (*names && !all && rt_table_choose(t, names, &e) < 0) {
        rt_ui_say(ui, true, "%s", e.text);
    } else {
        for (int c = 0; all && c < t->columns; c++)
            t->column[c].hidden = false;
        v->chosen = *names != 0;
    }
    v->left = 0;
    choose_columns(v, t);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* By the column under the cursor: upwards, then downwards. */
static unsigned sort_here(struct rt_ui *ui)
{
    struct rt_samples_view *v = &ui->samples;
    char by[72];
    if (v->under >= v->columns)
        return RT_DID_HANDLE;
    const char *name = ui->model->samples.column[v->column[v->under]].name;
    snprintf(by, sizeof by, "%s%s", strcmp(v->sort, name) == 0 ? "-" : "", name);
    return sort_by(ui, by);
}

/* ---- drawing ---- */

static void draw_summary(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_samples_view *v = &ui->samples;
    const struct rt_snapshot *m = ui->model;
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
        rt_canvas_print(c, x + 2, r.y, end - x - 2, RT_STYLE_CURSOR, "%s", v->where);
}

static void draw_cell(struct rt_canvas *c, int x, int y, int w, enum rt_style style,
                      const struct rt_table *t, int row, int column)
{
    char n[24], trail[RT_LOSS_HISTORY_TEXT];
    if (t->column[column].is_text)
        rt_canvas_text(c, x, y, w, style, rt_table_cell(t, row, column));
    else if (strcmp(t->column[column].name, RT_LOSS_HISTORY_COLUMN) == 0 &&
             rt_loss_history_draw((double)t->column[column].number[row], trail))
        rt_canvas_right(c, x, y, w, style, "%s", trail);
    else if (!isnan(t->column[column].number[row]))
        rt_canvas_right(c, x, y, w, style, "%s", rt_ui_number((double)t->column[column].number[row], n));
    else
        rt_canvas_right(c, x, y, w, style == RT_STYLE_SELECT ? style : RT_STYLE_DIM, "\u00b7");
}

/* One line of the table; row -1 is its head. */
static void draw_line(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, int y, int row)
{
    const struct rt_samples_view *v = &ui->samples;
    const struct rt_table *t = &ui->model->samples;
    bool selected = row >= 0 && row == row_at(v, t);
    enum rt_style style = selected ? RT_STYLE_SELECT : RT_STYLE_PLAIN;
    int x = r.x + GUTTER;
    if (row < 0 || selected)
        rt_canvas_fill(c, (struct rt_rect){r.x, y, r.w, 1}, row < 0 ? RT_STYLE_BAR : RT_STYLE_SELECT);
    if (row >= 0)
        rt_canvas_print(c, r.x, y, r.w, selected ? style : RT_STYLE_KEY, "%s%c",
                        rt_marks_has(&v->marks, row) ? "*" : " ", by_hand(t, row));
    for (int i = v->left; i < v->columns && x < r.x + r.w; i++) {
        int column = v->column[i], room = r.x + r.w - x, w = v->width[i] < room ? v->width[i] : room;
        const char *name = t->column[column].name;
        if (row >= 0) {
            draw_cell(c, x, y, w, style, t, row, column);
        } else {
            bool by = strcmp(v->sort + (*v->sort == '-'), name) == 0;
            const char *arrow = !by ? "" : *v->sort == '-' ? "\u25bc" : "\u25b2";
            enum rt_style head = i == v->under ? RT_STYLE_TAB : RT_STYLE_BAR;
            if (t->column[column].is_text)
                rt_canvas_print(c, x, y, w, head, "%s%s", name, arrow);
            else
                rt_canvas_right(c, x, y, w, head, "%s%s", arrow, name);
        }
        x += v->width[i] + 2;
    }
}

static void draw_table(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_samples_view *v = &ui->samples;
    const struct rt_table *t = &ui->model->samples;
    struct rt_rect summary = rt_layout_bottom(&r, r.h > 4), head = rt_layout_top(&r, r.h > 1);
    int width = GUTTER;
    v->left = v->under < v->left ? v->under : v->left;
    for (int i = v->left; i <= v->under && i < v->columns; i++)
        width += v->width[i] + 2;
    while (v->left < v->under && width > r.w + 2) /* the column under the cursor is seen whole */
        width -= v->width[v->left++] + 2;
    v->first = rt_layout_scroll(v->first, v->at, r.h, t->shown);
    v->table = r;
    v->head = head;
    if (head.h)
        draw_line(ui, c, head, head.y, -1);
    for (int i = 0; i < r.h && v->first + i < t->shown; i++)
        draw_line(ui, c, r, r.y + i, t->order[v->first + i]);
    if (summary.h)
        draw_summary(ui, c, summary);
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_samples_view *v = &ui->samples;
    const struct rt_table *t = &ui->model->samples;
    keep_up(ui);
    if (!t->order || t->rows == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, ui->model->loading || !t->order
                       ? "Reading the samples." : "No samples.");
        v->table = v->head = (struct rt_rect){0, 0, 0, 0};
        return;
    }
    struct rt_rect table = r, pane = {0, 0, 0, 0};
    if (v->detail) {
        pane = r.w >= 100 ? rt_layout_right(&table, r.w / 2 < PANE_WIDTH ? r.w / 2 : PANE_WIDTH)
                          : rt_layout_bottom(&table, r.h * 3 / 5);
        if (r.w >= 100) { /* a line between */
            for (int y = 0; y < pane.h; y++)
                rt_canvas_put(c, pane.x, pane.y + y, RT_STYLE_DIM, 0x2502);
            rt_layout_right(&table, 1);
            pane = rt_layout_right(&pane, pane.w - 2);
        } else {
            struct rt_rect line = rt_layout_top(&pane, 1);
            for (int x = 0; x < line.w && line.h; x++)
                rt_canvas_put(c, line.x + x, line.y, RT_STYLE_DIM, 0x2500);
        }
    }
    draw_table(ui, c, table);
    if (v->detail)
        rt_sample_pane_draw(ui, c, pane, row_at(v, t));
}

/* ---- keys ---- */

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_samples_view *v = &ui->samples;
    switch (act) {
    case RT_ACT_LEFT: v->under -= v->under > 0; break;
    case RT_ACT_RIGHT: v->under += v->under + 1 < v->columns; break;
    case RT_ACT_ENTER: v->detail = !v->detail; break;
    case RT_ACT_SORT: return sort_here(ui);
    case RT_ACT_MARK:
        rt_marks_turn(ui, row_at(v, &ui->model->samples));
        return rt_list_move(&v->at, ui->model->samples.shown, v->table.h, RT_ACT_DOWN);
    case RT_ACT_MARK_ALL: rt_marks_turn_shown(ui); break;
    case RT_ACT_WEIGH: case RT_ACT_HALVE: case RT_ACT_DOUBLE: case RT_ACT_MUTE: case RT_ACT_EXCLUDE:
    case RT_ACT_RESTORE: return rt_marks_act(ui, act);
    case RT_ACT_BACK:
        if (!v->detail)
            return *v->where ? filter_by(ui, "") : RT_DID_HANDLE;
        v->detail = false;
        break;
    default: return rt_list_move(&v->at, ui->model->samples.shown, v->table.h, act);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* A press on the head sorts, one on a row goes there, one on the row under the cursor explains it; one left of
 * them marks. */
static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_samples_view *v = &ui->samples;
    int x = event.x, y = event.y, at = v->first + y - v->table.y, left = v->head.x + GUTTER;
    if (event.key != RT_KEY_CLICK || x >= v->table.x + v->table.w)
        return RT_DID_NOTHING;
    bool marks = x < v->table.x + GUTTER - 1;
    if (v->head.h && y == v->head.y) {
        if (marks)
            return act(ui, RT_ACT_MARK_ALL);
        for (int i = v->left; i < v->columns; left += v->width[i++] + 2)
            if (x >= left && x < left + v->width[i]) {
                v->under = i;
                return sort_here(ui);
            }
        return RT_DID_NOTHING;
    }
    if (y < v->table.y || y >= v->table.y + v->table.h || at >= ui->model->samples.shown)
        return RT_DID_NOTHING;
    if (marks)
        rt_marks_turn(ui, ui->model->samples.order[at]);
    else if (at == v->at)
        v->detail = !v->detail;
    v->at = at;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned verb(struct rt_ui *ui, const char *verb, const char *argument)
{
    static const struct {
        const char *name;
        unsigned (*run)(struct rt_ui *ui, const char *argument);
    } known[] = {{"sort", sort_by}, {"filter", filter_by}, {"columns", show_columns}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, verb) == 0)
            return known[i].run(ui, argument);
    return RT_DID_NOTHING;
}

static const char *filter(const struct rt_ui *ui)
{
    return ui->samples.where;
}

const struct rt_screen rt_screen_samples = {"samples", "Samples", true, draw, act, mouse, verb, filter};
