/* SPDX-License-Identifier: MIT
 * weighting: the curve g over the qualities that the training samples have, and the weights that come of
 * it. Gamma, floor and measures are tried here first: what they would do is shown at once, the run hears
 * of them only when they are applied. */
#include "tui/screen/screen.h"
#include "tui/screen/widgets/histogram.h"
#include "tui/screen/widgets/slider.h"

#include "stages/distill/weight_terms.h"
#include "stages/distill/weights.h"
#include "tui/report/factors.h"

#include <math.h>
#include <string.h>

#define MEASURES_MAX 40
#define COLUMNS_MAX 512 /* of a plot */
#define CHARTS_MIN 6    /* lines, else there is none */
#define LIST_MIN 5      /* lines of gamma, floor and measures that charts leave */

enum { GAMMA, FLOOR, MEASURES }; /* places in the list */
enum { NOTHING, SLIDER, CURVE, LEVEL };

/* ---- settings ---- */

static const struct rt_key *key_of(int what)
{
    return rt_key_find(what == GAMMA ? "weight.gamma" : what == FLOOR ? "weight.floor" : "weight.terms");
}

static bool same(const struct rt_weight_settings *a, const struct rt_weight_settings *b)
{
    return a->gamma == b->gamma && a->floor == b->floor && strcmp(a->terms, b->terms) == 0;
}

/* The settings shown; *now those of the run. */
static const struct rt_weight_settings *settings(struct rt_ui *ui, struct rt_weight_settings *now)
{
    struct rt_weights_view *v = &ui->weights;
    rt_steer_weights(ui, false, now);
    if (v->trying && same(&v->tried, now))
        v->trying = false;
    if (!v->trying)
        v->tried = *now;
    return &v->tried;
}

/* Weighs anew what has changed. */
static int keep_up(struct rt_ui *ui)
{
    struct rt_weights_view *v = &ui->weights;
    const struct rt_table *t = &ui->model->samples;
    struct rt_weight_settings now;
    const struct rt_weight_settings *then = settings(ui, &now);
    bool fresh = v->version != ui->model->samples_version;
    int rc = 0;
    struct {
        struct rt_weight_preview *w;
        const struct rt_weight_settings *s;
    } both[] = {{&v->now, &now}, {&v->then, then}};
    for (int i = 0; i < 2 && rc == 0; i++) {
        struct rt_weight_preview *w = both[i].w;
        bool other = fresh || strcmp(w->at.terms, both[i].s->terms) != 0;
        if (other)
            rc = rt_weight_preview_fill(w, t, ui->model->samples_version, both[i].s->terms, now.terms);
        if (rc == 0 && (other || !same(&w->at, both[i].s)))
            rt_weight_preview_apply(w, both[i].s->gamma, both[i].s->floor);
    }
    v->version = ui->model->samples_version;
    return rc;
}

/* ---- measures ---- */

struct measures {
    const char *name[MEASURES_MAX], *help[MEASURES_MAX];
    int count;
};

static void add_measure(struct measures *m, const char *name, const char *help)
{
    if (m->count == MEASURES_MAX)
        return;
    m->name[m->count] = name;
    m->help[m->count++] = help;
}

/* Those that this run has measured, and the teacher's. */
static void find_measures(const struct rt_ui *ui, struct measures *m)
{
    struct rt_factors f;
    m->count = 0;
    rt_factors_find(&ui->model->samples, NULL, &f);
    for (int i = 0; i < f.count; i++)
        add_measure(m, f.measure[i]->name, f.measure[i]->help);
    if (!ui->model->recipe || !ui->model->recipe->teacher_model[0])
        return;
    for (int i = 0; i < RT_WEIGHT_TERMS; i++)
        add_measure(m, rt_weight_terms[i].name, rt_weight_terms[i].words);
}

/* The list with the measure in or out, in the order of the measures. */
static void toggle(const struct measures *m, char terms[RT_RECIPE_TEXT], const char *name)
{
    char out[RT_RECIPE_TEXT] = "";
    size_t n = 0;
    for (int i = 0; i < m->count; i++)
        if (rt_recipe_list_has(terms, m->name[i]) != (strcmp(m->name[i], name) == 0))
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n ? "," : "", m->name[i]);
    memcpy(terms, out, sizeof out);
}

