/* SPDX-License-Identifier: MIT
 * weighting: the curve g over the qualities that the training samples have, and the weights that come of
 * it; or the values that they have by one measure, and its knee. All is tried here first: what it would do is
 * shown at once, the run hears of it only when it is applied. */
#include "tui/screen/base/number.h"
#include "tui/screen/screens/weighting_knee.h"
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
#define NAME 22         /* columns of "[x] teacher_confidence" */

enum { GAMMA, FLOOR, MEASURES }; /* places in the list */

struct weighting {
    bool trying;                     /* other settings than the run's */
    struct rt_weight_settings tried; /* meaningful while trying */
    struct rt_weight_preview now, then; /* under the run's settings, and under those shown */
    unsigned version;                /* of the samples that they hold */
    struct rt_list list;             /* gamma, floor, measures */
    struct rt_rect plot;             /* as last drawn */
    int slider, room;                /* first column and length of the sliders */
    struct rt_knee_plot knee;        /* of the measure under the cursor, in place of the plot */
    enum { NOTHING, SLIDER, CURVE, LEVEL, KNEE } held; /* by the mouse */
};

/* ---- settings ----
 * The run's may change under what is tried, by another person or by `:set`. What is tried stays then;
 * when the run has reached it, nothing is tried any more: that is also how an apply ends. */

static const struct rt_key *weighting_key(int what)
{
    return rt_key_find(what == GAMMA ? "weight.gamma" : what == FLOOR ? "weight.floor" : "weight.terms");
}

/* Do they give every sample the same quality? */
static bool qualities_equal(const struct rt_weight_settings *a, const struct rt_weight_settings *b)
{
    return a->map == b->map && strcmp(a->terms, b->terms) == 0 && strcmp(a->knees, b->knees) == 0;
}

static bool settings_equal(const struct rt_weight_settings *a, const struct rt_weight_settings *b)
{
    return a->gamma == b->gamma && a->floor == b->floor && qualities_equal(a, b);
}

/* The settings shown; *now those of the run. */
static const struct rt_weight_settings *weighting_settings(struct weighting *v, const struct rt_view *view,
                                                           struct rt_weight_settings *now)
{
    rt_view_weights(view, false, now);
    if (v->trying && settings_equal(&v->tried, now))
        v->trying = false;
    if (!v->trying)
        v->tried = *now;
    return &v->tried;
}

/* Weighs anew what has changed. */
static int weighting_keep_up(struct weighting *v, const struct rt_view *view)
{
    const struct rt_table *t = &view->model->samples;
    struct rt_weight_settings now;
    const struct rt_weight_settings *then = weighting_settings(v, view, &now);
    bool fresh = v->version != view->model->samples_version;
    struct {
        struct rt_weight_preview *w;
        const struct rt_weight_settings *s;
    } both[] = {{&v->now, &now}, {&v->then, then}};
    for (int i = 0; i < 2; i++) {
        struct rt_weight_preview *w = both[i].w;
        bool other = fresh || !qualities_equal(&w->at, both[i].s);
        if (other)
            RT_TRY(rt_weight_preview_fill(w, t, view->model->samples_version, both[i].s, &now));
        if (other || !settings_equal(&w->at, both[i].s))
            rt_weight_preview_apply(w, both[i].s->gamma, both[i].s->floor);
    }
    v->version = view->model->samples_version;
    return 0;
}

/* ---- measures ----
 * Terms are shown and written in the order of the measures, so that the same choice is always the same
 * text: a setting that only changed its order would stand in the journal as a change. */

struct measures {
    const char *name[MEASURES_MAX], *help[MEASURES_MAX];
    int count, measured; /* those that are measured stand first */
};

static void measures_add(struct measures *m, const char *name, const char *help)
{
    if (m->count == MEASURES_MAX)
        return;
    m->name[m->count] = name;
    m->help[m->count++] = help;
}

/* Those that this run has measured, and the teacher's. */
static void measures_find(const struct rt_snapshot *run, struct measures *m)
{
    struct rt_factors f;
    m->count = 0;
    rt_factors_find(&run->samples, NULL, &f);
    for (int i = 0; i < f.count; i++)
        measures_add(m, f.measure[i].name, f.measure[i].help);
    m->measured = m->count;
    if (!run->recipe || !run->recipe->teacher_model[0])
        return;
    for (int i = 0; i < RT_WEIGHT_TERMS; i++)
        measures_add(m, rt_weight_terms[i].name, rt_weight_terms[i].words);
}

