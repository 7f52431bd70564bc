/* SPDX-License-Identifier: MIT
 * classes: what the student makes of each class, the worst first, and which two it takes for one another; from there
 * to the samples. Of validation while the run goes on, of every split when it has ended. */
#include "tui/report/class_table.h"
#include "tui/screen/screen.h"

#include <math.h>
#include <string.h>

#define NAME 24     /* columns of a class */
#define PERCENT 13  /* of a fraction */
#define NUMBERS 50  /* of all that stands behind the name */
#define WIDE 100    /* both lists beside each other */
#define PAIRS 46    /* columns of the pairs then */

/* In the order of their key; NULL: all. */
static const char *const splits[] = {"valid", "test", "train", NULL};
#define SPLITS ((int)(sizeof splits / sizeof *splits))

struct classes {
    struct rt_class_table table;
    unsigned version; /* of the samples that it is of */
    int split;        /* of splits */
    bool chosen;      /* somebody chose it; else it is test where there are answers, else valid */
    bool in_pairs;    /* which list has the cursor */
    struct rt_list rows, pairs;
};

/* ---- which ---- */

static void classes_make(struct classes *v, struct rt_view *view, int split)
{
    v->split = split;
    rt_class_table_fini(&v->table);
    if (rt_class_table_make(&v->table, &view->model->samples, splits[split]) < 0)
        rt_message_say(&view->message, true, "no memory for the table of classes");
}

/* Follows the model. While the run goes on only validation is answered, at its end test is what is looked for. */
static void classes_keep_up(struct classes *v, struct rt_view *view)
{
    const struct rt_snapshot *m = view->model;
    if (!m->samples.order || v->version == m->samples_version)
        return;
    v->version = m->samples_version;
    if (v->chosen) {
        classes_make(v, view, v->split);
        return;
    }
    classes_make(v, view, 1);
    if (v->table.samples == 0)
        classes_make(v, view, 0);
}

/* ---- drawing ---- */

static void percent_draw(struct rt_canvas *c, int x, int y, int room, enum rt_style style, double fraction)
{
    if (isnan(fraction))
        rt_canvas_right(c, x, y, room, style, "\u00b7");
    else
        rt_canvas_right(c, x, y, room, style, "%.1f", 100 * fraction);
}

static void classes_draw_row(struct rt_canvas *c, struct rt_rect r, const struct rt_class_row *row, bool at)
{
    enum rt_style style = at ? RT_STYLE_SELECT : RT_STYLE_PLAIN;
    const struct rt_class_figures *f = &row->figures;
    const double value[] = {f->precision, f->recall, f->f1};
    int name = r.w < NAME + NUMBERS ? r.w - NUMBERS : NAME, x = r.x + 1;
    name = name < 8 ? 8 : name;
    if (at)
        rt_canvas_fill(c, r, style);
    rt_canvas_text(c, x, r.y, name < r.w - 1 ? name : r.w - 1, style, row->name);
    x += name;
    if (x + 9 <= r.x + r.w)
        rt_canvas_right(c, x, r.y, 9, style, "%.0f", f->truth);
    x += 9;
    for (int i = 0; i < 3 && x + PERCENT <= r.x + r.w; i++, x += PERCENT)
        percent_draw(c, x, r.y, PERCENT, style, value[i]);
}

static void classes_draw_head(struct rt_canvas *c, struct rt_rect r)
{
    static const char *const title[] = {"precision %", "recall %", "F1 %"};
    int name = r.w < NAME + NUMBERS ? r.w - NUMBERS : NAME, x = r.x + 1;
    name = name < 8 ? 8 : name;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    rt_canvas_text(c, x, r.y, name, RT_STYLE_BAR, "class");
    x += name;
    if (x + 9 <= r.x + r.w)
        rt_canvas_right(c, x, r.y, 9, RT_STYLE_BAR, "samples");
    x += 9;
    for (int i = 0; i < 3 && x + PERCENT <= r.x + r.w; i++, x += PERCENT)
        rt_canvas_right(c, x, r.y, PERCENT, RT_STYLE_BAR, "%s", title[i]);
}

static void classes_draw_rows(struct classes *v, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_rect head = rt_layout_top(&r, r.h > 1);
    rt_list_lay(&v->rows, r, 1, v->table.rows);
    if (head.h)
        classes_draw_head(c, head);
    for (int i = 0; i < r.h && v->rows.first + i < v->table.rows; i++)
        classes_draw_row(c, rt_list_cell(&v->rows, i), &v->table.row[v->rows.first + i],
                         !v->in_pairs && v->rows.first + i == v->rows.at);
}

static void classes_draw_pair(const struct classes *v, struct rt_canvas *c, struct rt_rect r, int i)
{
    const struct rt_class_pair *p = &v->table.pair[i];
    bool at = v->in_pairs && i == v->pairs.at;
    enum rt_style style = at ? RT_STYLE_SELECT : RT_STYLE_PLAIN;
    if (at)
        rt_canvas_fill(c, r, style);
    rt_canvas_right(c, r.x + 1, r.y, r.w > 5 ? 5 : r.w - 1, style, "%d", p->count);
    if (r.w > 8)
        rt_canvas_print(c, r.x + 8, r.y, r.w - 8, style, "%s \u2192 %s", v->table.row[p->label].name,
                        v->table.row[p->predicted].name);
}

