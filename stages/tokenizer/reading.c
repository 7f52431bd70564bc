/* SPDX-License-Identifier: MIT
 * reading: see tokenizer_parts.h. Members of a tokenizer.json, each refusal with its place in the file. */
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdarg.h>
#include <stdio.h>
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
