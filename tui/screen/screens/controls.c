/* SPDX-License-Identifier: MIT
 * controls: every setting that may change while the run goes on: its value, the recipe's, and a slider. */
#include "tui/screen/screen.h"
#include "tui/screen/widgets/slider.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define NAME_WIDTH 28
#define VALUE_WIDTH 12
#define HELP_LINES 3 /* a rule, what it is, what it may be */

struct controls {
    char where[64];       /* part of the names shown, "" = all */
    struct rt_list list;  /* of the controls shown */
    int slider, room;     /* first column and length of the sliders last drawn, room 0 = none */
    bool sliding;         /* the press before was on one */
};

/* ---- which ----
 * The shown controls are not kept as a list: there are some sixty rows, and walking over them again at
 * every use costs less than a list that must be made anew whenever the filter changes. */

/* Control number `place` of those shown; NULL behind the last. How batches are made comes behind the rest: of
 * that a run needs only what is for its own modality. */
static const struct rt_key *controls_at(const struct controls *v, int place)
{
    for (int effect = RT_EFFECT_STEP; effect <= RT_EFFECT_BATCH; effect++)
        for (int i = 0; i < rt_key_count; i++)
            if ((int)rt_keys[i].effect == effect && (!*v->where || strstr(rt_keys[i].name, v->where)) &&
                place-- == 0)
                return &rt_keys[i];
    return NULL;
}

static int controls_count(const struct controls *v)
{
    int n = 0;
    while (controls_at(v, n))
        n++;
    return n;
}

/* A setting of a loss that is off: changes nothing until its lambda is more than 0. */
static bool control_is_idle(const struct rt_view *view, const struct rt_key *key)
{
    char name[80], value[RT_RECIPE_TEXT];
    const char *dot = strrchr(key->name, '.');
    if (strncmp(key->name, "distill.", 8) != 0 || !dot)
        return false;
    snprintf(name, sizeof name, "%.*s.lambda", (int)(dot - key->name), key->name);
    const struct rt_key *lambda = rt_key_find(name);
    return lambda && rt_scale_number(rt_view_value(view, lambda, value)) == 0;
}

/* ---- drawing ---- */

/* Where things stand in a line of this width; a width of 0: not shown. */
struct columns {
    int name, value, start, unit, slider, help;
};

static struct columns columns_for(int width)
{
    struct columns k = {.name = NAME_WIDTH, .value = VALUE_WIDTH};
    int left = width - 2 - NAME_WIDTH - VALUE_WIDTH - 1;
    if (left < 0)
        k.name = width > VALUE_WIDTH + 3 ? width - VALUE_WIDTH - 3 : 0;
    if (left >= 14) {
        k.start = VALUE_WIDTH;
        left -= k.start + 1;
    }
    if (left >= 20) {
        k.unit = 8;
        left -= k.unit + 1;
    }
    if (left >= 10)
        k.slider = left > 60 ? 30 : left - 1;
    if (left > 60)
        k.help = left - k.slider - 3;
    return k;
}

static void controls_draw_head(struct rt_canvas *c, struct rt_rect r, const struct columns *k)
{
    int x = r.x + 2, end = r.x + r.w;
    rt_canvas_fill(c, r, RT_STYLE_BAR);
    rt_canvas_text(c, x, r.y, k->name, RT_STYLE_BAR, "control");
    x += k->name;
    rt_canvas_right(c, x, r.y, end - x < k->value ? end - x : k->value, RT_STYLE_BAR, "now");
    x += k->value + 1;
    rt_canvas_right(c, x, r.y, k->start, RT_STYLE_BAR, "recipe");
    x += k->start + (k->start > 0);
    rt_canvas_text(c, x, r.y, k->unit, RT_STYLE_BAR, "unit");
}

