/* SPDX-License-Identifier: MIT
 * ui: see ui.h. */
#include "tui/screen/ui/ui.h"

#include "tui/screen/ui/bars.h"
#include "tui/screen/ui/command.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RT_SCREEN(id, name) extern const struct rt_screen rt_screen_##name;
#include "tui/screen/screens.def"
#undef RT_SCREEN

const struct rt_screen *const rt_screens[RT_SCREENS] = {
#define RT_SCREEN(id, name) &rt_screen_##name,
#include "tui/screen/screens.def"
#undef RT_SCREEN
};

void rt_ui_init(struct rt_ui *ui, struct rt_snapshot *model, bool ascii)
{
    memset(ui, 0, sizeof *ui);
    ui->model = model;
    ui->ascii = ascii;
    ui->losses.cursor = -1;
    ui->losses.smooth = 1; /* calm; the key leads to every value */
}

void rt_ui_say(struct rt_ui *ui, bool failed, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(ui->message, sizeof ui->message, format, list);
    va_end(list);
    ui->failed = failed;
}

const char *rt_ui_number(double value, char out[24])
{
    static const char unit[] = " kMGT";
    double size = fabs(value);
    int n = 0;
    if (isnan(value)) {
        snprintf(out, 24, "-");
    } else if (size >= 1e15 || (size > 0 && size < 1e-3)) {
        snprintf(out, 24, "%.1e", value);
    } else if (size >= 99999.5) {
        for (; size >= 999.5 && n < 4; n++, size /= 1000)
            value /= 1000;
        snprintf(out, 24, "%.3g%c", value, unit[n]);
    } else if (value == floor(value)) {
        snprintf(out, 24, "%.0f", value);
    } else {
        snprintf(out, 24, size >= 999.5 ? "%.0f" : "%.3g", value);
    }
    return out;
}

