/* SPDX-License-Identifier: MIT
 * control_undo: undo and redo of all changes; see control.h. */
#include "pipeline/live/control_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what undo knows ----
 * A history as editors have it: a line of changes with a mark, and what lies behind the mark is
 * dropped by the next change. It keeps values before and after, not what was asked: an undo is
 * itself a change, in the journal like any other, so a repeated run needs no history. */

static void event_fini(struct rt_control_event *v)
{
    free(v->before);
    free(v->after);
}

static size_t event_size(const struct rt_control_event *v)
{
    return strlen(v->before) + strlen(v->after) + 2;
}

void rt_control_forget(struct rt_control *c)
{
    for (int i = 0; i < c->events; i++)
        event_fini(&c->event[i]);
    free(c->event);
    c->event = NULL;
    c->done = c->events = c->event_room = 0;
    c->event_bytes = 0;
}

/* Makes room for a change of this size: who changes settings for days fills no memory. */
static void events_drop_oldest(struct rt_control *c, size_t size)
{
    int drop = 0;
    while (drop < c->events && (c->events - drop >= RT_CONTROL_UNDO || c->event_bytes + size > RT_CONTROL_UNDO_BYTES)) {
        c->event_bytes -= event_size(&c->event[drop]);
        event_fini(&c->event[drop++]);
    }
    c->events -= drop;
    c->done -= drop;
    memmove(c->event, c->event + drop, (size_t)c->events * sizeof *c->event);
}

static void events_drop_undone(struct rt_control *c)
{
    while (c->events > c->done) {
        c->event_bytes -= event_size(&c->event[--c->events]);
        event_fini(&c->event[c->events]);
    }
}

int rt_control_remember(struct rt_control *c, const struct rt_key *key, char *before, char *after)
{
    struct rt_control_event v = {key, before, after};
    if (!before || !after) {
        event_fini(&v);
        return RT_EMEM;
    }
    events_drop_undone(c);
    if (c->events)
        events_drop_oldest(c, event_size(&v));
    if (c->done == c->event_room) {
        int room = c->event_room ? 2 * c->event_room : 16;
        struct rt_control_event *more = realloc(c->event, (size_t)room * sizeof *more);
        c->event = more ? more : c->event;
        c->event_room = more ? room : c->event_room;
    }
    if (c->done == c->event_room) {
        event_fini(&v);
        return RT_EMEM;
    }
    c->event_bytes += event_size(&v);
    c->event[c->done++] = v;
    c->events = c->done;
    return 0;
}

int rt_control_recall(struct rt_control *c, const char *name, const char *before, const char *after)
{
    const struct rt_key *key = strcmp(name, RT_OVERRIDE_KEY) == 0 ? NULL : rt_key_find(name);
    if (strcmp(name, RT_OVERRIDE_KEY) != 0 && (!key || key->effect < RT_EFFECT_STEP))
        return 0;
    uv_mutex_lock(&c->lock);
    int rc = rt_control_remember(c, key, strdup(before), strdup(after));
    uv_mutex_unlock(&c->lock);
    return rc;
}

/* ---- undo and redo ---- */

/* Puts a remembered value in force at the next update. Under the lock. */
static int event_assign(struct rt_control *c, const char *who, const struct rt_key *key,
                        const char *value, const char *why, struct rt_error *e)
{
    if (key) {
        RT_TRY(rt_control_try(c, &c->ahead, key, value, e));
        RT_TRY(rt_control_insert(c, rt_control_first(c, key), who, key, value, 1, e));
        c->ahead = c->trial;
        return 0;
    }
    char *text = NULL;
    size_t states = strcspn(value, "#"); /* the words are about the change itself */
    const char *words = value[states] ? value + states + 2 : "";
    char *bare = strndup(value, states), note[200];
    snprintf(note, sizeof note, "%s%s%.150s", why, *words ? ": " : "", words);
    if (bare) {
        while (states && bare[states - 1] == ' ')
            bare[--states] = '\0';
        text = rt_control_with_words(bare, note);
    }
    int rc = text ? rt_control_insert(c, c->next, who, NULL, text, 1, e)
                  : rt_error_set(e, RT_EMEM, "no memory for a change of samples");
    if (rc >= 0)
        rc = rt_override_assign(&c->override_ahead, bare, e);
    free(bare);
    free(text);
    return rc;
}

static void event_tell(char *what, const struct rt_control_event *v, const char *before,
                       const char *after)
{
    char was[100], is[100];
    snprintf(was, sizeof was, "%.90s%s", before, strlen(before) > 90 ? "..." : "");
    snprintf(is, sizeof is, "%.90s%s", after, strlen(after) > 90 ? "..." : "");
    snprintf(what, RT_RECIPE_TEXT, "%s: %s -> %s", v->key ? v->key->name : RT_OVERRIDE_KEY, was, is);
}

/* One step along the history: back puts a change's value before into force, or the one after. Under
 * the lock. */
static int event_repeat(struct rt_control *c, const char *who, bool back, char *what, int64_t *at,
                        struct rt_error *e)
{
    if (back && c->done == 0)
        return rt_error_set(e, RT_ENODATA, "there is no change to undo");
    if (!back && c->done == c->events)
        return rt_error_set(e, RT_ENODATA, "no change was undone last");
    const struct rt_control_event *v = &c->event[back ? c->done - 1 : c->done];
    const char *from = back ? v->after : v->before, *to = back ? v->before : v->after;
    RT_TRY(event_assign(c, who, v->key, to, back ? "undo" : "redo", e));
    event_tell(what, v, from, to);
    c->done += back ? -1 : 1;
    *at = rt_control_first(c, v->key);
    return 0;
}

int rt_control_undo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e)
{
    RT_TRY(rt_control_check_who(who, e));
    uv_mutex_lock(&c->lock);
    int rc = event_repeat(c, who, true, what, at, e);
    uv_mutex_unlock(&c->lock);
    return rc;
}

int rt_control_redo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e)
{
    RT_TRY(rt_control_check_who(who, e));
    uv_mutex_lock(&c->lock);
    int rc = event_repeat(c, who, false, what, at, e);
    uv_mutex_unlock(&c->lock);
    return rc;
}
