/* SPDX-License-Identifier: MIT
 * view: what all screens share: the run that is shown, the client of its socket, the message line, the
 * line that is typed, the question that is open, which screen is seen. Who may change what stands at
 * each group; a screen's own state is not here. One thread. */
#ifndef RT_VIEW_H
#define RT_VIEW_H

#include "tui/report/process_usage.h"
#include "tui/report/weight_preview.h"
#include "tui/screen/base/message.h"
#include "tui/screen/compare.h"
#include "tui/screen/keys.h"
#include "tui/screen/runs_list.h"
#include "tui/screen/steer.h"
#include "tui/screen/widgets/dialog.h"
#include "tui/screen/widgets/prompt.h"

/* What a key, a click or an event of the run did. */
enum rt_did { RT_DID_NOTHING = 0, RT_DID_HANDLE = 1, RT_DID_DRAW = 2, RT_DID_REDRAW = 4, RT_DID_QUIT = 8,
              RT_DID_BARS = 16 /* only header and footer changed */ };

struct rt_view;
/* Told the line that was typed, or the key of the button that was pressed; self: as it was given with them. */
typedef unsigned (*rt_view_typed)(void *self, struct rt_view *view, const char *line);
typedef unsigned (*rt_view_answered)(void *self, struct rt_view *view, int key);

struct rt_view {
    /* Whoever made the ui sets these; everybody reads them. Order and hidden columns of model->samples are the Samples
     * screen's; all else of the model changes in rt_snapshot_poll alone, between two events. */
    struct rt_snapshot *model;
    bool ascii;
    int colours; /* of the terminal, 0 = none: for pictures */
    enum rt_theme theme; /* `:theme` changes it; who shows the canvas follows */
    bool pixels; /* it shows pictures as such */
    struct rt_runs_list *runs; /* of the folder that was named, or that the run lies in; NULL = none */

    /* The ui's; screens read them, and go elsewhere by rt_view_go. */
    enum rt_screen_id screen, before; /* before: where Esc leads from help */
    double now;                       /* seconds, at the last tick */
    struct rt_process_usage usage;    /* of the run that goes on */

    /* Anybody's, through the functions of their own headers or those below. */
    struct rt_steer steer;
    struct rt_compare compare;
    struct rt_message message; /* until the next key */
    int64_t step; /* the step that is looked at, under the cursor of the curves; -1 = none */
    char open[4096]; /* the folder of a run that is to be shown in place of this one; "" = none */
    bool card;    /* the run has ended while it was shown: how, is to be seen */
    int press;    /* a key that the ui is to take as if it had been pressed; 0 = none */
    char typed[RT_PROMPT_LINE]; /* a command that it is to take as if it had been typed; "" = none */

    /* Opened by rt_view_ask and rt_view_question (the prompt of a command by rt_prompt_open); the ui's from then on. */
    struct rt_prompt prompt;
    struct rt_dialog dialog;
    struct {
        void *self;
        rt_view_typed typed;
        rt_view_answered answered;
    } asked;
};

/* Whether a run is open: without one there is nothing but a list of runs. */
bool rt_view_shows_run(const struct rt_view *view);
/* Leads to a screen; without a run only to those that need none. */
unsigned rt_view_go(struct rt_view *view, enum rt_screen_id screen);
/* Asks for a value in the footer, after `label`; `line` stands there already. A line that is dropped is
 * not told. */
unsigned rt_view_ask(struct rt_view *view, const char *label, const char *line, rt_view_typed typed, void *self);
/* Opens a question; add its buttons by rt_dialog_button(&view->dialog, ...). Dropping it is not told. */
unsigned rt_view_question(struct rt_view *view, const char *text, rt_view_answered answered, void *self);
/* What is shown only, in a line below it, and how to see all again. */
void rt_view_draw_filter(struct rt_canvas *c, struct rt_rect r, const char *where);
/* Moves a list by what UP, DOWN, PAGE..., HOME, END mean; RT_DID_NOTHING for other acts. */
unsigned rt_view_move(struct rt_list *l, enum rt_act act);

/* ---- to the run; what cannot be said, says so in the message line ---- */

/* Whether a run listens; if not, it says so. */
bool rt_view_may(struct rt_view *view);
/* Any verb; the answer is shown. */
unsigned rt_view_tell(struct rt_view *view, const char *verb, const char *const *arg, int args);
unsigned rt_view_set(struct rt_view *view, const struct rt_key *key, const char *value);
unsigned rt_view_try(struct rt_view *view, const struct rt_key *key, const char *value); /* as rt_steer_try */
unsigned rt_view_settle(struct rt_view *view);

/* ---- values ---- */

/* A control's value now, or what is being tried for it: what the run says; else what its journal and
 * recipe say. "" = not known. */
const char *rt_view_value(const struct rt_view *view, const struct rt_key *key, char out[RT_RECIPE_TEXT]);
/* What the recipe said at the start. "" = not known. */
const char *rt_view_start(const struct rt_view *view, const struct rt_key *key, char out[RT_RECIPE_TEXT]);
/* Whether a setting, or what stands in the journal for one, says what the losses are: those before its change cannot be
 * compared with those after. */
bool rt_view_is_objective(const char *key);
/* Those of the weights' formula; start: the recipe's. What is not known counts as gamma 1, floor 0, map
 * knee, no terms. */
void rt_view_weights(const struct rt_view *view, bool start, struct rt_weight_settings *out);

#endif