static void classes_draw_pairs(struct classes *v, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_rect head = rt_layout_top(&r, r.h > 1);
    rt_list_lay(&v->pairs, r, 1, v->table.pairs);
    if (head.h) {
        rt_canvas_fill(c, head, RT_STYLE_BAR);
        rt_canvas_text(c, head.x + 1, head.y, head.w - 1, RT_STYLE_BAR, "times  label \u2192 answer");
    }
    for (int i = 0; i < r.h && v->pairs.first + i < v->table.pairs; i++)
        classes_draw_pair(v, c, rt_list_cell(&v->pairs, i), v->pairs.first + i);
}

static void classes_draw_summary(const struct classes *v, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_class_table *t = &v->table;
    rt_canvas_print(c, r.x + 1, r.y, r.w - 1, RT_STYLE_DIM, "%s: %d samples, top-1 %.1f %%, macro-F1 %.1f %%; %d kinds "
                    "of mistakes", splits[v->split] ? splits[v->split] : "all", t->samples, 100 * t->top1,
                    100 * t->macro_f1, t->pairs);
}

static void classes_draw_none(const struct classes *v, const struct rt_view *view, struct rt_canvas *c,
                              struct rt_rect r)
{
    const struct rt_snapshot *m = view->model;
    char text[200];
    if (m->loading || !m->samples.order) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "Reading the samples.");
        return;
    }
    snprintf(text, sizeof text, "No sample%s%s has a label and an answer. Validation has answers after each "
             "evaluation, test and train at the end of the run. Tab: another split.",
             splits[v->split] ? " of the split " : "", splits[v->split] ? splits[v->split] : "");
    rt_canvas_wrap(c, r, RT_STYLE_DIM, text);
}

static void classes_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct classes *v = self;
    classes_keep_up(v, view);
    v->rows.place = v->pairs.place = (struct rt_rect){0, 0, 0, 0};
    if (v->table.samples == 0) {
        classes_draw_none(v, view, c, r);
        return;
    }
    struct rt_rect summary = rt_layout_bottom(&r, r.h > 4);
    if (summary.h)
        classes_draw_summary(v, c, summary);
    if (r.w >= WIDE)
        classes_draw_pairs(v, c, rt_layout_right(&r, PAIRS));
    else if (v->in_pairs)
        classes_draw_pairs(v, c, r);
    if (r.w >= WIDE || !v->in_pairs)
        classes_draw_rows(v, c, r);
}

/* ---- keys ---- */

/* In quotes, as the filter reads it. Returns out. */
static const char *name_quote(const char *name, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *name && n + 4 < size; name++) {
        if (*name == '"' || *name == '\\')
            out[n++] = '\\';
        out[n++] = *name;
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

/* The Samples screen with those that are meant. */
static unsigned classes_show(struct classes *v, struct rt_view *view)
{
    const struct rt_class_table *t = &v->table;
    char label[300], predicted[300], split[40] = "";
    bool pair = v->in_pairs && t->pairs;
    if (t->samples == 0)
        return RT_DID_HANDLE;
    if (splits[v->split])
        snprintf(split, sizeof split, "split = %s and ", splits[v->split]);
    name_quote(t->row[pair ? t->pair[v->pairs.at].label : v->rows.at].name, label, sizeof label);
    if (pair)
        name_quote(t->row[t->pair[v->pairs.at].predicted].name, predicted, sizeof predicted);
    snprintf(view->typed, sizeof view->typed, "filter %slabel = %s and predicted%s%s", split, label, pair ? " = " : "",
             pair ? predicted : "");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned classes_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct classes *v = self;
    struct rt_list *l = v->in_pairs ? &v->pairs : &v->rows;
    switch (act) {
    case RT_ACT_CLASS_SAMPLES: return classes_show(v, view);
    case RT_ACT_CLASS_PAIRS: v->in_pairs = !v->in_pairs; break;
    case RT_ACT_CLASS_SPLIT:
        v->chosen = true;
        v->rows.at = v->pairs.at = 0;
        classes_make(v, view, (v->split + 1) % SPLITS);
        break;
    default:
        l->count = v->in_pairs ? v->table.pairs : v->table.rows;
        return rt_view_move(l, act);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* A press on a row goes there, one on the row under the cursor to its samples. */
static unsigned classes_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct classes *v = self;
    if (event.key != RT_KEY_CLICK)
        return RT_DID_NOTHING;
    for (int pairs = 0; pairs < 2; pairs++) {
        struct rt_list *l = pairs ? &v->pairs : &v->rows;
        l->count = pairs ? v->table.pairs : v->table.rows;
        int at = rt_list_under(l, event.x, event.y);
        if (at < 0)
            continue;
        if (at == l->at && v->in_pairs == (pairs == 1))
            return classes_show(v, view);
        v->in_pairs = pairs == 1;
        l->at = at;
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    return RT_DID_NOTHING;
}

static void classes_fini(void *self)
{
    struct classes *v = self;
    rt_class_table_fini(&v->table);
}

const struct rt_screen rt_screen_classes = {
    .samples = true, .size = sizeof(struct classes), .fini = classes_fini, .draw = classes_draw, .act = classes_act,
    .mouse = classes_mouse};
