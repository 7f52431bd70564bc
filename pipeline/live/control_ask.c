/* SPDX-License-Identifier: MIT
 * control_ask: settings asked for, now or for a step; see control.h.
 *
 * `set` is for people: the next step that is still free. `plan` names the step: journals and
 * checkpoints are repeated by it. Both go the same way otherwise, so a repeated run meets the same
 * checks. */
#include "pipeline/live/control_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS INT64_C(1000000000000000) /* of a run, at most: a text from anywhere may name any number */

/* A client that moves a slider asks for more values than there are updates. Those that an update would overwrite at
 * once are not kept; but only where the changes that wait for it are still fine without, one after the other. */

/* The last change of this key that waits for this update, NULL when there is none, or it cannot go. */
static struct rt_control_change *control_find_waiting(struct rt_control *c, int64_t step, const struct rt_key *key,
                                                      const char *value)
{
    struct rt_control_change *found = NULL;
    for (int i = 0; i < c->count && c->pending[i].step <= step; i++)
        if (c->pending[i].step == step && c->pending[i].key == key)
            found = &c->pending[i];
    if (!found)
        return NULL;
    c->trial = c->begun;
    for (int i = 0; i < c->count && c->pending[i].step <= step; i++) {
        const struct rt_control_change *w = &c->pending[i];
        if (!w->key)
            continue;
        if (rt_recipe_put(&c->trial, w->key, w == found ? value : w->value, NULL, NULL) < 0 ||
            (c->host.check && c->host.check(c->host.self, &c->trial, NULL) < 0))
            return NULL;
    }
    return found;
}

/* In the place of the one that waits, or behind all. */
static int control_insert_or_replace(struct rt_control *c, int64_t step, const char *who, const struct rt_key *key,
                                     const char *value, struct rt_error *e)
{
    struct rt_control_change *waiting = control_find_waiting(c, step, key, value);
    char *copy = waiting ? strdup(value) : NULL;
    if (!copy)
        return rt_control_insert(c, step, who, key, value, 1, e);
    free(waiting->value);
    waiting->value = copy;
    waiting->in_ahead = 1;
    waiting->told = false; /* those who follow know the value that it had */
    snprintf(waiting->who, sizeof waiting->who, "%s", who);
    return 0;
}

int rt_control_set(struct rt_control *c, const char *who, const char *name, const char *value,
                   char *before, int64_t *at, struct rt_error *e)
{
    const struct rt_key *key = NULL;
    char was[RT_RECIPE_TEXT], is[RT_RECIPE_TEXT];
    RT_TRY(rt_control_check_who(who, e));
    RT_TRY(rt_control_find(name, RT_EFFECT_STEP, &key, e));
    uv_mutex_lock(&c->lock);
    int64_t first = rt_control_first(c, key);
    rt_recipe_get(&c->ahead, key, was, sizeof was);
    int rc = rt_control_try(c, &c->ahead, key, value, e);
    if (rc < 0)
        goto out;
    rc = control_insert_or_replace(c, first, who, key, value, e);
    if (rc < 0)
        goto out;
    if (before)
        snprintf(before, RT_RECIPE_TEXT, "%s", was);
    if (at)
        *at = first;
    rt_recipe_put(&c->ahead, key, value, NULL, NULL); /* it was tried above */
    rt_recipe_get(&c->ahead, key, is, sizeof is);
    rt_control_remember(c, key, strdup(was), strdup(is)); /* without memory it cannot be undone */
out:
    uv_mutex_unlock(&c->lock);
    return rc;
}

/* A change may be good only behind another that waits, as a term behind the knee that was given to it: so it is tried
 * on the settings that its own update will find. */
static int control_try_at(struct rt_control *c, int64_t step, const struct rt_key *key, const char *value,
                          struct rt_error *e)
{
    c->trial = c->ahead;
    for (int i = 0; i < c->count && c->pending[i].step <= step; i++)
        if (c->pending[i].key && !c->pending[i].in_ahead)
            rt_recipe_put(&c->trial, c->pending[i].key, c->pending[i].value, NULL, NULL);
    RT_TRY(rt_recipe_put(&c->trial, key, value, NULL, e));
    return c->host.check ? c->host.check(c->host.self, &c->trial, e) : 0;
}

int rt_control_plan(struct rt_control *c, int64_t step, const char *who, const char *name,
                    const char *value, struct rt_error *e)
{
    const struct rt_key *key = NULL;
    bool samples = strcmp(name, RT_OVERRIDE_KEY) == 0;
    RT_TRY(rt_control_check_who(who, e));
    if (rt_key_retired(name))
        return 0;
    if (!samples)
        RT_TRY(rt_control_find(name, RT_EFFECT_RESUME, &key, e));
    uv_mutex_lock(&c->lock);
    int64_t first = rt_control_first(c, key);
    int rc;
    if (step < first)
        rc = rt_error_set(e, RT_ERANGE, "%s at step %" PRId64 ": the next step is %" PRId64 " already",
                          name, step, first);
    else if (step > STEPS)
        rc = rt_error_set(e, RT_ERANGE, "%s at step %" PRId64 ": no run has so many", name, step);
    else if (samples)
        rc = rt_override_check(&c->override_ahead, value, e);
    else
        rc = control_try_at(c, step, key, value, e);
    if (rc < 0)
        goto out;
    rc = rt_control_insert(c, step, who, key, value, 0, e);
    if (rc < 0)
        goto out;
    rt_control_look_ahead(c);
out:
    uv_mutex_unlock(&c->lock);
    return rc;
}

int rt_control_get(struct rt_control *c, const char *name, char *value, size_t size,
                   struct rt_error *e)
{
    const struct rt_key *key = rt_key_find(name);
    if (!key)
        return rt_key_unknown(name, e);
    uv_mutex_lock(&c->lock);
    rt_recipe_get(&c->ahead, key, value, size);
    uv_mutex_unlock(&c->lock);
    return 0;
}

int64_t rt_control_next(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    int64_t next = c->next;
    uv_mutex_unlock(&c->lock);
    return next;
}
