/* SPDX-License-Identifier: MIT
 * control: what may be changed while a run goes on, and its pace. A mailbox between whoever asks (any
 * thread) and the student, who empties it at the start of each update; so a change takes effect at an
 * exact update, and repeating the changes at their updates repeats the run.
 * Changed are settings whose row in recipe.def has the effect STEP or BATCH, and the factors of samples
 * (override.h). What has the effect BATCH decides how a batch is made, ahead of its update: it changes with the
 * first update whose batch has not been handed out. Updates are counted from 1; the checkpoint of step N
 * holds what updates 1 to N have made. */
#ifndef RT_CONTROL_H
#define RT_CONTROL_H

#include "formats/recipe.h"
#include "pipeline/data/override.h"

#define RT_CONTROL_WHO 32       /* bytes of a name, with its end: letters, digits and _ . : - */
#define RT_CONTROL_PENDING 65536 /* changes that may wait */
#define RT_CONTROL_SAVE 1
#define RT_CONTROL_NOTE 2

struct rt_control; /* opaque */

/* What the run answers and does; set before other threads know the control. Any may be NULL. */
struct rt_control_host {
    void *self;
    /* Would the run accept these settings? Any thread; reads only what is fixed during a run. */
    int (*check)(void *self, const struct rt_recipe *settings, struct rt_error *e);
    int (*stopping)(void *self); /* any thread: the run is being stopped; asked while paused */
    void (*stop)(void *self);    /* any thread: stop the run, a checkpoint first */
    void (*changed)(void *self); /* the thread of rt_control_step: settings have just changed */
};

/* Told of each change as it takes effect, on the thread of rt_control_step. A negative return ends
 * the run. */
struct rt_control_told {
    void *self;
    int (*change)(void *self, int64_t step, const char *who, const char *key, const char *before,
                  const char *after, struct rt_error *e);
    /* After all changes of an update, if there were any. May be NULL. */
    int (*changed)(void *self, int64_t step, struct rt_error *e);
};

/* A run that starts with these settings (copied). RT_EMEM. */
int rt_control_create(struct rt_control **out, const struct rt_recipe *start);
/* How many samples there are: before anything is done to them, and before other threads know c. RT_EMEM. */
int rt_control_samples(struct rt_control *c, int rows);
void rt_control_destroy(struct rt_control *c); /* NULL is fine */
void rt_control_host(struct rt_control *c, const struct rt_control_host *host);

/* A change that a process before this one made, for undo; in their order, before the run goes on. key as in a
 * journal; one that may not change any more is left out. RT_EMEM. */
int rt_control_recall(struct rt_control *c, const char *key, const char *before, const char *after);

/* ---- whoever makes batches: any thread ---- */

/* The batch of update `step` is about to be made: what is asked for from now on is for later ones. */
void rt_control_hand_out(struct rt_control *c, int64_t step);
/* Puts the settings of effect BATCH that update `step` is made with into *r. Only of a step that has been
 * handed out and is not over. */
void rt_control_batch(struct rt_control *c, int64_t step, struct rt_recipe *r);

/* ---- the student ---- */

/* The settings in effect. They change only inside rt_control_step: for its thread. */
const struct rt_recipe *rt_control_settings(const struct rt_control *c);
/* Before update `step`: waits while the run is paused, then puts the changes due into effect.
 * 0 = go on; RT_CONTROL_SAVE = write a checkpoint of the state as it is, RT_CONTROL_NOTE = note what rt_control_note
 * was called for, then call again with the same step; RT_ESTOPPED = the run is to end before this update; or what
 * `told` returned. */
int rt_control_step(struct rt_control *c, int64_t step, const struct rt_control_told *told,
                    struct rt_error *e);
/* What has been done to samples; as the settings, for the thread of rt_control_step. */
const struct rt_override *rt_control_override(const struct rt_control *c);

/* For a checkpoint, as malloc'ed text, "" when there is nothing. */
struct rt_control_text {
    char *settings; /* those that differ from the start: "key=value" lines */
    char *samples;  /* what was done to them: a text of override.h */
    char *pending;  /* changes that wait: "step who key=value" lines */
};
int rt_control_save(struct rt_control *c, struct rt_control_text *t); /* RT_EMEM */
void rt_control_text_fini(struct rt_control_text *t);
/* Back from a checkpoint of step `step`; NULL = "". Not while the run goes on. RT_EFORMAT, RT_ERANGE. */
int rt_control_load(struct rt_control *c, const struct rt_control_text *t, int64_t step,
                    struct rt_error *e);

/* ---- several processes of one run: each has a control, and one is asked; the others follow it ----
 * What is asked for stands at the same updates in all of them: it is told to them before the first update that it can
 * be for. Batches are made ahead, by each as far as it comes; so that none has made one that a change is for, none is
 * made more than RT_CONTROL_LEAD updates ahead, and changes of effect BATCH are for updates behind that. */
#define RT_CONTROL_LEAD 16