unsigned rt_list_move(int *at, int count, int lines, enum rt_act act)
{
    int page = lines > 2 ? lines - 1 : 1, to = *at;
    switch (act) {
    case RT_ACT_UP: to -= 1; break;
    case RT_ACT_DOWN: to += 1; break;
    case RT_ACT_PAGE_UP: to -= page; break;
    case RT_ACT_PAGE_DOWN: to += page; break;
    case RT_ACT_HOME: to = 0; break;
    case RT_ACT_END: to = count; break;
    default: return RT_DID_NOTHING;
    }
    to = to >= count ? count - 1 : to;
    *at = to < 0 ? 0 : to;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

unsigned rt_list_act(struct rt_list_view *v, enum rt_act act)
{
    return rt_list_move(&v->first, v->count - v->lines + 1, v->lines, act);
}

int rt_ui_steer(struct rt_ui *ui, const char *folder)
{
    rt_history_open(&ui->prompt.history);
    return rt_steer_open(ui, folder);
}

void rt_ui_fini(struct rt_ui *ui)
{
    rt_history_fini(&ui->prompt.history);
    rt_compare_fini(&ui->compare);
    rt_sample_preview_fini(&ui->preview);
    rt_marks_fini(&ui->samples.marks);
    rt_weight_preview_fini(&ui->weights.now);
    rt_weight_preview_fini(&ui->weights.then);
    rt_steer_close(ui);
}

unsigned rt_ui_tick(struct rt_ui *ui, double now)
{
    ui->now = now;
    return rt_steer_poll(ui, now) | rt_compare_poll(ui, now) |
           (rt_sample_preview_news(&ui->preview) ? RT_DID_DRAW : 0u);
}

void rt_ui_draw_bars(struct rt_ui *ui, struct rt_canvas *c)
{
    struct rt_page page = rt_layout_page(c->w, c->h);
    c->ascii = ui->ascii;
    c->clip = (struct rt_rect){0, 0, c->w, c->h};
    rt_canvas_fill(c, page.header, RT_STYLE_PLAIN);
    rt_canvas_fill(c, page.footer, RT_STYLE_PLAIN);
    rt_bars_header(ui, c, page.header);
    rt_bars_footer(ui, c, page.footer);
}

void rt_ui_draw(struct rt_ui *ui, struct rt_canvas *c)
{
    struct rt_rect all = {0, 0, c->w, c->h};
    struct rt_page page = rt_layout_page(c->w, c->h);
    c->clip = all;
    c->pictures = 0;
    c->pixels = ui->pixels && !ui->dialog.answered && !ui->prompt.kind; /* nothing can stand before a picture */
    rt_canvas_fill(c, all, RT_STYLE_PLAIN);
    rt_ui_draw_bars(ui, c);
    ui->body = page.body;
    c->clip = page.body;
    rt_screens[ui->screen]->draw(ui, c, page.body);
    c->clip = all;
    rt_bars_choices(ui, c, (struct rt_rect){0, page.footer.y - 1, c->w, page.footer.h});
    if (ui->dialog.answered)
        rt_dialog_draw(ui, c, page.body);
    c->clip = all;
}

/* ---- keys ---- */

unsigned rt_ui_go(struct rt_ui *ui, enum rt_screen_id screen)
{
    if (ui->screen != screen)
        ui->before = ui->screen;
    ui->screen = screen;
    return RT_DID_HANDLE | RT_DID_DRAW;
}

void rt_ui_ask(struct rt_ui *ui, const char *label, const char *line,
               unsigned (*typed)(struct rt_ui *ui, const char *line))
{
    ui->typed = typed;
    rt_prompt_open(&ui->prompt, '=', label, line);
}

static unsigned type(struct rt_ui *ui, int key)
{
    struct rt_prompt *p = &ui->prompt;
    char kind = p->kind;
    switch (rt_prompt_key(p, key)) {
    case RT_TYPED_DONE:
        if (kind == '=')
            return ui->typed(ui, p->line) | RT_DID_HANDLE | RT_DID_DRAW;
        if (kind == ':')
            return rt_command_run(ui, p->line) | RT_DID_HANDLE | RT_DID_DRAW;
        return rt_screens[ui->screen]->verb(ui, "filter", p->line) | RT_DID_HANDLE | RT_DID_DRAW;
    case RT_TYPED_COMPLETE:
        p->choice = -1;
        rt_command_complete(ui, kind, p->line, p->at, &p->choices);
        rt_prompt_complete(p, key == RT_KEY_TAB ? 1 : -1);
        break;
    default:;
    }
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned leave(struct rt_ui *ui, int key)
{
    ui->steer.leaving = true;
    return key == 's' ? rt_steer_say(ui, "stop", NULL, 0) : RT_DID_QUIT;
}

static unsigned quit(struct rt_ui *ui)
{
    if (!rt_steer_up(ui) || ui->steer.stopping)
        return RT_DID_HANDLE | RT_DID_QUIT;
    rt_dialog_ask(ui, leave, "The run goes on. Leave it?");
    rt_dialog_button(ui, 'd', "detach: the run goes on without the screen");
    rt_dialog_button(ui, 's', "stop the run, a checkpoint first");
    rt_dialog_button(ui, RT_KEY_ESCAPE, "cancel: stay here");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned filter(struct rt_ui *ui)
{
    const struct rt_screen *s = rt_screens[ui->screen];
    if (!s->filter)
        return RT_DID_NOTHING;
    rt_prompt_open(&ui->prompt, '/', "/", s->filter(ui));
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned act(struct rt_ui *ui, enum rt_act a)
{
    static const struct {
        enum rt_act act;
        enum rt_screen_id screen;
    } way[] = {
#define RT_SCREEN(id, name) {RT_ACT_##id, RT_SCREEN_##id},
#include "tui/screen/screens.def"
#undef RT_SCREEN
    };
    for (int i = 0; i < RT_SCREENS; i++)
        if (way[i].act == a)
            return rt_ui_go(ui, a == RT_ACT_HELP && ui->screen == RT_SCREEN_HELP ? ui->before
                                                                                  : way[i].screen);
    switch (a) {
    case RT_ACT_QUIT: return quit(ui);
    case RT_ACT_REDRAW: return RT_DID_HANDLE | RT_DID_DRAW | RT_DID_REDRAW;
    case RT_ACT_COMMAND:
        rt_prompt_open(&ui->prompt, ':', ":", "");
        return RT_DID_HANDLE | RT_DID_DRAW;
    case RT_ACT_FILTER: return filter(ui);
    case RT_ACT_PAUSE: return rt_steer_pause(ui);
    case RT_ACT_UNDO: return rt_steer_undo(ui);
    case RT_ACT_REDO: return rt_steer_redo(ui);
    case RT_ACT_BACK: return ui->screen == RT_SCREEN_HELP ? rt_ui_go(ui, ui->before) : RT_DID_DRAW;
    default: return RT_DID_NOTHING;
    }
}

static unsigned do_act(struct rt_ui *ui, enum rt_act a)
{
    unsigned did = rt_screens[ui->screen]->act(ui, a);
    return did ? did : act(ui, a);
}

/* ---- mouse ---- */

/* A click on a line that is being typed, or on what may stand there. */
static unsigned click_prompt(struct rt_ui *ui, int x, int y)
{
    for (int i = 0; i < ui->prompt.choices.count; i++)
        if (rt_layout_within(ui->choice[i], x, y)) {
            rt_prompt_choose(&ui->prompt, i);
            return RT_DID_HANDLE | RT_DID_DRAW;
        }
    if (y <= ui->body.y + ui->body.h - 1) /* elsewhere: dropped */
        return type(ui, RT_KEY_ESCAPE);
    return RT_DID_HANDLE;
}

static unsigned click(struct rt_ui *ui, struct rt_event event)
{
    int x = event.x, y = event.y;
    if (ui->prompt.kind)
        return click_prompt(ui, x, y);
    for (int i = 0; i < RT_SCREENS; i++)
        if (rt_layout_within(ui->tab[i], x, y))
            return rt_ui_go(ui, (enum rt_screen_id)i);
    for (int i = 0; i < RT_ACTS; i++)
        if (rt_layout_within(ui->hint[i], x, y))
            return do_act(ui, (enum rt_act)i);
    ui->dragging = rt_layout_within(ui->body, x, y) && rt_screens[ui->screen]->mouse;
    return ui->dragging ? rt_screens[ui->screen]->mouse(ui, event) : RT_DID_NOTHING;
}

static unsigned drag(struct rt_ui *ui, struct rt_event event)
{
    bool dragging = ui->dragging;
    ui->dragging = dragging && event.key == RT_KEY_DRAG;
    return dragging ? rt_screens[ui->screen]->mouse(ui, event) : RT_DID_NOTHING;
}

unsigned rt_ui_event(struct rt_ui *ui, struct rt_event event)
{
    unsigned said = *ui->message ? RT_DID_DRAW : 0;
    if (event.key == RT_KEY_NONE)
        return RT_DID_NOTHING;
    if (event.key == RT_KEY_RESIZE)
        return RT_DID_HANDLE | RT_DID_REDRAW | RT_DID_DRAW;
    if (event.key == RT_KEY_DRAG || event.key == RT_KEY_RELEASE)
        return drag(ui, event);
    ui->message[0] = 0;
    if (event.key == RT_KEY_REDRAW)
        return act(ui, RT_ACT_REDRAW);
    if (ui->dialog.answered)
        return rt_dialog_event(ui, event);
    if (event.key == RT_KEY_CLICK)
        return click(ui, event) | said;
    if (event.key == RT_KEY_WHEEL_UP || event.key == RT_KEY_WHEEL_DOWN)
        return rt_screens[ui->screen]->act(ui, event.key == RT_KEY_WHEEL_UP ? RT_ACT_UP : RT_ACT_DOWN) |
               said;
    if (ui->prompt.kind)
        return type(ui, event.key);
    return do_act(ui, rt_keys_act(ui->screen, event.key)) | said;
}
