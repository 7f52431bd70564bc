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
    int rc = rt_override_init(&c->override, rows);
    return rc == 0 ? rt_override_init(&c->override_ahead, rows) : rc;
}

const struct rt_override *rt_control_override(const struct rt_control *c)
{
    return &c->override;
}

/* ---- what undo knows ---- */

static void event_fini(struct rt_control_event *v)
{
    free(v->before);
    free(v->after);
}

void rt_control_forget(struct rt_control *c)
{
    for (int i = 0; i < c->events; i++)
        event_fini(&c->event[i]);
    free(c->event);
    c->event = NULL;
    c->done = c->events = c->event_room = 0;
}

int rt_control_remember(struct rt_control *c, const struct rt_key *key, char *before, char *after)
{
    struct rt_control_event v = {key, before, after};
    if (before && after && c->done == c->event_room) {
        int room = c->event_room ? 2 * c->event_room : 16;
        struct rt_control_event *more = realloc(c->event, (size_t)room * sizeof *more);
        c->event = more ? more : c->event;
        c->event_room = more ? room : c->event_room;
    }
    if (!before || !after || c->done == c->event_room) {
        event_fini(&v);
        return RT_EMEM;
    }
    while (c->events > c->done)
        event_fini(&c->event[--c->events]);
    c->event[c->done++] = v;
    c->events = c->done;
    return 0;
}

int rt_control_recall(struct rt_control *c, const char *name, const char *before, const char *after)
{
    const struct rt_key *key = strcmp(name, RT_OVERRIDE_KEY) == 0 ? NULL : rt_key_find(name);
    if (strcmp(name, RT_OVERRIDE_KEY) != 0 && (!key || key->effect == RT_EFFECT_RUN))
        return 0;
    uv_mutex_lock(&c->lock);
    int rc = rt_control_remember(c, key, strdup(before), strdup(after));
    uv_mutex_unlock(&c->lock);
    return rc;
}

/* ---- samples ---- */

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
    int rc = rt_control_check_who(who, e);
    if (rc == 0 && asks && !(factor >= 0 && factor <= RT_OVERRIDE_MOST))
        rc = rt_error_set(e, RT_ERANGE, "a factor is from 0 to %.0f", RT_OVERRIDE_MOST);
    if (rc == 0 && count < 1)
        rc = rt_error_set(e, RT_ERANGE, "no sample is meant");
    if (rc < 0)
        return rc;
    uv_mutex_lock(&c->lock);
    char *before = rt_override_text(&c->override_ahead, row, count), *text = NULL, *after = NULL;
    if (before) {
        for (int i = 0; i < count; i++)
            row_touch(&c->override_ahead, row[i], touch, factor);
        text = rt_override_text(&c->override_ahead, row, count);
        after = text ? text_with_words(text, words ? words : "") : NULL;
        rc = after ? rt_control_insert(c, c->next, who, NULL, after, 1, e) : RT_EMEM;
        if (rc < 0)
            rt_override_assign(&c->override_ahead, before, NULL);
    }
    if (!after)
        rc = rt_error_set(e, RT_EMEM, "no memory for a change of %d samples", count);
    if (rc == 0 && at)
        *at = c->next;
    free(text);
    if (rc == 0) {
        rt_control_remember(c, NULL, before, after);
    } else {
        free(before);
        free(after);
    }
    uv_mutex_unlock(&c->lock);
    return rc;
}

/* ---- undo and redo ---- */

/* Puts a remembered value in force at the next update. Under the lock. */
static int event_assign(struct rt_control *c, const char *who, const struct rt_key *key,
                        const char *value, const char *why, struct rt_error *e)
{
    int rc;
    if (key) {
        rc = rt_control_try(c, &c->ahead, key, value, e);
        if (rc == 0)
            rc = rt_control_insert(c, rt_control_first(c, key), who, key, value, 1, e);
        if (rc == 0)
            c->ahead = c->trial;
        return rc;
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
    rc = text ? rt_control_insert(c, c->next, who, NULL, text, 1, e)
              : rt_error_set(e, RT_EMEM, "no memory for a change of samples");
    if (rc == 0)
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

int rt_control_undo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e)
{
    int rc = rt_control_check_who(who, e);
    if (rc < 0)
        return rc;
    uv_mutex_lock(&c->lock);
    if (c->done == 0)
        rc = rt_error_set(e, RT_ENODATA, "there is no change to undo");
    struct rt_control_event *v = &c->event[c->done - (rc == 0)];
    if (rc == 0)
        rc = event_assign(c, who, v->key, v->before, "undo", e);
    if (rc == 0) {
        event_tell(what, v, v->after, v->before);
        c->done--;
        *at = rt_control_first(c, v->key);
    }
    uv_mutex_unlock(&c->lock);
    return rc;
}

int rt_control_redo(struct rt_control *c, const char *who, char *what, int64_t *at, struct rt_error *e)
{
    int rc = rt_control_check_who(who, e);
    if (rc < 0)
        return rc;
    uv_mutex_lock(&c->lock);
    if (c->done == c->events)
        rc = rt_error_set(e, RT_ENODATA, "no change was undone last");
    struct rt_control_event *v = &c->event[c->done];
    if (rc == 0)
        rc = event_assign(c, who, v->key, v->after, "redo", e);
    if (rc == 0) {
        event_tell(what, v, v->before, v->after);
        c->done++;
        *at = rt_control_first(c, v->key);
    }
    uv_mutex_unlock(&c->lock);
    return rc;
}
