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

/* ---- which ---- */

/* Control number `place` of those shown; NULL behind the last. How batches are made comes behind the rest: of
 * that a run needs only what is for its own modality. */
static const struct rt_key *control_at(const struct rt_controls_view *v, int place)
{
    for (int effect = RT_EFFECT_STEP; effect <= RT_EFFECT_BATCH; effect++)
        for (int i = 0; i < rt_key_count; i++)
            if ((int)rt_keys[i].effect == effect && (!*v->where || strstr(rt_keys[i].name, v->where)) &&
                place-- == 0)
                return &rt_keys[i];
    return NULL;
}

static int count_shown(const struct rt_controls_view *v)
{
    int n = 0;
    while (control_at(v, n))
        n++;
    return n;
}

/* A setting of a loss that is off: changes nothing until its lambda is more than 0. */
static bool is_idle(const struct rt_ui *ui, const struct rt_key *key)
{
    char name[80], value[RT_RECIPE_TEXT];
    const char *dot = strrchr(key->name, '.');
    if (strncmp(key->name, "distill.", 8) != 0 || !dot)
        return false;
    snprintf(name, sizeof name, "%.*s.lambda", (int)(dot - key->name), key->name);
    const struct rt_key *lambda = rt_key_find(name);
    return lambda && rt_scale_number(rt_steer_value(ui, lambda, value)) == 0;
}

/* ---- drawing ---- */

/* Where things stand in a line of this width; a width of 0: not shown. */
struct columns {
    int name, value, start, unit, slider, help;
};

static struct columns columns_of(int width)
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

static void draw_head(struct rt_canvas *c, struct rt_rect r, const struct columns *k)
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

static void draw_control(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, const struct rt_key *key,
                         bool at, const struct columns *k)
{
    char now[RT_RECIPE_TEXT], start[RT_RECIPE_TEXT];
    struct rt_scale scale;
    rt_steer_value(ui, key, now);
    rt_steer_start(ui, key, start);
    bool changed = strcmp(now, start) != 0, tried = ui->steer.trying == key;
    enum rt_style plain = at ? RT_STYLE_SELECT : is_idle(ui, key) ? RT_STYLE_DIM : RT_STYLE_PLAIN;
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
                       rt_scale_share(&scale, rt_scale_number(now)),
                       *start ? rt_scale_share(&scale, rt_scale_number(start)) : (double)NAN);
    else if (k->slider && key->kind == RT_KIND_BOOL)
        rt_canvas_text(c, x, r.y, k->slider, at ? RT_STYLE_CURSOR : RT_STYLE_DIM,
                       strcmp(now, "true") == 0 ? "[on ] off" : " on [off]");
    ui->controls.slider = x;
    ui->controls.room = k->slider;
    x += k->slider + 2;
    if (k->help)
        rt_canvas_text(c, x, r.y, k->help, RT_STYLE_DIM, key->help);
}

