/* SPDX-License-Identifier: MIT
 * control_touch: changes of samples, and undo and redo of all changes. A change of samples is kept as the
 * states its rows get, not as what was asked for: so it can be repeated whatever the rows were before. */
#include "pipeline/live/control_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_control_samples(struct rt_control *c, int rows)
{
    rt_override_fini(&c->override);
    rt_override_fini(&c->override_ahead);
    RT_TRY(rt_override_init(&c->override, rows));
    return rt_override_init(&c->override_ahead, rows);
}

const struct rt_override *rt_control_override(const struct rt_control *c)
{
    return &c->override;
}

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

void rt_control_states(struct rt_control *c, int first, int count, float *factor, uint8_t *excluded)
{
    uv_mutex_lock(&c->lock);
    for (int i = 0; i < count; i++) {
        bool there = first + i < c->override_ahead.rows;
        factor[i] = there ? c->override_ahead.factor[first + i] : 1;
        excluded[i] = there ? c->override_ahead.excluded[first + i] : 0;
    }
    uv_mutex_unlock(&c->lock);
}

/* ---- samples ----
 * What was asked (`*0.5 where snr < 10`) depends on the rows at that time; what the rows become
 * does not. The second is what waits, goes into the journal and into the undo history; the words go
 * behind a '#', for people. */

static void row_touch(struct rt_override *h, int row, enum rt_touch touch, double factor)
{
    switch (touch) {
    case RT_TOUCH_SET: h->factor[row] = (float)factor; break;
    case RT_TOUCH_SCALE:
        h->factor[row] = (float)fmin(h->factor[row] * factor, RT_OVERRIDE_MOST);
        break;
    case RT_TOUCH_MUTE: h->factor[row] = 0; break;
    case RT_TOUCH_EXCLUDE: h->excluded[row] = 1; break;
    case RT_TOUCH_RESTORE:
        h->factor[row] = 1;
        h->excluded[row] = 0;
        break;
    }
}

/* "TEXT # WORDS" */
static char *text_with_words(const char *text, const char *words)
{
    size_t size = strlen(text) + strlen(words) + 4;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s%s%s", text, *words ? " # " : "", words);
    for (char *w = whole; w && *w; w++)
        if (*w == '\n' || *w == '\r')
            *w = ' ';
    return whole;
}

int rt_control_touch(struct rt_control *c, const char *who, enum rt_touch touch, double factor,
                     const int *row, int count, const char *words, int64_t *at, struct rt_error *e)
{
    bool asks = touch == RT_TOUCH_SET || touch == RT_TOUCH_SCALE;
    RT_TRY(rt_control_check_who(who, e));
    if (asks && !(factor >= 0 && factor <= RT_OVERRIDE_MOST))
        return rt_error_set(e, RT_ERANGE, "a factor is from 0 to %.0f", RT_OVERRIDE_MOST);
    if (count < 1)
        return rt_error_set(e, RT_ERANGE, "no sample is meant");
    uv_mutex_lock(&c->lock);
    int rc = RT_EMEM;
    char *before = rt_override_text(&c->override_ahead, row, count), *text = NULL, *after = NULL;
    if (!before)
        goto fail;
    for (int i = 0; i < count; i++)
        row_touch(&c->override_ahead, row[i], touch, factor);
    text = rt_override_text(&c->override_ahead, row, count);
    after = text ? text_with_words(text, words ? words : "") : NULL;
    free(text);
    if (after)
        rc = rt_control_insert(c, c->next, who, NULL, after, 1, e);
    if (rc < 0) {
        rt_override_assign(&c->override_ahead, before, NULL);
        goto fail;
    }
    if (at)
        *at = c->next;
    rt_control_remember(c, NULL, before, after);
    uv_mutex_unlock(&c->lock);
    return 0;
fail:
    if (!after)
        rt_error_set(e, rc, "no memory for a change of %d samples", count);
    free(before);
    free(after);
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
        text = text_with_words(bare, note);
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

/* ---- what is noted, and what all this costs ---- */

void rt_control_note(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    c->note = true;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
}

/* What was asked costs the update that it is for; whoever asks is slowed down by it. */
void rt_control_charge(struct rt_control *c, uint64_t ns)
{
    uv_mutex_lock(&c->lock);
    c->spent += ns;
    uv_mutex_unlock(&c->lock);
}

uint64_t rt_control_spent(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    uint64_t spent = c->spent;
    uv_mutex_unlock(&c->lock);
    return spent;
}
