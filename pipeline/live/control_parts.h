/* SPDX-License-Identifier: MIT
 * control_parts: what control's own files share: control_changes.c (the changes that wait), control_undo.c,
 * control_ask.c (settings) and control_touch.c (samples) make changes, control_save.c is for checkpoints, control.c for
 * batches, steps and pace. Copies of all that can be changed: `now` belongs to the student; `ahead`, behind the lock,
 * is `now` with all changes that are due at the next update (or, of effect BATCH, at the next one to be handed out):
 * what requests are checked against; `begun`, behind the lock too, is `now` for those who make batches. */
#ifndef RT_CONTROL_PARTS_H
#define RT_CONTROL_PARTS_H

#include "pipeline/live/control.h"

#include <uv.h>

struct rt_control_change {
    int64_t step;
    const struct rt_key *key; /* NULL: of samples, value is a text of override.h */
    char who[RT_CONTROL_WHO];
    char *value;
    int in_ahead;
    bool told; /* to those who follow */
};

/* What undo and redo go along. */
struct rt_control_event {
    const struct rt_key *key;
    char *before, *after;
};

struct rt_control {
    struct rt_recipe start; /* never changes */
    struct rt_control_host host;

    /* the thread of rt_control_step */
    struct rt_recipe now;
    struct rt_override override;

    uv_mutex_t lock; /* what follows */
    uv_cond_t wake;
    struct rt_recipe ahead, begun, trial; /* trial: room for a check */
    struct rt_override override_ahead;
    struct rt_control_change *pending; /* by step, then in the order they came */
    int count, room;
    struct rt_control_event *event; /* [0, done) stand, [done, events) are undone */
    int done, events, event_room;
    size_t event_bytes;
    uint64_t save_began; /* ns, when the student was told to write a checkpoint; 0 = none is being written */
    uint64_t spent, save_ready; /* ns: that updates waited for changes; when a checkpoint may be asked for again */
    int64_t *save; /* steps whose checkpoints are asked for */
    int saves, save_room;
    int64_t next, handed, until, allowed; /* handed: the last update whose batch was handed out */
    int paused;
    bool note;
    bool shared;
    char *news; /* of the last step; the thread of rt_control_step */
};

int rt_control_check_who(const char *who, struct rt_error *e);
/* The setting, which must have at least this effect: RESUME what a journal or a checkpoint may hold, STEP what people
 * may change. */
int rt_control_find(const char *name, enum rt_key_effect effect, const struct rt_key **key, struct rt_error *e);
/* A text of override.h with the words behind it that people are shown. malloc'ed; NULL: no memory. */
char *rt_control_with_words(const char *text, const char *words);

/* ---- under the lock ---- */

/* The first update that a change of key (NULL: of samples) can still be made for. */
int64_t rt_control_first(const struct rt_control *c, const struct rt_key *key);
/* c->trial = the settings `base` with one value changed, if the run accepts that. */
int rt_control_try(struct rt_control *c, const struct rt_recipe *base, const struct rt_key *key,
                   const char *value, struct rt_error *e);
int rt_control_insert(struct rt_control *c, int64_t step, const char *who, const struct rt_key *key,
                      const char *value, int in_ahead, struct rt_error *e);
/* Planned changes whose update is the next one are in `ahead` from now on. */
void rt_control_look_ahead(struct rt_control *c);
/* Remembers a change for undo; what was undone is forgotten. Takes both texts over. RT_EMEM. */
int rt_control_remember(struct rt_control *c, const struct rt_key *key, char *before, char *after);
void rt_control_forget(struct rt_control *c);
/* "step who key=value" lines of the changes that wait: all, or those not yet told, which are told then. NULL: no
 * memory. */
char *rt_control_waiting(struct rt_control *c, bool untold);

#endif
