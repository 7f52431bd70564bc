/* SPDX-License-Identifier: MIT
 * reading: see tokenizer_parts.h. Members of a tokenizer.json, each refusal with its place in the file. */
#include "stages/tokenizer/tokenizer_parts.h"


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_reading_refuse(const struct rt_reading *r, const char *format, ...)
{
    char what[600];
    va_list list;
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    return rt_error_set(r->e, RT_EFORMAT, "%s: %s%s%s", r->name, r->place, r->place[0] ? ": " : "", what);
}

struct rt_reading rt_reading_at(const struct rt_reading *r, const char *format, ...)
{
    char more[100];
    va_list list;
    va_start(list, format);
    vsnprintf(more, sizeof more, format, list);
    va_end(list);
    struct rt_reading now = {.name = r->name, .e = r->e};
    snprintf(now.place, sizeof now.place, "%.58s%s%s", r->place, r->place[0] && more[0] != '[' ? "." : "", more);
    return now;
}

int rt_reading_only(const struct rt_reading *r, const json_t *o, const char *const *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(o))
        return rt_reading_refuse(r, "an object is wanted");
    json_object_foreach((json_t *)o, key, value) {
        bool found = strcmp(key, "type") == 0;
        for (const char *const *k = known; *k && !found; k++)
            found = strcmp(key, *k) == 0;
        if (!found)
            return rt_reading_refuse(r, "'%.60s' is not known here; it may change what the tokens are", key);
    }
    return 0;
}

/* NULL: not there. */
static const json_t *reading_member(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}

int rt_reading_bool(const struct rt_reading *r, const json_t *o, const char *key, bool *value)
{
    const json_t *v = reading_member(o, key);
    if (v && !json_is_boolean(v))
        return rt_reading_refuse(r, "%s: true or false is wanted", key);
    *value = v ? json_is_true(v) : *value;
    return 0;
}

int rt_reading_int(const struct rt_reading *r, const json_t *o, const char *key, int64_t low, int64_t high, int *value)
{
    const json_t *v = reading_member(o, key);
    if (v && (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high))
        return rt_reading_refuse(r, "%s: a whole number from %lld to %lld is wanted", key, (long long)low,
                                 (long long)high);
    *value = v ? (int)json_integer_value(v) : *value;
    return 0;
}

int rt_reading_text(const struct rt_reading *r, const json_t *o, const char *key, const char **value, size_t *size)
{
    const json_t *v = reading_member(o, key);
    if (!v)
        return 0;
    if (!json_is_string(v) || (!size && strlen(json_string_value(v)) != json_string_length(v)))
        return rt_reading_refuse(r, "%s: a text is wanted", key);
    *value = json_string_value(v);
    if (size)
        *size = json_string_length(v);
    return 0;
}

int rt_reading_word(const struct rt_reading *r, const json_t *o, const char *key, const char *const *words, int count,
                    int *value)
{
    const char *word = NULL;
    RT_TRY(rt_reading_text(r, o, key, &word, NULL));
    for (int i = 0; word && i < count; i++)
        if (strcmp(word, words[i]) == 0) {
            *value = i;
            return 0;
        }
    return word ? rt_reading_refuse(r, "%s: '%.60s' is not known", key, word) : 0;
}

/* ---- steps ---- */

static int steps_add(struct rt_steps *s, struct rt_step **added)
{
    struct rt_step *now = realloc(s->step, ((size_t)s->count + 1) * sizeof *now);
    if (!now)
        return RT_EMEM;
    s->step = now;
    *added = &now[s->count++];
    **added = (struct rt_step){0};
    return 0;
}

#define NESTED 8 /* sequences in sequences */

struct steps_kinds {
    const char *list;
    const struct rt_step_kind *kind;
    int count;
};

static int steps_read_one(struct rt_steps *s, const struct rt_reading *r, const json_t *o, const struct steps_kinds *k,
                          int depth)
{
    const char *type = NULL;
    if (!json_is_object(o))
        return rt_reading_refuse(r, "an object is wanted");
    RT_TRY(rt_reading_text(r, o, "type", &type, NULL));
    if (!type)
        return rt_reading_refuse(r, "it has no type");
    if (strcmp(type, "Sequence") == 0) {
        const json_t *list = json_object_get(o, k->list);
        if (!json_is_array(list) || depth == NESTED)
            return rt_reading_refuse(r, "%s: a list is wanted, at most %d deep", k->list, NESTED);
        RT_TRY(rt_reading_only(r, o, (const char *const[]){k->list, NULL}));
        for (size_t i = 0; i < json_array_size(list); i++) {
            struct rt_reading at = rt_reading_at(r, "%s[%zu]", k->list, i);
            RT_TRY(steps_read_one(s, &at, json_array_get(list, i), k, depth + 1));
        }
        return 0;
    }
    for (int i = 0; i < k->count; i++)
        if (strcmp(type, k->kind[i].name) == 0) {
            struct rt_step *step;
            if (steps_add(s, &step) < 0)
                return rt_error_set(r->e, RT_EMEM, "%s: no memory for it", r->name);
            step->kind = &k->kind[i];
            RT_TRY(rt_reading_only(r, o, k->kind[i].known));
            return k->kind[i].read ? k->kind[i].read(step, r, o) : 0;
        }
    return rt_reading_refuse(r, "type '%.60s' is not known", type);
}

int rt_steps_read(struct rt_steps *s, const struct rt_reading *r, const json_t *file, const char *key, const char *list,
                  const struct rt_step_kind *kinds, int count)
{
    const json_t *o = json_object_get(file, key);
    struct rt_reading at = rt_reading_at(r, "%s", key);
    struct steps_kinds k = {list, kinds, count};
    *s = (struct rt_steps){0};
    return !o || json_is_null(o) ? 0 : steps_read_one(s, &at, o, &k, 0);
}

void rt_steps_fini(struct rt_steps *s)
{
    for (int i = 0; i < s->count; i++) {
        free(s->step[i].text);
        rt_pattern_destroy(s->step[i].pattern);
        rt_charsmap_destroy(s->step[i].charsmap);
    }
    free(s->step);
    *s = (struct rt_steps){0};
}

int rt_step_keep_text(struct rt_step *s, const char *text, size_t size)
{
    s->text = malloc(size + 1);
    if (!s->text)
        return RT_EMEM;
    memcpy(s->text, text, size);
    s->text[size] = '\0';
    s->size = size;
    return 0;
}

int rt_steps_normalise(const struct rt_steps *s, struct rt_arena *a, struct rt_span_text *text)
{
    for (int i = 0; i < s->count; i++)
        RT_TRY(s->step[i].kind->normalise(&s->step[i], a, text));
    return 0;
}

int rt_steps_cut(const struct rt_steps *s, struct rt_arena *a, struct rt_pieces *pieces)
{
    for (int i = 0; i < s->count; i++) {
        struct rt_pieces now = {.arena = a};
        for (int k = 0; k < pieces->count; k++) {
            const struct rt_piece *p = &pieces->at[k];
            if (p->id >= 0)
                RT_TRY(rt_pieces_add(&now, p->text, p->id));
            else
                RT_TRY(s->step[i].kind->cut(&s->step[i], &p->text, &now));
        }
        *pieces = now;
    }
    return 0;
}
