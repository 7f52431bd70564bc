/* SPDX-License-Identifier: MIT
 * ui: see ui.h: states, events. What it draws is ui_draw.c. */
#include "tui/screen/ui/ui.h"

#include "tui/screen/ui/answers.h"
#include "tui/screen/ui/command.h"
#include "tui/screen/ui/complete.h"

#include <stdlib.h>
#include <string.h>

/* ---- the screens' states ----
 * Each is allocated for its own, of the size that its row says. So a screen's struct stands in its file
 * alone, and what one screen keeps no other can reach; what they share has to be in the view, where it
 * has words. */

int rt_ui_init(struct rt_ui *ui, struct rt_snapshot *model, bool ascii)
{
    memset(ui, 0, sizeof *ui);
    ui->view.model = model;
    ui->view.ascii = ascii;
    ui->view.step = -1;
    for (int i = 0; i < RT_SCREENS; i++) {
        ui->self[i] = calloc(1, rt_screens[i]->size);
        if (!ui->self[i])
            return RT_EMEM;
        if (rt_screens[i]->init)
            rt_screens[i]->init(ui->self[i]);
    }
    return 0;
}

int rt_ui_steer(struct rt_ui *ui, const char *folder)
{
    rt_history_open(&ui->view.prompt.history);
    return folder ? rt_steer_open(&ui->view.steer, folder) : 0;
}

void rt_ui_fini(struct rt_ui *ui)
{
    for (int i = 0; i < RT_SCREENS; i++) {
        if (ui->self[i] && rt_screens[i]->fini)
            rt_screens[i]->fini(ui->self[i]);
        free(ui->self[i]);
        ui->self[i] = NULL;
    }
    rt_history_fini(&ui->view.prompt.history);
    rt_compare_fini(&ui->view.compare);
    rt_steer_close(&ui->view.steer);
}

bool rt_ui_samples(const struct rt_ui *ui)
{
    return rt_screens[ui->view.screen]->samples;
}

/* ---- events of the run ----
 * Every screen hears of each, shown or not: it may wait for an answer that comes after somebody has
 * turned to another one. What no screen takes is for the message line. */

static void ui_told(void *self, const struct rt_steer_event *event)
{
    struct rt_ui *ui = self;
    unsigned did = RT_DID_NOTHING;
    for (int i = 0; i < RT_SCREENS; i++)
        if (rt_screens[i]->told)
            did |= rt_screens[i]->told(ui->self[i], &ui->view, event);
    ui->told |= did ? did : rt_answers_say(&ui->view, event);
    if (event->kind == RT_STEER_GONE && ui->leaving)
        ui->told |= RT_DID_QUIT;
}

/* Whoever watched a run to its end wants to know what came of it: that is its card. Not while something is typed. */
static unsigned ui_show_end(struct rt_ui *ui)
{
    struct rt_view *view = &ui->view;
    ui->seen_live |= view->model->live;
    if (!ui->seen_live || view->model->live || ui->leaving || view->prompt.kind || view->dialog.open)
        return RT_DID_NOTHING;
    ui->seen_live = false;
    view->card = true;
    rt_message_say(&view->message, strcmp(view->model->state, "done") != 0, "the run has ended: %s",
                   view->model->state);
    return rt_view_go(view, RT_SCREEN_RUNS) & ~(unsigned)RT_DID_HANDLE;
}

unsigned rt_ui_tick(struct rt_ui *ui, double now)
{
    ui->view.now = now;
    ui->told = RT_DID_NOTHING;
    rt_steer_poll(&ui->view.steer, now, ui_told, ui);
    unsigned did = ui->told & ~(unsigned)RT_DID_HANDLE; /* nobody pressed anything */
    did |= ui_show_end(ui);
    if (ui->view.model->live && rt_process_usage_poll(&ui->view.usage, ui->view.model->folder, now))
        did |= RT_DID_BARS;
    const struct rt_screen *s = rt_screens[ui->view.screen];
    if (s->tick)
        did |= s->tick(ui->self[ui->view.screen], &ui->view);
    return did | (rt_compare_poll(&ui->view.compare, now) ? RT_DID_DRAW : 0u);
}

