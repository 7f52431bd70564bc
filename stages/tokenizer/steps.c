/* SPDX-License-Identifier: MIT
 * steps: see tokenizer_parts.h. The list of a normaliser's or a pre-tokeniser's steps, one after the other. */
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

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
