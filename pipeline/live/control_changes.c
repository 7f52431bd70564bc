/* SPDX-License-Identifier: MIT
 * control_changes: the changes that wait, under the lock; see control_parts.h.
 *
 * A change is checked when it is asked for, against the settings as they will be then (`ahead`), so
 * that who asks is told at once what is wrong and at which step it takes effect. Changes wait
 * sorted by step, those of one step in the order they came: that order, with the values, is what
 * the journal repeats. Their number is bounded; a client in a loop fills no memory. */
#include "pipeline/live/control_parts.h"

#include "formats/file.h"
#include "formats/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_control_check_who(const char *who, struct rt_error *e)
{
    size_t n = strspn(who, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-");
    char quoted[RT_QUOTE];
    if (n > 0 && n < RT_CONTROL_WHO && !who[n])
        return 0;
    return rt_error_set(e, RT_EUSAGE, "who %s: write 1 to %d letters, digits and _ . : -",
                        rt_quote(quoted, sizeof quoted, who), RT_CONTROL_WHO - 1);
}

int rt_control_find(const char *name, enum rt_key_effect effect, const struct rt_key **key, struct rt_error *e)
{
    *key = rt_key_find(name);
    if (!*key)
        return rt_key_unknown(name, e);
    if ((*key)->effect >= effect)
        return 0;
    static const char *const words[] = {
        [RT_EFFECT_RUN] = "%s takes effect at the start of a run only",
        [RT_EFFECT_MACHINE] = "%s takes effect at the start of a run, or when it goes on: retort run --resume DIR "
                              "-s %s=...",
        [RT_EFFECT_RESUME] = "%s takes effect at the start of a run only, or makes it longer when it goes on: "
                             "retort run --resume DIR -s %s=N"};
    return rt_error_set(e, RT_EUSAGE, words[(*key)->effect], name, name);
}

int64_t rt_control_first(const struct rt_control *c, const struct rt_key *key)
{
    bool batch = key && key->effect == RT_EFFECT_BATCH;
    if (batch && c->shared)
        return c->next + RT_CONTROL_LEAD;
    return batch && c->handed >= c->next ? c->handed + 1 : c->next;
}

int rt_control_try(struct rt_control *c, const struct rt_recipe *base, const struct rt_key *key,
                   const char *value, struct rt_error *e)
{
    c->trial = *base;
    RT_TRY(rt_recipe_put(&c->trial, key, value, NULL, e));
    return c->host.check ? c->host.check(c->host.self, &c->trial, e) : 0;
}

int rt_control_insert(struct rt_control *c, int64_t step, const char *who, const struct rt_key *key,
                      const char *value, int in_ahead, struct rt_error *e)
{
    const char *name = key ? key->name : RT_OVERRIDE_KEY;
    if (c->count == RT_CONTROL_PENDING)
        return rt_error_set(e, RT_EBUSY, "%s: %d changes wait already", name, c->count);
    if (c->count == c->room) {
        int room = c->room ? 2 * c->room : 16;
        struct rt_control_change *more = realloc(c->pending, (size_t)room * sizeof *more);
        if (!more)
            return rt_error_set(e, RT_EMEM, "%s: no memory for a change", name);
        c->pending = more;
        c->room = room;
    }
    struct rt_control_change w = {.step = step, .key = key, .value = strdup(value), .in_ahead = in_ahead};
    if (!w.value)
        return rt_error_set(e, RT_EMEM, "%s: no memory for a change", name);
    snprintf(w.who, sizeof w.who, "%s", who);
    int at = c->count++;
    for (; at > 0 && c->pending[at - 1].step > step; at--)
        c->pending[at] = c->pending[at - 1];
    c->pending[at] = w;
    return 0;
}

/* Planned changes whose update is the next one now. Each was checked when it was planned. */
void rt_control_look_ahead(struct rt_control *c)
{
    for (int i = 0; i < c->count; i++) {
        struct rt_control_change *w = &c->pending[i];
        if (w->step > rt_control_first(c, w->key))
            continue;
        if (!w->in_ahead && w->key)
            rt_recipe_put(&c->ahead, w->key, w->value, NULL, NULL);
        else if (!w->in_ahead)
            rt_override_assign(&c->override_ahead, w->value, NULL);
        w->in_ahead = 1;
    }
}

char *rt_control_waiting(struct rt_control *c, bool untold)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    for (int i = 0; f && i < c->count; i++) {
        struct rt_control_change *w = &c->pending[i];
        if (untold && w->told)
            continue;
        w->told |= untold;
        fprintf(f, "%" PRId64 " %s %s=%s\n", w->step, w->who, w->key ? w->key->name : RT_OVERRIDE_KEY, w->value);
    }
    rt_memstream_close(f, &text);
    return text;
}

char *rt_control_with_words(const char *text, const char *words)
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