/* ---- drawing ---- */

static double curve_at(void *self, double x)
{
    const struct rt_weight_settings *s = self;
    return s->terms[0] ? rt_weight_curve(x, s->gamma, s->floor) : 1;
}

static void draw_formula(struct rt_canvas *c, struct rt_rect r, const struct rt_weight_settings *s,
                         const struct rt_weight_preview *w)
{
    int x = r.x + 1, end = r.x + r.w;
    char mean[24];
    if (!s->terms[0]) {
        rt_canvas_text(c, x, r.y, end - x, RT_STYLE_TITLE, "w = 1: no measure is in, every sample counts "
                       "the same");
        return;
    }
    x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_TITLE, "w = g / %s", rt_ui_number(w->mean, mean)) + 3;
    x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_TITLE, "g = %g + %g * q^%g", s->floor, 1 - s->floor,
                         s->gamma) + 3;
    if (end - x > 8) {
        char product[RT_RECIPE_TEXT], *at = product;
        x += rt_canvas_text(c, x, r.y, end - x, RT_STYLE_TITLE, "q = ");
        for (const char *p = s->terms; *p && at < product + sizeof product - 4; p++)
            at += *p == ',' ? sprintf(at, " * ") : sprintf(at, "%c", *p);
        *at = 0;
        rt_canvas_text(c, x, r.y, end - x, RT_STYLE_TITLE, product);
    }
}

/* Few samples are shown in few bars, each some columns wide. */
static int bars(int samples, int columns)
{
    int n = (int)(4 * sqrt(samples));
    n = n < 10 ? 10 : n;
    return n < columns ? n : columns;
}

static void widen(double *count, int n, int columns)
{
    for (int x = columns - 1; x >= 0; x--)
        count[x] = count[(long)x * n / columns];
}

static void draw_charts(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_weights_view *v = &ui->weights;
    double count[COLUMNS_MAX] = {0};
    char title[120], high[24];
    struct rt_rect left = r, right = rt_layout_right(&left, r.w >= 50 ? r.w * 2 / 5 : 0);
    rt_layout_right(&left, right.w ? 2 : 0);
    left = rt_layout_clip(left, (struct rt_rect){left.x + 1, left.y, COLUMNS_MAX, left.h});
    right = rt_layout_clip(right, (struct rt_rect){right.x, right.y, COLUMNS_MAX, right.h});
    rt_layout_right(&right, 1);
    v->plot = rt_histogram_plot(left);
    int n = bars(v->then.samples, v->plot.w), wide = rt_histogram_plot(right).w;
    rt_weight_preview_qualities(&v->then, count, n);
    widen(count, n, v->plot.w);
    snprintf(title, sizeof title, "%d training samples by quality, and g", v->then.samples);
    rt_histogram_draw(c, left, RT_STYLE_LINE1, title, count, "q = 0", "1");
    rt_histogram_curve(c, v->plot, RT_STYLE_CURSOR, curve_at, &v->tried);
    if (!right.w)
        return;
    double most = v->then.most > v->now.most ? v->then.most : v->now.most;
    most = most > 2 ? most : 2;
    n = bars(v->then.samples, wide);
    rt_weight_preview_weights(&v->then, most, count, n);
    widen(count, n, wide);
    rt_histogram_draw(c, right, v->trying ? RT_STYLE_WARN : RT_STYLE_LINE3,
                      v->trying ? "their weights, if applied" : "their weights", count, "w = 0",
                      rt_ui_number(most, high));
}

static int draw_share(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *word,
                      const struct rt_weight_preview *w)
{
    char n[24];
    return rt_canvas_print(c, x, y, room, style, "%s%s of %d (%.0f %%)", word, rt_ui_number(w->effective, n),
                           w->samples, w->samples ? 100 * w->effective / w->samples : 0);
}