/* Before the run goes on, when all have the same state. Changes that wait are known to all. */
void rt_control_share(struct rt_control *c);
/* May the batch of update `step` be made by now? Always when not shared. Any thread. */
bool rt_control_may_hand_out(struct rt_control *c, int64_t step);
/* Behind rt_control_step: what was asked for since the one before, for the others; "" = nothing, NULL = no memory. The
 * control's, until the next step. */
const char *rt_control_news(const struct rt_control *c);
/* Before rt_control_step, by those who follow. RT_EFORMAT, RT_ERANGE, ... */
int rt_control_take_news(struct rt_control *c, const char *news, struct rt_error *e);

/* ---- whoever asks: any thread, any time ---- */

/* Checked at once, as a recipe is; effect at update *at (may be NULL): the next one to begin, or to be handed
 * out. key and value as in -s. before (may be NULL, [RT_RECIPE_TEXT]): what it replaces. RT_ENOTFOUND no such setting,
 * RT_EUSAGE not while the run goes on or not in this run, RT_EFORMAT, RT_ERANGE, RT_EBUSY too many
 * wait. A change that the run's end overtakes is kept in its last checkpoint. Of several of one key for one update the
 * last counts: only that one takes effect, and stands in the journal. */
int rt_control_set(struct rt_control *c, const char *who, const char *key, const char *value,
                   char *before, int64_t *at, struct rt_error *e);
/* The same for a later update: another run's journal; key RT_OVERRIDE_KEY: a text of override.h. A step that is
 * over is refused (RT_ERANGE); a setting that is retired is left out. */
int rt_control_plan(struct rt_control *c, int64_t step, const char *who, const char *key,
                    const char *value, struct rt_error *e);
/* The settings when all that waits has taken effect. */
void rt_control_last(struct rt_control *c, struct rt_recipe *r);
/* Does a change wait that makes the run longer from the update behind `step` on? */
bool rt_control_prolongs(struct rt_control *c, int64_t step);

enum rt_touch { RT_TOUCH_SET, RT_TOUCH_SCALE, RT_TOUCH_MUTE, RT_TOUCH_EXCLUDE, RT_TOUCH_RESTORE };
/* Changes the state of samples (rows of the data set, any order) at the next update *at: their factor
 * becomes `factor` (SET) or is multiplied by it (SCALE), becomes 0 (MUTE); they take no part any more
 * (EXCLUDE); or they are as at the start again (RESTORE). words: what was meant, for the journal; no line
 * ends. RT_ERANGE for a factor that is not from 0 to RT_OVERRIDE_MOST, or no rows; RT_EBUSY. */
int rt_control_touch(struct rt_control *c, const char *who, enum rt_touch touch, double factor,
                     const int *row, int count, const char *words, int64_t *at, struct rt_error *e);
#define RT_CONTROL_UNDO 1000               /* changes that can be taken back; older ones cannot */
#define RT_CONTROL_UNDO_BYTES (16u << 20) /* of their texts */
/* Takes the last change back that stands (a setting's or of samples, by whoever), or makes the one again that
 * was taken back last: a change like any other, at the next update *at. what
 * ([RT_RECIPE_TEXT]): "key: before -> after", cut. RT_ENODATA when there is none. */
int rt_control_undo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e);
int rt_control_redo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e);
/* A setting's value at the next update that it can be changed for; any setting. RT_ENOTFOUND. */
int rt_control_get(struct rt_control *c, const char *key, char *value, size_t size,
                   struct rt_error *e);
/* Time (ns) that updates have waited so far for changes to be put into effect. Who does work for them elsewhere charges
 * it: those who ask are slowed down by all of it (socket.h). */
uint64_t rt_control_spent(struct rt_control *c);
void rt_control_charge(struct rt_control *c, uint64_t ns);
/* The states that rows [first, first + count) will have at the next update. */
void rt_control_states(struct rt_control *c, int first, int count, float *factor, uint8_t *excluded);
/* The update that will begin next. */
int64_t rt_control_next(struct rt_control *c);

void rt_control_pause(struct rt_control *c);
void rt_control_resume(struct rt_control *c);
/* Lets a paused run make this many more updates. */
void rt_control_allow(struct rt_control *c, int64_t updates);
/* 1 paused (perhaps the update under way is still being made). */
int rt_control_paused(struct rt_control *c);
/* Asks for a checkpoint of step `step`; -1 = of the update made last. A step that is over is not saved
 * any more. Returns the step; RT_EMEM; RT_EBUSY with -1: the last one took so long, and was so short a time ago, that
 * the run would do little else (never while it is paused). */
int64_t rt_control_checkpoint(struct rt_control *c, int64_t step);
/* Something is to be noted that changes no update (a person's marks): soon, also while the run is paused. */
void rt_control_note(struct rt_control *c);
/* Ends the run, with RT_ESTOPPED, after update `step`. */
void rt_control_until(struct rt_control *c, int64_t step);
/* Ends the run now, as a signal does. */
void rt_control_stop(struct rt_control *c);

#endif