/* The list with the measure in or out, in the order of the measures. */
static void measures_toggle(const struct measures *m, char terms[RT_RECIPE_TEXT], const char *name)
{
    char out[RT_RECIPE_TEXT] = "";
    size_t n = 0;
    for (int i = 0; i < m->count; i++)
        if (rt_recipe_list_has(terms, m->name[i]) != (strcmp(m->name[i], name) == 0))
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n ? "," : "", m->name[i]);
    memcpy(terms, out, sizeof out);
}

/* ---- drawing ---- */

static double settings_curve(void *self, double x)
{
    const struct rt_weight_settings *s = self;
    return s->terms[0] ? rt_weight_curve(x, s->gamma, s->floor) : 1;
}

static void weighting_draw_formula(struct rt_canvas *c, struct rt_rect r, const struct rt_weight_settings *s,
                                   const struct rt_weight_preview *w)
{
    int x = r.x + 1, end = r.x + r.w;
    char mean[24];
    if (!s->terms[0]) {
        rt_canvas_text(c, x, r.y, end - x, RT_STYLE_TITLE, "w = 1: no measure is in, every sample counts "
                       "the same");
        return;
    }
    x += rt_canvas_print(c, x, r.y, end - x, RT_STYLE_TITLE, "w = g / %s", rt_number_short(w->mean, mean)) + 3;
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
static int histogram_bars(int samples, int columns)
{
    int n = (int)(4 * sqrt(samples));
    n = n < 10 ? 10 : n;
    return n < columns ? n : columns;
}

static void histogram_widen(double *count, int n, int columns)
{
    for (int x = columns - 1; x >= 0; x--)
        count[x] = count[(long)x * n / columns];
}

/* The measure under the cursor, when it gives what its knee says. */
static const char *weighting_measure(const struct weighting *v, const struct rt_view *view)
{
    struct measures m;
    measures_find(view->model, &m);
    int at = v->list.at - MEASURES;
    return v->tried.map == RT_MAP_KNEE && at >= 0 && at < m.measured ? m.name[at] : NULL;
}

static void weighting_draw_qualities(struct weighting *v, struct rt_canvas *c, struct rt_rect r)
{
    double count[COLUMNS_MAX] = {0};
    char title[120];
    v->plot = rt_histogram_plot(r);
    int n = histogram_bars(v->then.samples, v->plot.w);
    rt_weight_preview_qualities(&v->then, count, n);
    histogram_widen(count, n, v->plot.w);
    snprintf(title, sizeof title, "%d training samples by quality, and g", v->then.samples);
    rt_histogram_draw(c, r, RT_STYLE_LINE1, title, count, "q = 0", "1");
    rt_histogram_curve(c, v->plot, RT_STYLE_CURSOR, settings_curve, &v->tried);
}

static void weighting_draw_charts(struct weighting *v, const struct rt_view *view, struct rt_canvas *c,
                                  struct rt_rect r)
{
    double count[COLUMNS_MAX] = {0};
    char high[24];
    const char *measure = weighting_measure(v, view);
    struct rt_rect left = r, right = rt_layout_right(&left, r.w >= 50 ? r.w * 2 / 5 : 0);
    rt_layout_right(&left, right.w ? 2 : 0);
    left = rt_layout_clip(left, (struct rt_rect){left.x + 1, left.y, COLUMNS_MAX, left.h});
    right = rt_layout_clip(right, (struct rt_rect){right.x, right.y, COLUMNS_MAX, right.h});
    rt_layout_right(&right, 1);
    if (measure)
        rt_knee_plot_draw(&v->knee, c, left, &view->model->samples, &v->then, measure, v->tried.knees);
    else
        weighting_draw_qualities(v, c, left);
    if (!right.w)
        return;
    int wide = rt_histogram_plot(right).w, n = histogram_bars(v->then.samples, wide);
    double most = v->then.most > v->now.most ? v->then.most : v->now.most;
    most = most > 2 ? most : 2;
    rt_weight_preview_weights(&v->then, most, count, n);
    histogram_widen(count, n, wide);
    rt_histogram_draw(c, right, v->trying ? RT_STYLE_WARN : RT_STYLE_LINE3,
                      v->trying ? "their weights, if applied" : "their weights", count, "w = 0",
                      rt_number_short(most, high));
}

static int weighting_draw_fraction(struct rt_canvas *c, int x, int y, int room, enum rt_style style, const char *word,
                                   const struct rt_weight_preview *w)
{
    char n[24];
    return rt_canvas_print(c, x, y, room, style, "%s%s of %d (%.0f %%)", word, rt_number_short(w->effective, n),
                           w->samples, w->samples ? 100 * w->effective / w->samples : 0);
}

static void weighting_draw_effective(const struct weighting *v, struct rt_canvas *c, struct rt_rect r)
{
    int x = r.x + 1, end = r.x + r.w;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    x += weighting_draw_fraction(c, x, r.y, end - x, RT_STYLE_BAR, "effective samples ", &v->now) + 1;
    if (v->trying)
        x += weighting_draw_fraction(c, x, r.y, end - x, RT_STYLE_TAB, " if applied: ", &v->then) + 1;
    if (v->then.muted)
        rt_canvas_print(c, x + 1, r.y, end - x - 1, RT_STYLE_BAR, "%d muted", v->then.muted);
}

static void weighting_draw_number(struct weighting *v, struct rt_canvas *c, struct rt_rect r, int what, bool at,
                                  const struct rt_weight_settings *start)
{
    struct rt_scale scale;
    double value = what == GAMMA ? v->tried.gamma : v->tried.floor;
    double now = what == GAMMA ? v->now.at.gamma : v->now.at.floor;
    double first = what == GAMMA ? start->gamma : start->floor;
    char text[32];
    bool moved = value != now;
    rt_scale_of(weighting_key(what), &scale);
    rt_canvas_put(c, r.x, r.y, RT_STYLE_WARN, moved ? '?' : value != first ? '*' : ' ');
    enum rt_style style = at ? RT_STYLE_SELECT : moved ? RT_STYLE_WARN : RT_STYLE_PLAIN;
    rt_canvas_fill(c, (struct rt_rect){r.x + 2, r.y, NAME, 1}, at ? style : RT_STYLE_PLAIN);
    rt_canvas_text(c, r.x + 2, r.y, 12, style, what == GAMMA ? "gamma" : "floor");
    rt_canvas_right(c, r.x + NAME - 6, r.y, 8, style, "%s", rt_scale_text(weighting_key(what), value, text));
    v->slider = r.x + NAME + 4;
    v->room = r.w - NAME - 5 < 40 ? r.w - NAME - 5 : 40;
    rt_slider_draw(c, v->slider, r.y, v->room, moved ? RT_STYLE_WARN : RT_STYLE_LINE1,
                   rt_scale_fraction(&scale, value), rt_scale_fraction(&scale, first));
    if (moved && r.w > NAME + v->room + 13)
        rt_canvas_print(c, v->slider + v->room + 2, r.y, r.w - v->room - NAME - 7, RT_STYLE_DIM, "now %s",
                        rt_scale_text(weighting_key(what), now, text));
}

static void weighting_draw_measure(const struct weighting *v, struct rt_canvas *c, struct rt_rect r,
                                   const struct measures *m, int i, bool at)
{
    bool in = rt_recipe_list_has(v->tried.terms, m->name[i]);
    bool moved = in != rt_recipe_list_has(v->now.at.terms, m->name[i]);
    enum rt_style style = at ? RT_STYLE_SELECT : moved ? RT_STYLE_WARN : in ? RT_STYLE_PLAIN : RT_STYLE_DIM;
    rt_canvas_put(c, r.x, r.y, RT_STYLE_WARN, moved ? '?' : ' ');
    rt_canvas_fill(c, (struct rt_rect){r.x + 2, r.y, NAME, 1}, at ? style : RT_STYLE_PLAIN);
    rt_canvas_print(c, r.x + 2, r.y, r.w - 2 < NAME ? r.w - 2 : NAME, style, "[%c] %s", in ? 'x' : ' ', m->name[i]);
    rt_canvas_text(c, r.x + NAME + 4, r.y, r.w - NAME - 5, RT_STYLE_DIM, m->help[i]);
}

static void weighting_draw_list(struct weighting *v, const struct rt_view *view, const struct measures *m,
                                struct rt_canvas *c, struct rt_rect r)
{
    struct rt_list *l = &v->list;
    struct rt_weight_settings start;
    rt_view_weights(view, true, &start);
    rt_list_lay(l, r, 1, MEASURES + m->count);
    for (int i = 0; i < r.h && l->first + i < l->count; i++) {
        int place = l->first + i;
        if (place < MEASURES)
            weighting_draw_number(v, c, rt_list_cell(l, i), place, place == l->at, &start);
        else
            weighting_draw_measure(v, c, rt_list_cell(l, i), m, place - MEASURES, place == l->at);
    }
}

/* Whether there is something to weigh; if not, says why. */
static bool weighting_ready(struct weighting *v, const struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    const struct rt_snapshot *m = view->model;
    if (!m->samples.order || (m->loading && v->now.samples == 0))
        rt_canvas_print(c, r.x, r.y, r.w, RT_STYLE_DIM, "Reading the samples: %d of %d", m->loaded, m->samples.rows);
    else if (m->samples.rows == 0)
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No samples yet: they stand in run.db from the end of the first "
                       "epoch on.");
    else if (weighting_keep_up(v, view) < 0)
        rt_canvas_wrap(c, r, RT_STYLE_BAD, "No memory to weigh the samples.");
    else
        return true;
    return false;
}