static void draw_effective(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_weights_view *v = &ui->weights;
    int x = r.x + 1, end = r.x + r.w;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    x += draw_share(c, x, r.y, end - x, RT_STYLE_BAR, "effective samples ", &v->now) + 1;
    if (v->trying)
        x += draw_share(c, x, r.y, end - x, RT_STYLE_TAB, " if applied: ", &v->then) + 1;
    if (v->then.muted)
        rt_canvas_print(c, x + 1, r.y, end - x - 1, RT_STYLE_BAR, "%d muted", v->then.muted);
}

static void draw_number(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, int what, bool at,
                        const struct rt_weight_settings *start)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_scale scale;
    double value = what == GAMMA ? v->tried.gamma : v->tried.floor;
    double now = what == GAMMA ? v->now.at.gamma : v->now.at.floor;
    double first = what == GAMMA ? start->gamma : start->floor;
    char text[32];
    bool moved = value != now;
    rt_scale_of(key_of(what), &scale);
    rt_canvas_put(c, r.x, r.y, RT_STYLE_WARN, moved ? '?' : value != first ? '*' : ' ');
    enum rt_style style = at ? RT_STYLE_SELECT : moved ? RT_STYLE_WARN : RT_STYLE_PLAIN;
    rt_canvas_fill(c, (struct rt_rect){r.x + 2, r.y, 20, 1}, at ? style : RT_STYLE_PLAIN);
    rt_canvas_text(c, r.x + 2, r.y, 12, style, what == GAMMA ? "gamma" : "floor");
    rt_canvas_right(c, r.x + 14, r.y, 8, style, "%s", rt_scale_text(key_of(what), value, text));
    v->slider = r.x + 24;
    v->room = r.w - 25 < 40 ? r.w - 25 : 40;
    rt_slider_draw(c, v->slider, r.y, v->room, moved ? RT_STYLE_WARN : RT_STYLE_LINE1,
                   rt_scale_share(&scale, value), rt_scale_share(&scale, first));
    if (moved && r.w > 25 + v->room + 8)
        rt_canvas_print(c, v->slider + v->room + 2, r.y, r.w - v->room - 27, RT_STYLE_DIM, "now %s",
                        rt_scale_text(key_of(what), now, text));
}

static void draw_measure(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, const struct measures *m,
                         int i, bool at)
{
    const struct rt_weights_view *v = &ui->weights;
    bool in = rt_recipe_list_has(v->tried.terms, m->name[i]);
    bool moved = in != rt_recipe_list_has(v->now.at.terms, m->name[i]);
    enum rt_style style = at ? RT_STYLE_SELECT : moved ? RT_STYLE_WARN : in ? RT_STYLE_PLAIN : RT_STYLE_DIM;
    rt_canvas_put(c, r.x, r.y, RT_STYLE_WARN, moved ? '?' : ' ');
    rt_canvas_fill(c, (struct rt_rect){r.x + 2, r.y, 20, 1}, at ? style : RT_STYLE_PLAIN);
    rt_canvas_print(c, r.x + 2, r.y, r.w - 2 < 20 ? r.w - 2 : 20, style, "[%c] %s", in ? 'x' : ' ', m->name[i]);
    rt_canvas_text(c, r.x + 24, r.y, r.w - 25, RT_STYLE_DIM, m->help[i]);
}