static void controls_draw_row(struct controls *v, const struct rt_view *view, struct rt_canvas *c, struct rt_rect r,
                              const struct rt_key *key, bool at, const struct columns *k)
{
    char now[RT_RECIPE_TEXT], start[RT_RECIPE_TEXT];
    struct rt_scale scale;
    rt_view_value(view, key, now);
    rt_view_start(view, key, start);
    bool changed = strcmp(now, start) != 0, tried = view->steer.trying == key;
    enum rt_style plain = at ? RT_STYLE_SELECT : control_is_idle(view, key) ? RT_STYLE_DIM : RT_STYLE_PLAIN;
    enum rt_style value = at ? RT_STYLE_SELECT : tried || changed ? RT_STYLE_WARN : plain;
    int x = r.x, end = r.x + r.w;
    if (at)
        rt_canvas_fill(c, (struct rt_rect){x, r.y, 2 + k->name + k->value + 1 + k->start, 1}, plain);
    rt_canvas_put(c, x, r.y, value, tried ? '?' : changed ? '*' : ' ');
    x += 2;
    rt_canvas_text(c, x, r.y, k->name, plain, key->name);
    x += k->name;
    rt_canvas_right(c, x, r.y, end - x < k->value ? end - x : k->value, value, "%s", *now ? now : "-");
    x += k->value + 1;
    rt_canvas_right(c, x, r.y, k->start, at ? plain : RT_STYLE_DIM, "%s", *start ? start : "-");
    x += k->start + (k->start > 0);
    if (k->unit && key->kind != RT_KIND_CHOICE && key->kind != RT_KIND_LIST)
        rt_canvas_text(c, x + (at && k->start > 0), r.y, k->unit, RT_STYLE_DIM, key->unit);
    x += k->unit + (k->unit > 0);
    if (k->slider && rt_scale_of(key, &scale))
        rt_slider_draw(c, x, r.y, k->slider, tried ? RT_STYLE_WARN : RT_STYLE_LINE1,
                       rt_scale_fraction(&scale, rt_scale_number(now)),
                       *start ? rt_scale_fraction(&scale, rt_scale_number(start)) : (double)NAN);
    else if (k->slider && key->kind == RT_KIND_BOOL)
        rt_canvas_text(c, x, r.y, k->slider, at ? RT_STYLE_CURSOR : RT_STYLE_DIM,
                       strcmp(now, "true") == 0 ? "[on ] off" : " on [off]");
    v->slider = x;
    v->room = k->slider;
    x += k->slider + 2;
    if (k->help)
        rt_canvas_text(c, x, r.y, k->help, RT_STYLE_DIM, key->help);
}

/* What the control under the cursor is, and who changed it last. */
static void controls_draw_help(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r,
                               const struct rt_key *key)
{
    const struct rt_snapshot *m = view->model;
    char wanted[400];
    struct rt_rect rule = rt_layout_top(&r, 1);
    for (int x = 0; x < rule.w; x++)
        rt_canvas_put(c, rule.x + x, rule.y, RT_STYLE_DIM, 0x2500);
    rt_canvas_print(c, r.x + 1, r.y, r.w - 2, RT_STYLE_PLAIN, "%s", key->help);
    if (r.h < 2)
        return;
    int x = r.x + 1, end = r.x + r.w - 1;
    x += rt_canvas_print(c, x, r.y + 1, end - x, RT_STYLE_DIM, "%s", rt_key_wanted(key, wanted, sizeof wanted));
    for (int i = m->journal_count - 1; i >= 0; i--)
        if (strcmp(m->journal[i].key, key->name) == 0) {
            rt_canvas_print(c, x, r.y + 1, end - x, RT_STYLE_DIM, "; %s made it %s at step %" PRId64,
                            m->journal[i].who, *m->journal[i].after ? m->journal[i].after : "empty",
                            m->journal[i].step);
            break;
        }
}

static void controls_draw(void *self, struct rt_view *view, struct rt_canvas *c, struct rt_rect r)
{
    struct controls *v = self;
    struct rt_list *l = &v->list;
    struct columns k = columns_for(r.w);
    struct rt_rect help = rt_layout_bottom(&r, r.h > 8 ? HELP_LINES : 0), head = rt_layout_top(&r, r.h > 2);
    rt_list_lay(l, r, 1, controls_count(v));
    v->room = 0;
    if (head.h)
        controls_draw_head(c, head, &k);
    if (l->count == 0)
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No control is called so.");
    for (int i = 0; i < r.h && l->first + i < l->count; i++)
        controls_draw_row(v, view, c, rt_list_cell(l, i), controls_at(v, l->first + i), l->first + i == l->at, &k);
    if (help.h && l->count)
        controls_draw_help(view, c, help, controls_at(v, l->at));
}

/* ---- keys ----
 * Left and right move a value by one step of its scale, which is tried first; what is no number or
 * choice is typed. */

/* The word of a choice before or behind the one that stands; NULL when it stands at that end. */
static const char *choice_next(const struct rt_key *key, const char *now, int way, char out[RT_RECIPE_TEXT])
{
    const char *word[32];
    char *save = NULL;
    int n = 0, at = 0;
    snprintf(out, RT_RECIPE_TEXT, "%s", key->kind == RT_KIND_BOOL ? "false|true" : key->unit);
    for (char *w = strtok_r(out, "|", &save); w && n < 32; w = strtok_r(NULL, "|", &save)) {
        at = strcmp(w, now) == 0 ? n : at;
        word[n++] = w;
    }
    at += way;
    return at >= 0 && at < n ? word[at] : NULL;
}

