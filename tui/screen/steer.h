/* SPDX-License-Identifier: MIT
 * steer: what the screens say to the run, and what it says back: requests go out over a link, answers
 * become the message in the footer and values that are known. When no run
 * listens the screen only shows, and a request says so. */
#ifndef RT_STEER_H
#define RT_STEER_H

#include "formats/recipe.h"
#include "pipeline/live/link.h"
#include "tui/screen/keys.h"
#include "tui/report/weight_preview.h"

#define RT_STEER_WAITING 64

struct rt_ui;

struct rt_steer {
    struct rt_link *link; /* NULL: this screen only shows */
    bool paused, stopping;
    bool leaving;         /* the screen ends when the run has */
    bool known;           /* the values below are the run's */
    int64_t step, steps;  /* as the run said last; 0 = not yet */
    int epoch, epochs;
    double pace;          /* steps per second of late, 0 = not known */
    int64_t paced;        /* step and time at which it was looked at last */
    double paced_at;
    double asked;         /* when the values were asked for */
    char (*value)[RT_RECIPE_TEXT]; /* [rt_key_count], "" = not a control */
    int waiting;
    struct rt_steer_wait {
        int64_t id;
        int what; /* enum in steer.c */
    } wait[RT_STEER_WAITING];
    const struct rt_key *trying; /* NULL = nothing is being tried */
    char tried[RT_RECIPE_TEXT];
    double tried_at;      /* when it changed last */
};

/* Talks to the run of this folder. RT_EMEM. */
int rt_steer_open(struct rt_ui *ui, const char *folder);
void rt_steer_close(struct rt_ui *ui);
/* Hears what the run says. now: seconds. Returns what was done (enum rt_did). */
unsigned rt_steer_poll(struct rt_ui *ui, double now);
bool rt_steer_up(const struct rt_ui *ui);
/* Says why nothing can be said, when so; else true. */
bool rt_steer_may(struct rt_ui *ui);

/* Any verb; the answer is shown. What cannot even be sent says so. */
unsigned rt_steer_say(struct rt_ui *ui, const char *verb, const char *const *arg, int args);
/* A setting. */
unsigned rt_steer_set(struct rt_ui *ui, const struct rt_key *key, const char *value);
/* The run's last change, of a setting or of samples and whoever made it, taken back; or what was taken back
 * made again. While a slider moves, undo drops what it shows. */
unsigned rt_steer_undo(struct rt_ui *ui);
unsigned rt_steer_redo(struct rt_ui *ui);
unsigned rt_steer_pause(struct rt_ui *ui); /* or lets it go on */

/* A value while a slider moves: shown at once, set when the hand has rested for half a second, or when
 * another is tried. One movement is so one change. */
unsigned rt_steer_try(struct rt_ui *ui, const struct rt_key *key, const char *value);
unsigned rt_steer_settle(struct rt_ui *ui); /* sets it now */
bool rt_steer_drop(struct rt_ui *ui);       /* forgets it; false: there was none */

/* A control's value now, or what is being tried for it: what the run says; else what its journal and recipe say. "" = not known. */
const char *rt_steer_value(const struct rt_ui *ui, const struct rt_key *key, char out[RT_RECIPE_TEXT]);
/* What the recipe said at the start. "" = not known. */
const char *rt_steer_start(const struct rt_ui *ui, const struct rt_key *key, char out[RT_RECIPE_TEXT]);
/* Those of the weights' formula; start: the recipe's. What is not known counts as gamma 1, floor 0, no terms. */
void rt_steer_weights(const struct rt_ui *ui, bool start, struct rt_weight_settings *out);

#endif