/* ---- the line that is typed, the question that is open ----
 * While one of them is there it hears every key. Whose it is it does not know: what is to be done with
 * the answer was given when it was opened. */

static unsigned ui_type(struct rt_ui *ui, int key)
{
    struct rt_view *view = &ui->view;
    struct rt_prompt *p = &view->prompt;
    unsigned did = RT_DID_HANDLE | RT_DID_DRAW;
    char kind = p->kind;
    switch (rt_prompt_key(p, key)) {
    case RT_TYPED_DONE:
        if (kind == '=')
            return view->asked.typed(view->asked.self, view, p->line) | did;
        if (kind == ':')
            return rt_command_run(ui, p->line) | did;
        return rt_screens[view->screen]->verb(ui->self[view->screen], view, "filter", p->line) | did;
    case RT_TYPED_COMPLETE:
        p->choice = -1;
        rt_complete(view, kind, p->line, p->at, &p->choices);
        rt_prompt_complete(p, key == RT_KEY_TAB ? 1 : -1);
        break;
    default:;
    }
    return did;
}

static unsigned ui_answer(struct rt_ui *ui, struct rt_event event)
{
    struct rt_view *view = &ui->view;
    int key = rt_dialog_event(&view->dialog, event);
    unsigned did = key ? view->asked.answered(view->asked.self, view, key) : RT_DID_NOTHING;
    return did | RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- what keys ask for on every screen ---- */

static unsigned ui_leave(void *self, struct rt_view *view, int key)
{
    struct rt_ui *ui = self;
    ui->leaving = true;
    return key == 's' ? rt_view_tell(view, "stop", NULL, 0) : RT_DID_QUIT;
}

static unsigned ui_quit(struct rt_ui *ui)
{
    struct rt_dialog *d = &ui->view.dialog;
    if (!rt_steer_up(&ui->view.steer) || ui->view.steer.stopping)
        return RT_DID_HANDLE | RT_DID_QUIT;
    unsigned did = rt_view_question(&ui->view, "The run goes on. Leave it?", ui_leave, ui);
    rt_dialog_button(d, 'd', "detach: the run goes on without the screen");
    rt_dialog_button(d, 's', "stop the run, a checkpoint first");
    rt_dialog_button(d, RT_KEY_ESCAPE, "cancel: stay here");
    return did;
}

static unsigned ui_filter(struct rt_ui *ui)
{
    const struct rt_screen *s = rt_screens[ui->view.screen];
    if (!s->filter)
        return RT_DID_NOTHING;
    rt_prompt_open(&ui->view.prompt, '/', "/", "");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* While a slider moves, undo drops what it shows: that is what was done last. */
static unsigned ui_undo(struct rt_ui *ui)
{
    if (!rt_steer_drop(&ui->view.steer))
        return rt_view_tell(&ui->view, "undo", NULL, 0);
    rt_message_say(&ui->view.message, false, "dropped: nothing was changed");
    return RT_DID_HANDLE | RT_DID_DRAW;
}

static unsigned ui_act_everywhere(struct rt_ui *ui, enum rt_act act)
{
    struct rt_view *view = &ui->view;
    enum rt_screen_id to = rt_keys_screen(act);
    bool help = view->screen == RT_SCREEN_HELP;
    if (to != RT_SCREEN_ALL)
        return rt_view_go(view, help && to == RT_SCREEN_HELP ? view->before : to);
    switch (act) {
    case RT_ACT_QUIT: return ui_quit(ui);
    case RT_ACT_REDRAW: return RT_DID_HANDLE | RT_DID_DRAW | RT_DID_REDRAW;
    case RT_ACT_COMMAND:
        rt_prompt_open(&view->prompt, ':', ":", "");
        return RT_DID_HANDLE | RT_DID_DRAW;
    case RT_ACT_FILTER: return ui_filter(ui);
    case RT_ACT_PAUSE: return rt_view_tell(view, view->steer.paused ? "resume" : "pause", NULL, 0);
    case RT_ACT_UNDO: return ui_undo(ui);
    case RT_ACT_REDO: return rt_view_tell(view, "redo", NULL, 0);
    case RT_ACT_BACK: return help ? rt_view_go(view, view->before) : RT_DID_DRAW;
    default: return RT_DID_NOTHING;
    }
}

static unsigned ui_act_screen(struct rt_ui *ui, enum rt_act act)
{
    return rt_screens[ui->view.screen]->act(ui->self[ui->view.screen], &ui->view, act);
}

static unsigned ui_act(struct rt_ui *ui, enum rt_act act)
{
    unsigned did = ui_act_screen(ui, act);
    return did ? did : ui_act_everywhere(ui, act);
}

/* ---- mouse ---- */

static unsigned ui_mouse_screen(struct rt_ui *ui, struct rt_event event)
{
    return rt_screens[ui->view.screen]->mouse(ui->self[ui->view.screen], &ui->view, event);
}

/* A click on a line that is being typed, or on what may stand there. */
static unsigned ui_click_prompt(struct rt_ui *ui, int x, int y)
{
    struct rt_prompt *p = &ui->view.prompt;
    for (int i = 0; i < p->choices.count; i++)
        if (rt_layout_within(ui->choice[i], x, y)) {
            rt_prompt_choose(p, i);
            return RT_DID_HANDLE | RT_DID_DRAW;
        }
    if (y <= ui->body.y + ui->body.h - 1) /* elsewhere: dropped */
        return ui_type(ui, RT_KEY_ESCAPE);
    return RT_DID_HANDLE;
}

static unsigned ui_click(struct rt_ui *ui, struct rt_event event)
{
    int x = event.x, y = event.y;
    if (ui->view.prompt.kind)
        return ui_click_prompt(ui, x, y);
    for (int i = 0; i < RT_SCREENS; i++)
        if (rt_layout_within(ui->tab[i], x, y))
            return rt_view_go(&ui->view, (enum rt_screen_id)i);
    for (int i = 0; i < RT_ACTS; i++)
        if (rt_layout_within(ui->hint[i], x, y))
            return ui_act(ui, (enum rt_act)i);
    ui->dragging = rt_layout_within(ui->body, x, y) && rt_screens[ui->view.screen]->mouse;
    return ui->dragging ? ui_mouse_screen(ui, event) : RT_DID_NOTHING;
}

static unsigned ui_drag(struct rt_ui *ui, struct rt_event event)
{
    bool dragging = ui->dragging;
    ui->dragging = dragging && event.key == RT_KEY_DRAG;
    return dragging ? ui_mouse_screen(ui, event) : RT_DID_NOTHING;
}

/* ---- events of the person ---- */

static unsigned ui_take(struct rt_ui *ui, struct rt_event event)
{
    if (event.key == RT_KEY_REDRAW)
        return ui_act_everywhere(ui, RT_ACT_REDRAW);
    if (ui->view.dialog.open)
        return ui_answer(ui, event);
    if (event.key == RT_KEY_CLICK)
        return ui_click(ui, event);
    if (event.key == RT_KEY_WHEEL_UP || event.key == RT_KEY_WHEEL_DOWN)
        return ui_act_screen(ui, event.key == RT_KEY_WHEEL_UP ? RT_ACT_UP : RT_ACT_DOWN);
    if (ui->view.prompt.kind)
        return ui_type(ui, event.key);
    return ui_act(ui, rt_keys_act(ui->view.screen, event.key));
}

unsigned rt_ui_event(struct rt_ui *ui, struct rt_event event)
{
    struct rt_view *view = &ui->view;
    unsigned said = *view->message.text ? RT_DID_DRAW : RT_DID_NOTHING;
    if (event.key == RT_KEY_NONE)
        return RT_DID_NOTHING;
    if (event.key == RT_KEY_RESIZE)
        return RT_DID_HANDLE | RT_DID_REDRAW | RT_DID_DRAW;
    if (event.key == RT_KEY_DRAG || event.key == RT_KEY_RELEASE)
        return ui_drag(ui, event);
    view->message.text[0] = 0;
    unsigned did = ui_take(ui, event) | said;
    if (*view->typed) {
        did |= rt_command_run(ui, view->typed);
        view->typed[0] = '\0';
    }
    if (!view->press)
        return did;
    event = (struct rt_event){.key = view->press};
    view->press = 0;
    return did | rt_ui_event(ui, event);
}