static void weighting_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct weighting *v = self;
    struct measures known;
    v->list.place = v->plot = v->knee.plot = (struct rt_rect){0, 0, 0, 0};
    if (!weighting_ready(v, view, c, r))
        return;
    measures_find(view->model, &known);
    int all = MEASURES + known.count, list = LIST_MIN > r.h * 2 / 5 ? LIST_MIN : r.h * 2 / 5;
    if (list > all || r.h - 2 - all > r.h / 2) /* all of it where that leaves half to the charts */
        list = all;
    struct rt_rect formula = rt_layout_top(&r, r.h > 3), charts = {0, 0, 0, 0};
    if (r.h - 1 - list >= CHARTS_MIN)
        charts = rt_layout_top(&r, r.h - 1 - list);
    struct rt_rect effective = rt_layout_top(&r, r.h > 1);
    if (formula.h)
        weighting_draw_formula(c, formula, &v->tried, &v->then);
    if (charts.h)
        weighting_draw_charts(v, view, c, charts);
    if (effective.h)
        weighting_draw_effective(v, c, effective);
    weighting_draw_list(v, view, &known, c, r);
}

/* ---- keys ---- */

/* The settings that are shown, to be changed. */
static struct rt_weight_settings *weighting_try(struct weighting *v, const struct rt_view *view)
{
    struct rt_weight_settings now;
    weighting_settings(v, view, &now);
    v->trying = true;
    return &v->tried;
}