static void draw_list(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_weight_settings start;
    struct measures m;
    find_measures(ui, &m);
    rt_steer_weights(ui, true, &start);
    v->count = MEASURES + m.count;
    v->at = v->at < v->count ? v->at : v->count - 1;
    v->first = rt_layout_scroll(v->first, v->at, r.h, v->count);
    v->list = r;
    for (int i = 0; i < r.h && v->first + i < v->count; i++) {
        int place = v->first + i;
        struct rt_rect line = {r.x, r.y + i, r.w, 1};
        if (place < MEASURES)
            draw_number(ui, c, line, place, place == v->at, &start);
        else
            draw_measure(ui, c, line, &m, place - MEASURES, place == v->at);
    }
}

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_weights_view *v = &ui->weights;
    const struct rt_snapshot *m = ui->model;
    v->list = v->plot = (struct rt_rect){0, 0, 0, 0};
    if (!m->samples.order || (m->loading && v->now.samples == 0)) {
        rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "Reading the samples: %d of %d", m->loaded, m->samples.rows);
        return;
    }
    if (m->samples.rows == 0) {
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No samples yet: they stand in run.db from the end of the first "
                       "epoch on.");
        return;
    }
    if (keep_up(ui) < 0) {
        rt_canvas_wrap(c, r, RT_STYLE_BAD, "No memory to weigh the samples.");
        return;
    }
    struct measures known;
    find_measures(ui, &known);
    int all = MEASURES + known.count, list = LIST_MIN > r.h * 2 / 5 ? LIST_MIN : r.h * 2 / 5;
    if (list > all || r.h - 2 - all > r.h / 2) /* all of it where that leaves half to the charts */
        list = all;
    struct rt_rect formula = rt_layout_top(&r, r.h > 3), charts = {0, 0, 0, 0};
    if (r.h - 1 - list >= CHARTS_MIN)
        charts = rt_layout_top(&r, r.h - 1 - list);
    struct rt_rect effective = rt_layout_top(&r, r.h > 1);
    if (formula.h)
        draw_formula(c, formula, &v->tried, &v->then);
    if (charts.h)
        draw_charts(ui, c, charts);
    if (effective.h)
        draw_effective(ui, c, effective);
    draw_list(ui, c, r);
}

/* ---- keys ---- */

static struct rt_weight_settings *try_other(struct rt_ui *ui)
{
    struct rt_weight_settings now;
    settings(ui, &now);
    ui->weights.trying = true;
    return &ui->weights.tried;
}

static double *number_at(struct rt_weight_settings *s, int place)
{
    return place == GAMMA ? &s->gamma : &s->floor;
}

static void toggle_at(struct rt_ui *ui, int place)
{
    struct measures m;
    char now[RT_RECIPE_TEXT];
    find_measures(ui, &m);
    if (place < MEASURES || place >= MEASURES + m.count)
        return;
    struct rt_weight_settings *s = try_other(ui);
    toggle(&m, s->terms, m.name[place - MEASURES]);
    rt_steer_value(ui, key_of(MEASURES), now);
    bool other = false;
    for (int i = 0; i < m.count; i++)
        other |= rt_recipe_list_has(now, m.name[i]) != rt_recipe_list_has(s->terms, m.name[i]);
    if (!other) /* the run's own, in the run's order */
        memcpy(s->terms, now, sizeof now);
}