/* What the control under the cursor is, and who changed it last. */
static void draw_help(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r, const struct rt_key *key)
{
    const struct rt_snapshot *m = ui->model;
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

static void draw(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r)
{
    struct rt_controls_view *v = &ui->controls;
    struct columns k = columns_of(r.w);
    struct rt_rect help = rt_layout_bottom(&r, r.h > 8 ? HELP_LINES : 0), head = rt_layout_top(&r, r.h > 2);
    v->count = count_shown(v);
    v->at = v->at < v->count ? v->at : v->count - (v->count > 0);
    v->first = rt_layout_scroll(v->first, v->at, r.h, v->count);
    v->list = r;
    v->room = 0;
    if (head.h)
        draw_head(c, head, &k);
    if (v->count == 0)
        rt_canvas_wrap(c, r, RT_STYLE_DIM, "No control is called so.");
    for (int i = 0; i < r.h && v->first + i < v->count; i++)
        draw_control(ui, c, (struct rt_rect){r.x, r.y + i, r.w, 1}, control_at(v, v->first + i),
                     v->first + i == v->at, &k);
    if (help.h && v->count)
        draw_help(ui, c, help, control_at(v, v->at));
}

/* ---- keys ---- */

/* The word of a choice before or behind the one that stands; NULL when it stands at that end. */
static const char *next_word(const struct rt_key *key, const char *now, int way, char out[RT_RECIPE_TEXT])
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

static unsigned ask_value(struct rt_ui *ui);

static unsigned move_value(struct rt_ui *ui, int way)
{
    const struct rt_key *key = control_at(&ui->controls, ui->controls.at);
    char now[RT_RECIPE_TEXT], text[RT_RECIPE_TEXT];
    struct rt_scale scale;
    if (!key)
        return RT_DID_HANDLE;
    rt_steer_value(ui, key, now);
    if (rt_scale_of(key, &scale))
        return rt_steer_try(ui, key, rt_scale_text(key, rt_scale_next(&scale, rt_scale_number(now), way), text));
    if (key->kind != RT_KIND_BOOL && key->kind != RT_KIND_CHOICE)
        return ask_value(ui);
    const char *word = next_word(key, now, way, text);
    return word ? rt_steer_try(ui, key, word) : RT_DID_HANDLE;
}

static unsigned typed(struct rt_ui *ui, const char *line)
{
    const struct rt_key *key = control_at(&ui->controls, ui->controls.at);
    return key ? rt_steer_set(ui, key, line) : RT_DID_HANDLE;
}

static unsigned ask_value(struct rt_ui *ui)
{
    const struct rt_key *key = control_at(&ui->controls, ui->controls.at);
    char label[72], now[RT_RECIPE_TEXT];
    if (ui->steer.trying)
        return rt_steer_settle(ui);
    if (!key || !rt_steer_may(ui))
        return RT_DID_HANDLE | RT_DID_DRAW;
    snprintf(label, sizeof label, "%s = ", key->name);
    rt_ui_ask(ui, label, rt_steer_value(ui, key, now), typed);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned reset(struct rt_ui *ui)
{
    const struct rt_key *key = control_at(&ui->controls, ui->controls.at);
    char start[RT_RECIPE_TEXT];
    rt_steer_drop(ui);
    return key && ui->model->recipe ? rt_steer_set(ui, key, rt_steer_start(ui, key, start)) : RT_DID_HANDLE;
}

static unsigned filter_by(struct rt_ui *ui, const char *where)
{
    snprintf(ui->controls.where, sizeof ui->controls.where, "%s", where);
    ui->controls.at = 0;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned act(struct rt_ui *ui, enum rt_act act)
{
    struct rt_controls_view *v = &ui->controls;
    switch (act) {
    case RT_ACT_CONTROL_LESS: return move_value(ui, -1);
    case RT_ACT_CONTROL_MORE: return move_value(ui, 1);
    case RT_ACT_CONTROL_TYPE: return ask_value(ui);
    case RT_ACT_CONTROL_RESET: return reset(ui);
    case RT_ACT_CONTROL_DROP: return rt_steer_drop(ui) || !*v->where ? RT_DID_DRAW : filter_by(ui, "");
    default: return rt_list_move(&v->at, count_shown(v), v->list.h, act);
    }
}

/* A press goes to the row, on the slider also to the value there; dragged on; set when let go. */
static unsigned mouse(struct rt_ui *ui, struct rt_event event)
{
    struct rt_controls_view *v = &ui->controls;
    struct rt_scale scale;
    char text[32];
    int at = v->first + event.y - v->list.y;
    if (event.key == RT_KEY_RELEASE)
        return rt_steer_settle(ui);
    if (event.key == RT_KEY_CLICK) {
        v->sliding = false;
        if (!rt_layout_within(v->list, event.x, event.y) || at >= v->count)
            return RT_DID_NOTHING;
        v->at = at;
        v->sliding = v->room && event.x >= v->slider - 1 && event.x <= v->slider + v->room;
    }
    const struct rt_key *key = control_at(v, v->at);
    if (!v->sliding || !key)
        return RT_DID_HANDLE | RT_DID_DRAW;
    if (key->kind == RT_KIND_BOOL)
        return rt_steer_try(ui, key, event.x < v->slider + 5 ? "true" : "false");
    if (!rt_scale_of(key, &scale))
        return RT_DID_HANDLE | RT_DID_DRAW;
    double value = rt_scale_value(&scale, rt_slider_share(v->slider, v->room, event.x));
    return rt_steer_try(ui, key, rt_scale_text(key, value, text));
}

static unsigned verb(struct rt_ui *ui, const char *verb, const char *argument)
{
    return strcmp(verb, "filter") == 0 && ui->screen == RT_SCREEN_CONTROLS ? filter_by(ui, argument)
                                                                            : RT_DID_NOTHING;
}

static const char *filter(const struct rt_ui *ui)
{
    return ui->controls.where;
}

const struct rt_screen rt_screen_controls = {"controls", "Controls", false, draw, act, mouse, verb, filter};
