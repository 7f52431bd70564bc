/* SPDX-License-Identifier: MIT
 * added: added tokens ("[CLS]", "<|endoftext|>"): found in the text before anything else is done to it, or, those that
 * are normalised, in what normalising made of it. Of several that begin at one place the longest counts; they do not
 * overlap. */
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

struct rt_added_token {
    char *name;    /* as the file has it */
    char *content; /* what is looked for: normalised where it says so */
    size_t size;
    int32_t id;
    int order;
    bool single_word, lstrip, rstrip, normalised, special;
};

/* ---- reading ---- */

static int token_keep(struct rt_added_token *t, const char *content, size_t size, const struct rt_steps *normalisers)
{
    struct rt_arena a = {0};
    struct rt_span_text text = {content, size, 1};
    int rc = t->normalised ? rt_steps_normalise(normalisers, &a, &text) : 0;
    if (rc == 0) {
        t->name = malloc(size + 1);
        t->content = malloc(text.size + 1);
        rc = t->name && t->content ? 0 : RT_EMEM;
    }
    if (rc == 0) {
        memcpy(t->name, content, size);
        t->name[size] = '\0';
        memcpy(t->content, text.bytes, text.size);
        t->size = text.size;
    }
    rt_arena_fini(&a);
    return rc;
}

static int token_read(struct rt_added_token *t, const struct rt_reading *r, const json_t *o,
                      const struct rt_token_model *m, const struct rt_steps *normalisers)
{
    static const char *const known[] = {"id",     "content",    "single_word", "lstrip",
                                        "rstrip", "normalized", "special",     NULL};
    const char *content = NULL;
    size_t size = 0;
    int id = -1;
    t->normalised = true;
    RT_TRY(rt_reading_only(r, o, known));
    RT_TRY(rt_reading_text(r, o, "content", &content, &size));
    RT_TRY(rt_reading_int(r, o, "id", 0, RT_TOKENIZER_ID_MAX - 1, &id));
    RT_TRY(rt_reading_bool(r, o, "single_word", &t->single_word));
    RT_TRY(rt_reading_bool(r, o, "lstrip", &t->lstrip));
    RT_TRY(rt_reading_bool(r, o, "rstrip", &t->rstrip));
    RT_TRY(rt_reading_bool(r, o, "special", &t->special));
    t->normalised = !t->special;
    RT_TRY(rt_reading_bool(r, o, "normalized", &t->normalised));
    if (!content || id < 0)
        return rt_reading_refuse(r, "content and id are wanted");
    int32_t known_as = rt_vocab_find(&m->vocab, content, size);
    if (known_as >= 0 && known_as != id)
        return rt_reading_refuse(r, "'%.60s' has id %d here and %d in the vocabulary", content, id, (int)known_as);
    t->id = id;
    int rc = token_keep(t, content, size, normalisers);
    return rc < 0 ? rt_error_set(r->e, rc, "%s: %s: %s", r->name, r->place, rt_err_words(rc)) : 0;
}

/* By list, first byte, length downwards; of the same content special ones first, then as they stand in the file. */
static int token_compare(const void *one, const void *other)
{
    const struct rt_added_token *a = one, *b = other;
    if (a->normalised != b->normalised)
        return a->normalised - b->normalised;
    int x = a->size ? (uint8_t)a->content[0] : -1, y = b->size ? (uint8_t)b->content[0] : -1;
    if (x != y)
        return x - y;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return a->special != b->special ? b->special - a->special : a->order - b->order;
}

static int added_index(struct rt_added *d, const struct rt_reading *r)
{
    bool alone = false;
    memset(d->first, -1, sizeof d->first);
    qsort(d->token, (size_t)d->count, sizeof *d->token, token_compare);
    for (int i = d->count - 1; i >= 0; i--) {
        const struct rt_added_token *t = &d->token[i];
        if (t->size)
            d->first[t->normalised][(uint8_t)t->content[0]] = i;
        alone |= t->single_word;
    }
    return alone ? rt_pattern_create(&d->word, r, rt_pattern_word, strlen(rt_pattern_word)) : 0;
}

