/* SPDX-License-Identifier: MIT
 * control_save: what a checkpoint holds of the changes: settings that differ from the start, what was done
 * to samples, changes that wait. */
#include "pipeline/live/control_parts.h"

#include "formats/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ----
 * Only what differs from the recipe is written, as text that a person can read in the file.
 * Settings that wait and settings in force are two texts: the first have a step, and go through all
 * checks again when they are read. */

int rt_control_save(struct rt_control *c, struct rt_control_text *t)
{
    char **settings = &t->settings;
    size_t size;
    *t = (struct rt_control_text){0};
    FILE *f = open_memstream(settings, &size);
    for (int i = 0; f && i < rt_key_count; i++) {
        char first[RT_RECIPE_TEXT], now[RT_RECIPE_TEXT];
        rt_recipe_get(&c->start, &rt_keys[i], first, sizeof first);
        rt_recipe_get(&c->now, &rt_keys[i], now, sizeof now);
        if (strcmp(first, now) != 0)
            fprintf(f, "%s=%s\n", rt_keys[i].name, now);
    }
    bool failed = rt_memstream_close(f, settings) < 0;
    uv_mutex_lock(&c->lock);
    t->pending = rt_control_waiting(c, false);
    uv_mutex_unlock(&c->lock);
    failed |= !t->pending;
    t->samples = failed ? NULL : rt_override_text(&c->override, NULL, 0);
    if (t->samples)
        return 0;
    rt_control_text_fini(t);
    return RT_EMEM;
}

void rt_control_text_fini(struct rt_control_text *t)
{
    free(t->settings);
    free(t->pending);
    free(t->samples);
    *t = (struct rt_control_text){0};
}

/* ---- in ----
 * The text comes from a file, so it is untrusted: a setting that may not change while a run goes on
 * is refused here too. */

/* "key=value" into a setting that may change. */
static int setting_load(struct rt_control *c, char *line, struct rt_error *e)
{
    const struct rt_key *key = NULL;
    char *equals = strchr(line, '=');
    if (!equals)
        return rt_error_set(e, RT_EFORMAT, "retort.settings: \"%.60s\" is not key=value", line);
    *equals = '\0';
    if (rt_key_retired(line))
        return 0;
    RT_TRY(rt_control_find(line, RT_EFFECT_RESUME, &key, e));
    return rt_recipe_put(&c->now, key, equals + 1, NULL, e);
}

/* "step who key=value" into a change that waits. */
static int pending_load(struct rt_control *c, char *line, struct rt_error *e)
{
    char *rest, *step = line, *who = strchr(line, ' ');
    char *key = who ? strchr(who + 1, ' ') : NULL, *value = key ? strchr(key, '=') : NULL;
    long long at = strtoll(step, &rest, 10);
    if (!value || rest != who)
        return rt_error_set(e, RT_EFORMAT, "retort.pending: \"%.60s\" is not: step who key=value",
                            line);
    *who++ = *key++ = *value++ = '\0';
    return rt_control_plan(c, at, who, key, value, e);
}

static int lines_each(struct rt_control *c, const char *text,
                      int (*line)(struct rt_control *c, char *line, struct rt_error *e),
                      struct rt_error *e)
{
    int rc = 0;
    char *copy = strdup(text ? text : "");
    if (!copy)
        return rt_error_set(e, RT_EMEM, "no memory for the settings of a checkpoint");
    for (char *save = NULL, *w = strtok_r(copy, "\n", &save); rc == 0 && w;
         w = strtok_r(NULL, "\n", &save))
        rc = line(c, w, e);
    free(copy);
    return rc;
}

int rt_control_take_news(struct rt_control *c, const char *news, struct rt_error *e)
{
    return lines_each(c, news, pending_load, e);
}

int rt_control_load(struct rt_control *c, const struct rt_control_text *t, int64_t step,
                    struct rt_error *e)
{
    RT_TRY(lines_each(c, t->settings, setting_load, e));
    if (t->samples)
        RT_TRY(rt_override_assign(&c->override, t->samples, e));
    uv_mutex_lock(&c->lock);
    c->ahead = c->begun = c->now;
    if (t->samples)
        rt_override_assign(&c->override_ahead, t->samples, NULL);
    c->next = step + 1;
    c->handed = step;
    uv_mutex_unlock(&c->lock);
    return lines_each(c, t->pending, pending_load, e);
}

/* ---- the length ----
 * Of a run that was made longer it follows from what waits: it ends where the last such change says, and ended once
 * where the first with another length begins. */

void rt_control_last(struct rt_control *c, struct rt_recipe *r)
{
    uv_mutex_lock(&c->lock);
    *r = c->begun;
    for (int i = 0; i < c->count; i++)
        if (c->pending[i].key)
            rt_recipe_put(r, c->pending[i].key, c->pending[i].value, NULL, NULL);
    uv_mutex_unlock(&c->lock);
}

bool rt_control_prolongs(struct rt_control *c, int64_t step)
{
    bool found = false;
    uv_mutex_lock(&c->lock);
    for (int i = 0; i < c->count; i++)
        found |= c->pending[i].step == step + 1 && c->pending[i].key && c->pending[i].key->effect == RT_EFFECT_RESUME;
    uv_mutex_unlock(&c->lock);
    return found;
}