static double *settings_number(struct rt_weight_settings *s, int place)
{
    return place == GAMMA ? &s->gamma : &s->floor;
}

static void weighting_toggle(struct weighting *v, const struct rt_view *view, int place)
{
    struct measures m;
    char now[RT_RECIPE_TEXT];
    measures_find(view->model, &m);
    if (place < MEASURES || place >= MEASURES + m.count)
        return;
    struct rt_weight_settings *s = weighting_try(v, view);
    measures_toggle(&m, s->terms, m.name[place - MEASURES]);
    rt_view_value(view, weighting_key(MEASURES), now);
    bool other = false;
    for (int i = 0; i < m.count; i++)
        other |= rt_recipe_list_has(now, m.name[i]) != rt_recipe_list_has(s->terms, m.name[i]);
    if (!other) /* the run's own, in the run's order */
        memcpy(s->terms, now, sizeof now);
}

/* way 1: more, or in; -1: less, or out. */
static unsigned weighting_step(struct weighting *v, const struct rt_view *view, int way)
{
    struct rt_scale scale;
    struct measures m;
    measures_find(view->model, &m);
    if (v->list.at < MEASURES && rt_scale_of(weighting_key(v->list.at), &scale)) {
        double *value = settings_number(weighting_try(v, view), v->list.at);
        *value = rt_scale_next(&scale, *value, way);
    } else if (v->list.at - MEASURES < m.count &&
               rt_recipe_list_has(weighting_try(v, view)->terms, m.name[v->list.at - MEASURES]) != (way > 0)) {
        weighting_toggle(v, view, v->list.at);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_typed(void *self, struct rt_view *view, const char *line)
{
    struct weighting *v = self;
    int what = v->list.at < MEASURES ? v->list.at : GAMMA;
    const struct rt_key *key = weighting_key(what);
    double value = rt_scale_number(line);
    char wanted[200];
    if (!(value >= key->min && value <= key->max))
        rt_message_say(&view->message, true, "%s: '%s' is not %s", key->name, line,
                       rt_key_wanted(key, wanted, sizeof wanted));
    else
        *settings_number(weighting_try(v, view), what) = value;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_knee_typed(void *self, struct rt_view *view, const char *line)
{
    struct weighting *v = self;
    const char *m = weighting_measure(v, view);
    char knees[RT_RECIPE_TEXT];
    struct rt_knee k;
    struct rt_error e;
    snprintf(knees, sizeof knees, "%s %s", m ? m : "", line);
    if (m && rt_knee_read(knees, m, &k, &e) < 0)
        rt_message_say(&view->message, true, "%s", e.text);
    else if (m)
        rt_knees_set(weighting_try(v, view)->knees, m, &k);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_ask_knee(struct weighting *v, struct rt_view *view)
{
    const char *m = weighting_measure(v, view);
    char label[120], text[80] = "";
    struct rt_knee k;
    if (!m) {
        rt_message_say(&view->message, true, v->tried.map == RT_MAP_KNEE ? "go to a measure first"
                       : "weight.map is percentile: no knee counts");
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    rt_knee_read(v->tried.knees, m, &k, NULL);
    if (!rt_knee_is_none(&k))
        rt_knee_write(&k, text, sizeof text);
    snprintf(label, sizeof label, "%s, bad and good: ", m);
    return rt_view_ask(view, label, text, weighting_knee_typed, v);
}

static unsigned weighting_pick(struct weighting *v, struct rt_view *view)
{
    char label[72], text[32];
    struct rt_weight_settings now;
    weighting_settings(v, view, &now);
    if (v->list.at >= MEASURES) {
        weighting_toggle(v, view, v->list.at);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    snprintf(label, sizeof label, "%s = ", weighting_key(v->list.at)->name);
    rt_scale_text(weighting_key(v->list.at), *settings_number(&v->tried, v->list.at), text);
    return rt_view_ask(view, label, text, weighting_typed, v);
}

static unsigned weighting_move_knee(struct weighting *v, struct rt_view *view, bool good, int way)
{
    const char *m = weighting_measure(v, view);
    if (m && v->knee.plot.w > 0 && !rt_knee_is_none(&v->knee.knee))
        rt_knee_plot_step(&v->knee, good, way, m, weighting_try(v, view)->knees);
    else
        rt_message_say(&view->message, true, "no knee is shown here: go to a measure that has one, or e types one");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_apply(struct weighting *v, struct rt_view *view)
{
    struct rt_weight_settings now;
    char text[32];
    weighting_settings(v, view, &now);
    if (!v->trying)
        rt_message_say(&view->message, true, "nothing is tried: these are the run's settings");
    if (!v->trying || !rt_view_may(view))
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (v->tried.map != now.map)
        rt_view_set(view, rt_key_find("weight.map"), rt_map_names[v->tried.map]);
    if (strcmp(v->tried.knees, now.knees) != 0)
        rt_view_set(view, rt_key_find("weight.knees"), v->tried.knees);
    if (strcmp(v->tried.terms, now.terms) != 0)
        rt_view_set(view, weighting_key(MEASURES), v->tried.terms);
    for (int what = GAMMA; what < MEASURES; what++)
        if (*settings_number(&v->tried, what) != *settings_number(&now, what))
            rt_view_set(view, weighting_key(what),
                        rt_scale_text(weighting_key(what), *settings_number(&v->tried, what), text));
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct weighting *v = self;
    switch (act) {
    case RT_ACT_WEIGHT_LESS: return weighting_step(v, view, -1);
    case RT_ACT_WEIGHT_MORE: return weighting_step(v, view, 1);
    case RT_ACT_WEIGHT_PICK: return weighting_pick(v, view);
    case RT_ACT_WEIGHT_KNEE: return weighting_ask_knee(v, view);
    case RT_ACT_KNEE_BAD_LESS: return weighting_move_knee(v, view, false, -1);
    case RT_ACT_KNEE_BAD_MORE: return weighting_move_knee(v, view, false, 1);
    case RT_ACT_KNEE_GOOD_LESS: return weighting_move_knee(v, view, true, -1);
    case RT_ACT_KNEE_GOOD_MORE: return weighting_move_knee(v, view, true, 1);
    case RT_ACT_WEIGHT_APPLY: return weighting_apply(v, view);
    case RT_ACT_WEIGHT_DROP: v->trying = false; break;
    case RT_ACT_WEIGHT_RESET: rt_view_weights(view, true, weighting_try(v, view)); break;
    default: return rt_view_move(&v->list, act);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- mouse ----
 * The curve itself can be taken hold of: at the left edge its height is the floor, elsewhere it bends
 * to go through the mouse, which gives gamma. */

static void weighting_bend(struct weighting *v, const struct rt_view *view, int x, int y)
{
    struct rt_weight_settings *s = weighting_try(v, view);
    struct rt_scale scale;
    double q = rt_slider_fraction(v->plot.x, v->plot.w, x);
    double g = 1 - rt_slider_fraction(v->plot.y, v->plot.h, y);
    if (v->held == LEVEL) {
        rt_scale_of(weighting_key(FLOOR), &scale);
        s->floor = rt_scale_value(&scale, g);
        v->list.at = FLOOR;
        return;
    }
    double fraction = s->floor < 1 ? (g - s->floor) / (1 - s->floor) : 1;
    fraction = fraction < 0.001 ? 0.001 : fraction > 1 ? 1 : fraction;
    q = q < 0.01 ? 0.01 : q > 0.99 ? 0.99 : q;
    rt_scale_of(weighting_key(GAMMA), &scale);
    s->gamma = rt_scale_value(&scale, (log(fraction) / log(q) - scale.min) / (scale.max - scale.min));
    v->list.at = GAMMA;
}

static void weighting_slide(struct weighting *v, const struct rt_view *view, int x)
{
    struct rt_scale scale;
    rt_scale_of(weighting_key(v->list.at), &scale);
    double fraction = rt_slider_fraction(v->slider, v->room, x);
    *settings_number(weighting_try(v, view), v->list.at) = rt_scale_value(&scale, fraction);
}

static unsigned weighting_press(struct weighting *v, const struct rt_view *view, int x, int y)
{
    int place = rt_list_under(&v->list, x, y);
    v->held = NOTHING;
    if (rt_layout_within(v->knee.plot, x, y)) {
        v->held = rt_knee_plot_take(&v->knee, x) ? KNEE : NOTHING;
    } else if (rt_layout_within(v->plot, x, y)) {
        v->held = x < v->plot.x + (v->plot.w + 9) / 10 ? LEVEL : CURVE;
        weighting_bend(v, view, x, y);
    } else if (place >= 0) {
        v->list.at = place;
        if (place >= MEASURES && x < v->list.place.x + 24)
            weighting_toggle(v, view, place);
        v->held = place < MEASURES && v->room > 0 && x >= v->slider - 1 ? SLIDER : NOTHING;
        if (v->held == SLIDER)
            weighting_slide(v, view, x);
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned weighting_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct weighting *v = self;
    if (event.key == RT_KEY_CLICK)
        return weighting_press(v, view, event.x, event.y);
    if (event.key == RT_KEY_DRAG && v->held == SLIDER)
        weighting_slide(v, view, event.x);
    else if (event.key == RT_KEY_DRAG && v->held == KNEE && weighting_measure(v, view))
        rt_knee_plot_drag(&v->knee, weighting_measure(v, view), weighting_try(v, view)->knees, event.x);
    else if (event.key == RT_KEY_DRAG && v->held != NOTHING && v->held != KNEE)
        weighting_bend(v, view, event.x, event.y);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static void weighting_fini(void *self)
{
    struct weighting *v = self;
    rt_weight_preview_fini(&v->now);
    rt_weight_preview_fini(&v->then);
}

const struct rt_screen rt_screen_weighting = {
    .samples = true, .size = sizeof(struct weighting), .fini = weighting_fini, .draw = weighting_draw,
    .act = weighting_act, .mouse = weighting_mouse};