/* way 1: more, or in; -1: less, or out. */
static unsigned move_value(struct rt_ui *ui, int way)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_scale scale;
    struct measures m;
    find_measures(ui, &m);
    if (v->at < MEASURES && rt_scale_of(key_of(v->at), &scale)) {
        double *value = number_at(try_other(ui), v->at);
        *value = rt_scale_next(&scale, *value, way);
    } else if (v->at - MEASURES < m.count &&
               rt_recipe_list_has(try_other(ui)->terms, m.name[v->at - MEASURES]) != (way > 0)) {
        toggle_at(ui, v->at);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned typed(struct rt_ui *ui, const char *line)
{
    int what = ui->weights.at < MEASURES ? ui->weights.at : GAMMA;
    const struct rt_key *key = key_of(what);
    double value = rt_scale_number(line);
    char wanted[200];
    if (!(value >= key->min && value <= key->max))
        rt_ui_say(ui, true, "%s: '%s' is not %s", key->name, line, rt_key_wanted(key, wanted, sizeof wanted));
    else
        *number_at(try_other(ui), what) = value;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned pick(struct rt_ui *ui)
{
    struct rt_weights_view *v = &ui->weights;
    char label[72], text[32];
    struct rt_weight_settings now;
    settings(ui, &now);
    if (v->at >= MEASURES) {
        toggle_at(ui, v->at);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    snprintf(label, sizeof label, "%s = ", key_of(v->at)->name);
    rt_ui_ask(ui, label, rt_scale_text(key_of(v->at), *number_at(&v->tried, v->at), text), typed);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned apply(struct rt_ui *ui)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_weight_settings now;
    char text[32];
    settings(ui, &now);
    if (!v->trying)
        rt_ui_say(ui, true, "nothing is tried: these are the run's settings");
    if (!v->trying || !rt_steer_may(ui))
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (strcmp(v->tried.terms, now.terms) != 0)
        rt_steer_set(ui, key_of(MEASURES), v->tried.terms);
    for (int what = GAMMA; what < MEASURES; what++)
        if (*number_at(&v->tried, what) != *number_at(&now, what))
            rt_steer_set(ui, key_of(what), rt_scale_text(key_of(what), *number_at(&v->tried, what), text));
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_weights_view *v = &ui->weights;
    switch (act) {
    case RT_ACT_WEIGHT_LESS: return move_value(ui, -1);
    case RT_ACT_WEIGHT_MORE: return move_value(ui, 1);
    case RT_ACT_WEIGHT_PICK: return pick(ui);
    case RT_ACT_WEIGHT_APPLY: return apply(ui);
    case RT_ACT_WEIGHT_DROP: v->trying = false; break;
    case RT_ACT_WEIGHT_RESET: rt_steer_weights(ui, true, try_other(ui)); break;
    default: return rt_list_move(&v->at, v->count, v->list.h, act);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- mouse ---- */

/* The curve through a point of the plot: at the left edge its height is the floor, elsewhere gamma gives. */
static void bend(struct rt_ui *ui, int x, int y)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_weight_settings *s = try_other(ui);
    struct rt_scale scale;
    double q = rt_slider_share(v->plot.x, v->plot.w, x);
    double g = 1 - rt_slider_share(v->plot.y, v->plot.h, y);
    if (v->held == LEVEL) {
        rt_scale_of(key_of(FLOOR), &scale);
        s->floor = rt_scale_value(&scale, g);
        v->at = FLOOR;
        return;
    }
    double share = s->floor < 1 ? (g - s->floor) / (1 - s->floor) : 1;
    share = share < 0.001 ? 0.001 : share > 1 ? 1 : share;
    q = q < 0.01 ? 0.01 : q > 0.99 ? 0.99 : q;
    rt_scale_of(key_of(GAMMA), &scale);
    s->gamma = rt_scale_value(&scale, (log(share) / log(q) - scale.min) / (scale.max - scale.min));
    v->at = GAMMA;
}

static void slide(struct rt_ui *ui, int x)
{
    struct rt_weights_view *v = &ui->weights;
    struct rt_scale scale;
    rt_scale_of(key_of(v->at), &scale);
    *number_at(try_other(ui), v->at) = rt_scale_value(&scale, rt_slider_share(v->slider, v->room, x));
}

static unsigned press(struct rt_ui *ui, int x, int y)
{
    struct rt_weights_view *v = &ui->weights;
    int place = v->first + y - v->list.y;
    v->held = NOTHING;
    if (rt_layout_within(v->plot, x, y)) {
        v->held = x < v->plot.x + (v->plot.w + 9) / 10 ? LEVEL : CURVE;
        bend(ui, x, y);
    } else if (rt_layout_within(v->list, x, y) && place < v->count) {
        v->at = place;
        if (place >= MEASURES && x < v->list.x + 24)
            toggle_at(ui, place);
        v->held = place < MEASURES && v->room > 0 && x >= v->slider - 1 ? SLIDER : NOTHING;
        if (v->held == SLIDER)
            slide(ui, x);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_weights_view *v = &ui->weights;
    if (event.key == RT_KEY_CLICK)
        return press(ui, event.x, event.y);
    if (event.key == RT_KEY_DRAG && v->held == SLIDER)
        slide(ui, event.x);
    else if (event.key == RT_KEY_DRAG && v->held != NOTHING)
        bend(ui, event.x, event.y);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

const struct rt_screen rt_screen_weighting = {"weighting", "Weights", true, draw, act, mouse, NULL, NULL};