static const struct rt_key *controls_under(const struct controls *v)
{
    return controls_at(v, v->list.at);
}

static unsigned controls_typed(void *self, struct rt_view *view, const char *line)
{
    const struct rt_key *key = controls_under(self);
    return key ? rt_view_set(view, key, line) : RT_DID_HANDLE;
}

static unsigned controls_ask(struct controls *v, struct rt_view *view)
{
    const struct rt_key *key = controls_under(v);
    char label[72], now[RT_RECIPE_TEXT];
    if (view->steer.trying)
        return rt_view_settle(view);
    if (!key || !rt_view_may(view))
        return RT_DID_HANDLE | RT_DID_DRAW;
    snprintf(label, sizeof label, "%s = ", key->name);
    return rt_view_ask(view, label, rt_view_value(view, key, now), controls_typed, v);
}

static unsigned controls_step(struct controls *v, struct rt_view *view, int way)
{
    const struct rt_key *key = controls_under(v);
    char now[RT_RECIPE_TEXT], text[RT_RECIPE_TEXT];
    struct rt_scale scale;
    if (!key)
        return RT_DID_HANDLE;
    rt_view_value(view, key, now);
    if (rt_scale_of(key, &scale))
        return rt_view_try(view, key, rt_scale_text(key, rt_scale_next(&scale, rt_scale_number(now), way), text));
    if (key->kind != RT_KIND_BOOL && key->kind != RT_KIND_CHOICE)
        return controls_ask(v, view);
    const char *word = choice_next(key, now, way, text);
    return word ? rt_view_try(view, key, word) : RT_DID_HANDLE;
}

static unsigned controls_reset(struct controls *v, struct rt_view *view)
{
    const struct rt_key *key = controls_under(v);
    char start[RT_RECIPE_TEXT];
    rt_steer_drop(&view->steer);
    return key && view->model->recipe ? rt_view_set(view, key, rt_view_start(view, key, start)) : RT_DID_HANDLE;
}

static unsigned controls_filter_by(struct controls *v, const char *where)
{
    snprintf(v->where, sizeof v->where, "%s", where);
    v->list.at = 0;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned controls_act(void *self, struct rt_view *view, enum rt_act act)
{
    struct controls *v = self;
    switch (act) {
    case RT_ACT_CONTROL_LESS: return controls_step(v, view, -1);
    case RT_ACT_CONTROL_MORE: return controls_step(v, view, 1);
    case RT_ACT_CONTROL_TYPE: return controls_ask(v, view);
    case RT_ACT_CONTROL_RESET: return controls_reset(v, view);
    case RT_ACT_CONTROL_DROP:
        return rt_steer_drop(&view->steer) || !*v->where ? RT_DID_DRAW : controls_filter_by(v, "");
    default:
        v->list.count = controls_count(v);
        return rt_view_move(&v->list, act);
    }
}

/* A press goes to the row, on the slider also to the value there; dragged on; set when let go. */
static unsigned controls_mouse(void *self, struct rt_view *view, struct rt_event event)
{
    struct controls *v = self;
    struct rt_scale scale;
    char text[32];
    if (event.key == RT_KEY_RELEASE)
        return rt_view_settle(view);
    if (event.key == RT_KEY_CLICK) {
        int at = rt_list_under(&v->list, event.x, event.y);
        v->sliding = false;
        if (at < 0)
            return RT_DID_NOTHING;
        v->list.at = at;
        v->sliding = v->room && event.x >= v->slider - 1 && event.x <= v->slider + v->room;
    }
    const struct rt_key *key = controls_under(v);
    if (!v->sliding || !key)
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (key->kind == RT_KIND_BOOL)
        return rt_view_try(view, key, event.x < v->slider + 5 ? "true" : "false");
    if (!rt_scale_of(key, &scale))
        return RT_DID_HANDLE | RT_DID_DRAW;
    double value = rt_scale_value(&scale, rt_slider_fraction(v->slider, v->room, event.x));
    return rt_view_try(view, key, rt_scale_text(key, value, text));
}

static unsigned controls_verb(void *self, struct rt_view *view, const char *verb, const char *argument)
{
    return strcmp(verb, "filter") == 0 && view->screen == RT_SCREEN_CONTROLS ? controls_filter_by(self, argument)
                                                                              : RT_DID_NOTHING;
}

const struct rt_screen rt_screen_controls = {
    .filter = true, .size = sizeof(struct controls), .draw = controls_draw, .act = controls_act,
    .mouse = controls_mouse,
    .verb = controls_verb};