int rt_added_read(struct rt_added *d, const struct rt_reading *r, const json_t *file, struct rt_token_model *m,
                  const struct rt_steps *normalisers)
{
    const json_t *list = json_object_get(file, "added_tokens");
    size_t count = json_array_size(list);
    *d = (struct rt_added){.last = -1};
    memset(d->first, -1, sizeof d->first);
    if (!list || json_is_null(list) || (json_is_array(list) && count == 0))
        return 0;
    struct rt_reading here = rt_reading_at(r, "added_tokens");
    if (!json_is_array(list) || count >= RT_TOKENIZER_ID_MAX)
        return rt_reading_refuse(&here, "a list is wanted");
    d->token = calloc(count, sizeof *d->token);
    if (!d->token)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its added tokens", r->name);
    for (size_t i = 0; i < count; i++) {
        struct rt_reading at = rt_reading_at(r, "added_tokens[%zu]", i);
        d->count++;
        d->token[i].order = (int)i;
        RT_TRY(token_read(&d->token[i], &at, json_array_get(list, i), m, normalisers));
        d->last = d->token[i].id > d->last ? d->token[i].id : d->last;
    }
    return added_index(d, &here);
}

void rt_added_fini(struct rt_added *d)
{
    for (int i = 0; i < d->count; i++) {
        free(d->token[i].name);
        free(d->token[i].content);
    }
    free(d->token);
    rt_pattern_destroy(d->word);
    *d = (struct rt_added){0};
}

int32_t rt_added_find(const struct rt_added *d, const char *token)
{
    for (int i = 0; i < d->count; i++)
        if (strcmp(d->token[i].name, token) == 0)
            return d->token[i].id;
    return -1;
}

/* ---- finding ---- */

static const struct rt_added_token *added_at(const struct rt_added *d, int normalised, const char *text, size_t size)
{
    int i = d->first[normalised][(uint8_t)text[0]];
    for (; i >= 0 && i < d->count; i++) {
        const struct rt_added_token *t = &d->token[i];
        if (t->normalised != (normalised != 0) || t->content[0] != text[0])
            break;
        if (t->size <= size && memcmp(t->content, text, t->size) == 0)
            return t;
    }
    return NULL;
}

/* Is the character that these bytes are one of a word? RT_EMEM, RT_ERANGE. */
static int char_is_word(const struct rt_added *d, struct rt_arena *a, const char *text, size_t size)
{
    struct rt_matches m = {.arena = a};
    RT_TRY(rt_pattern_find(d->word, text, size, &m));
    return m.count == 1 && m.at[0].is;
}

static size_t char_before(const char *text, size_t at)
{
    do
        at--;
    while (at > 0 && ((uint8_t)text[at] & 0xC0) == 0x80);
    return at;
}

/* 1: no character of a word stands beside it. */
static int token_stands_alone(const struct rt_added *d, struct rt_arena *a, const struct rt_span_text *s, size_t start,
                              size_t end)
{
    size_t before = start ? char_before(s->bytes, start) : 0, after = end;
    int joined = start ? char_is_word(d, a, s->bytes + before, start - before) : 0;
    RT_TRY(joined);
    if (joined || end == s->size)
        return !joined;
    rt_utf8_next(s->bytes, s->size, &after);
    joined = char_is_word(d, a, s->bytes + end, after - end);
    return joined < 0 ? joined : !joined;
}

static size_t blanks_before(const struct rt_span_text *s, size_t start, size_t least)
{
    while (start > least) {
        size_t at = char_before(s->bytes, start), next = at;
        if (!rt_unicode_is_space(rt_utf8_next(s->bytes, s->size, &next)))
            break;
        start = at;
    }
    return start < least ? least : start;
}

static size_t blanks_after(const struct rt_span_text *s, size_t end)
{
    for (size_t next = end; end < s->size; end = next)
        if (!rt_unicode_is_space(rt_utf8_next(s->bytes, s->size, &next)))
            break;
    return end;
}

int rt_added_cut(const struct rt_added *d, int normalised, const struct rt_span_text *s, struct rt_pieces *out)
{
    size_t done = 0;
    for (size_t at = 0; at < s->size;) {
        const struct rt_added_token *t = added_at(d, normalised, s->bytes + at, s->size - at);
        size_t start = at, end = at + (t ? t->size : 1);
        at = end;
        if (!t || start < done) /* blanks behind the one before were taken */
            continue;
        int alone = t->single_word ? token_stands_alone(d, out->arena, s, start, end) : 1;
        RT_TRY(alone);
        if (!alone)
            continue;
        start = t->lstrip ? blanks_before(s, start, done) : start;
        end = t->rstrip ? blanks_after(s, end) : end;
        if (start > done)
            RT_TRY(rt_pieces_add(out, rt_part_of(s, done, start), -1));
        RT_TRY(rt_pieces_add(out, rt_part_of(s, start, end), t->id));
        done = end;
    }
    return done < s->size ? rt_pieces_add(out, rt_part_of(s, done, s->size), -1) : 0;
}
