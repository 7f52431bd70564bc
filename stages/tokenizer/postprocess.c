/* SPDX-License-Identifier: MIT
 * postprocess: the post-processors of a tokenizer.json: what is put in front of a text's tokens and behind them, and
 * which types (token_type_ids) they have. Only what is said of single texts is read; pairs of texts do not come. */
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define AROUND_MAX 64 /* tokens of one template */
#define NESTED 8

struct rt_template {
    int32_t id[AROUND_MAX], type[AROUND_MAX];
    int before, count; /* those in front of the text; all */
    int32_t text_type;
};

static int template_add(struct rt_template *t, const struct rt_reading *r, int32_t id, int32_t type)
{
    if (t->count == AROUND_MAX)
        return rt_reading_refuse(r, "more than %d tokens", AROUND_MAX);
    t->id[t->count] = id;
    t->type[t->count++] = type;
    return 0;
}

/* ---- TemplateProcessing ---- */

static int template_add_special(struct rt_template *t, const struct rt_reading *r, const json_t *specials,
                                const char *name, int type)
{
    const json_t *special = json_object_get(specials, name), *ids = json_object_get(special, "ids");
    if (!json_is_array(ids))
        return rt_reading_refuse(r, "'%.60s' is not in special_tokens", name);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= RT_TOKENIZER_ID_MAX)
            return rt_reading_refuse(r, "special_tokens: '%.60s': ids: whole numbers from 0 are wanted", name);
        RT_TRY(template_add(t, r, (int32_t)json_integer_value(id), type));
    }
    return 0;
}

static int template_read_piece(struct rt_template *t, const struct rt_reading *r, const json_t *o,
                               const json_t *specials)
{
    static const char *const members[] = {"id", "type_id", NULL};
    const json_t *text = json_object_get(o, "Sequence"), *piece = text ? text : json_object_get(o, "SpecialToken");
    const char *id = NULL;
    int type = 0;
    if (json_object_size(o) != 1 || !piece)
        return rt_reading_refuse(r, "a Sequence or a SpecialToken is wanted");
    RT_TRY(rt_reading_only(r, piece, members));
    RT_TRY(rt_reading_text(r, piece, "id", &id, NULL));
    RT_TRY(rt_reading_int(r, piece, "type_id", 0, 1 << 20, &type));
    if (!id)
        return rt_reading_refuse(r, "id is missing");
    if (!text)
        return template_add_special(t, r, specials, id, type);
    if (strcmp(id, "A") != 0 || t->before >= 0)
        return rt_reading_refuse(r, "one text, A, is wanted");
    t->before = t->count;
    t->text_type = type;
    return 0;
}

static int template_read(struct rt_template *t, const struct rt_reading *r, const json_t *o)
{
    static const char *const known[] = {"single", "pair", "special_tokens", NULL};
    const json_t *single = json_object_get(o, "single"), *specials = json_object_get(o, "special_tokens");
    RT_TRY(rt_reading_only(r, o, known));
    if (!json_is_array(single))
        return rt_reading_refuse(r, "single: a list is wanted");
    for (size_t i = 0; i < json_array_size(single); i++) {
        struct rt_reading at = rt_reading_at(r, "single[%zu]", i);
        RT_TRY(template_read_piece(t, &at, json_array_get(single, i), specials));
    }
    return t->before >= 0 ? 0 : rt_reading_refuse(r, "single: the text, A, is missing");
}

/* ---- BertProcessing, RobertaProcessing: [CLS] text [SEP] ---- */

static int around_read(struct rt_template *t, const struct rt_reading *r, const json_t *o)
{
    static const char *const known[] = {"sep", "cls", "trim_offsets", "add_prefix_space", NULL};
    static const char *const end[] = {"cls", "sep"};
    RT_TRY(rt_reading_only(r, o, known));
    for (int i = 0; i < 2; i++) {
        const json_t *id = json_array_get(json_object_get(o, end[i]), 1);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= RT_TOKENIZER_ID_MAX)
            return rt_reading_refuse(r, "%s: a token and its id are wanted", end[i]);
        RT_TRY(template_add(t, r, (int32_t)json_integer_value(id), 0));
    }
    t->before = 1;
    return 0;
}

static int post_read_one(struct rt_post *p, const struct rt_reading *r, const json_t *o, int depth);

static int post_read_list(struct rt_post *p, const struct rt_reading *r, const json_t *o, int depth)
{
    const json_t *list = json_object_get(o, "processors");
    if (!json_is_array(list) || depth == NESTED)
        return rt_reading_refuse(r, "processors: a list is wanted, at most %d deep", NESTED);
    RT_TRY(rt_reading_only(r, o, (const char *const[]){"processors", NULL}));
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct rt_reading at = rt_reading_at(r, "processors[%zu]", i);
        RT_TRY(post_read_one(p, &at, json_array_get(list, i), depth + 1));
    }
    return 0;
}

/* ByteLevel only says which places of the text tokens came from, and nobody asks. */
static int post_read_one(struct rt_post *p, const struct rt_reading *r, const json_t *o, int depth)
{
    static const char *const byte_level[] = {"add_prefix_space", "trim_offsets", "use_regex", NULL};
    const char *type = NULL;
    if (!json_is_object(o))
        return rt_reading_refuse(r, "an object is wanted");
    RT_TRY(rt_reading_text(r, o, "type", &type, NULL));
    if (type && strcmp(type, "Sequence") == 0)
        return post_read_list(p, r, o, depth);
    if (type && strcmp(type, "ByteLevel") == 0)
        return rt_reading_only(r, o, byte_level);
    bool is_template = type && strcmp(type, "TemplateProcessing") == 0;
    if (!is_template && !(type && (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0)))
        return rt_reading_refuse(r, "type '%.60s' is not known", type ? type : "");
    struct rt_template *now = realloc(p->template, ((size_t)p->templates + 1) * sizeof *now);
    if (!now)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its post-processors", r->name);
    p->template = now;
    struct rt_template *t = &now[p->templates++];
    *t = (struct rt_template){.before = -1};
    RT_TRY(is_template ? template_read(t, r, o) : around_read(t, r, o));
    p->around += t->count;
    return 0;
}

int rt_post_read(struct rt_post *p, const struct rt_reading *r, const json_t *file)
{
    const json_t *o = json_object_get(file, "post_processor");
    struct rt_reading at = rt_reading_at(r, "post_processor");
    *p = (struct rt_post){0};
    return !o || json_is_null(o) ? 0 : post_read_one(p, &at, o, 0);
}

void rt_post_fini(struct rt_post *p)
{
    free(p->template);
    *p = (struct rt_post){0};
}

int rt_post_apply(const struct rt_post *p, int32_t *id, int32_t *type, int count)
{
    for (int k = 0; k < p->templates; k++) {
        const struct rt_template *t = &p->template[k];
        size_t before = (size_t)t->before, after = (size_t)(t->count - t->before), n = (size_t)count;
        memmove(id + before, id, n * sizeof *id);
        for (size_t i = 0; i < n; i++)
            type[before + i] = t->text_type;
        memcpy(id, t->id, before * sizeof *id);
        memcpy(type, t->type, before * sizeof *type);
        memcpy(id + before + n, t->id + before, after * sizeof *id);
        memcpy(type + before + n, t->type + before, after * sizeof *type);
        count += t->count;
    }
    return count;
}

int32_t rt_post_last_id(const struct rt_post *p)
{
    int32_t last = -1;
    for (int k = 0; k < p->templates; k++)
        for (int i = 0; i < p->template[k].count; i++)
            last = p->template[k].id[i] > last ? p->template[k].id[i] : last;
    return last;
}
