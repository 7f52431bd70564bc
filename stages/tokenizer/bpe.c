/* SPDX-License-Identifier: MIT
 * bpe: byte pair encoding: a word is its characters; of all pairs of neighbours that the file has a merge for, the one
 * whose merge stands first there (of the same, the leftmost) becomes one token, until none is left. Pairs wait in a
 * heap: some files cut no words, so that a whole text is one. */
#include "formats/hash.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- merges: a pair of tokens -> its rank and what it becomes ---- */

struct merge {
    int32_t left, right; /* left -1: free */
    int32_t rank, into;
};

struct rt_merges {
    size_t slots; /* a power of two */
    struct merge slot[];
};

static struct merge *merges_slot(struct rt_merges *m, int32_t left, int32_t right)
{
    int32_t pair[2] = {left, right};
    size_t at = rt_hash64(pair, sizeof pair, 0) & (m->slots - 1);
    while (m->slot[at].left >= 0 && (m->slot[at].left != left || m->slot[at].right != right))
        at = (at + 1) & (m->slots - 1);
    return &m->slot[at];
}

void rt_merges_destroy(struct rt_merges *m)
{
    free(m);
}

/* The two halves of one entry: ["a", "b"], or "a b" as old files have it. */
static bool merge_halves(const json_t *o, const char *half[2], size_t size[2])
{
    if (json_is_array(o) && json_array_size(o) == 2) {
        for (size_t i = 0; i < 2; i++) {
            half[i] = json_string_value(json_array_get(o, i));
            size[i] = json_string_length(json_array_get(o, i));
        }
        return half[0] && half[1];
    }
    const char *text = json_string_value(o), *blank = text ? strchr(text, ' ') : NULL;
    if (!blank || strchr(blank + 1, ' ') || strlen(text) != json_string_length(o))
        return false;
    half[0] = text;
    half[1] = blank + 1;
    size[0] = (size_t)(blank - text);
    size[1] = strlen(blank + 1);
    return true;
}

static int merge_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o, int32_t rank)
{
    const char *half[2];
    size_t size[2], prefix = m->prefix ? strlen(m->prefix) : 0;
    int32_t id[2];
    if (!merge_halves(o, half, size))
        return rt_reading_refuse(r, "two tokens are wanted");
    for (int i = 0; i < 2; i++) {
        id[i] = rt_vocab_find(&m->vocab, half[i], size[i]);
        if (id[i] < 0)
            return rt_reading_refuse(r, "'%.*s' is not in the vocabulary", (int)(size[i] < 60 ? size[i] : 60), half[i]);
    }
    if (size[1] < prefix)
        return rt_reading_refuse(r, "the second token is shorter than continuing_subword_prefix");
    char *whole = malloc(size[0] + size[1]);
    if (!whole)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its merges", r->name);
    memcpy(whole, half[0], size[0]);
    memcpy(whole + size[0], half[1] + prefix, size[1] - prefix);
    int32_t into = rt_vocab_find(&m->vocab, whole, size[0] + size[1] - prefix);
    free(whole);
    if (into < 0)
        return rt_reading_refuse(r, "what it makes is not in the vocabulary");
    *merges_slot(m->merges, id[0], id[1]) = (struct merge){id[0], id[1], rank, into};
    return 0;
}

static int merges_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const json_t *list = json_object_get(o, "merges");
    size_t count = json_array_size(list), slots = 16;
    if (!json_is_array(list) || count > RT_TOKENIZER_ID_MAX)
        return rt_reading_refuse(r, "merges: a list is wanted");
    while (slots < 2 * count)
        slots *= 2;
    m->merges = malloc(sizeof *m->merges + slots * sizeof(struct merge));
    if (!m->merges)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its merges", r->name);
    m->merges->slots = slots;
    for (size_t i = 0; i < slots; i++)
        m->merges->slot[i].left = -1;
    for (size_t i = 0; i < count; i++) {
        struct rt_reading at = rt_reading_at(r, "merges[%zu]", i);
        RT_TRY(merge_read(m, &at, json_array_get(list, i), (int32_t)i));
    }
    return 0;
}

static int bpe_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const json_t *dropout = json_object_get(o, "dropout");
    if (dropout && !json_is_null(dropout) && json_number_value(dropout) != 0)
        return rt_reading_refuse(r, "dropout: tokens would be chance; null is wanted");
    RT_TRY(rt_token_model_read_words(m, r, o));
    RT_TRY(rt_token_model_read_unknown(m, r, o));
    RT_TRY(rt_token_model_read_affix(&m->prefix, r, o, "continuing_subword_prefix"));
    RT_TRY(rt_token_model_read_affix(&m->suffix, r, o, "end_of_word_suffix"));
    RT_TRY(rt_reading_bool(r, o, "byte_fallback", &m->byte_fallback));
    RT_TRY(rt_reading_bool(r, o, "fuse_unk", &m->fuse_unknown));
    RT_TRY(rt_reading_bool(r, o, "ignore_merges", &m->ignore_merges));
    return merges_read(m, r, o);
}

/* ---- a word: symbols in a chain, and pairs in a heap ---- */

struct symbol {
    int32_t id; /* -1: merged into the one before */
    int before, after; /* -1: none */
};

struct pair {
    int32_t rank, into;
    int at; /* its left symbol */
};

struct word {
    const struct rt_token_model *m;
    struct symbol *symbol;
    int count;
    struct pair *heap;
    int pairs;
};

static bool pair_is_sooner(const struct pair *a, const struct pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void word_push(struct word *w, int at)
{
    const struct symbol *s = &w->symbol[at];
    if (at < 0 || s->after < 0)
        return;
    const struct merge *m = merges_slot(w->m->merges, s->id, w->symbol[s->after].id);
    if (m->left < 0)
        return;
    struct pair p = {m->rank, m->into, at};
    int i = w->pairs++;
    for (; i > 0 && pair_is_sooner(&p, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = p;
}

static struct pair word_pop(struct word *w)
{
    struct pair top = w->heap[0], last = w->heap[--w->pairs];
    int i = 0;
    for (int child; (child = 2 * i + 1) < w->pairs; i = child) {
        child += child + 1 < w->pairs && pair_is_sooner(&w->heap[child + 1], &w->heap[child]);
        if (!pair_is_sooner(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

/* A pair that has changed since it was pushed is not what its symbols make now. */
static void word_merge(struct word *w)
{
    for (int i = 0; i < w->count; i++)
        word_push(w, i);
    while (w->pairs) {
        struct pair p = word_pop(w);
        struct symbol *s = &w->symbol[p.at];
        if (s->id < 0 || s->after < 0)
            continue;
        struct symbol *next = &w->symbol[s->after];
        const struct merge *m = merges_slot(w->m->merges, s->id, next->id);
        if (m->left < 0 || m->into != p.into)
            continue;
        s->id = p.into;
        next->id = -1;
        s->after = next->after;
        if (s->after >= 0)
            w->symbol[s->after].before = p.at;
        if (s->before >= 0)
            word_push(w, s->before);
        word_push(w, p.at);
    }
}

static void word_add(struct word *w, int32_t id)
{
    w->symbol[w->count] = (struct symbol){id, w->count - 1, w->count + 1};
    w->count++;
}

/* ---- characters -> symbols ----
 * What has no token is its bytes, where the file has tokens for them, else unknown, else it goes without a trace: so it
 * is in the format. */

static bool word_add_bytes(struct word *w, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (rt_vocab_find_byte(&w->m->vocab, (uint8_t)bytes[i]) < 0)
            return false;
    for (size_t i = 0; i < size; i++)
        word_add(w, rt_vocab_find_byte(&w->m->vocab, (uint8_t)bytes[i]));
    return true;
}

/* key: room for a character with prefix and suffix. */
static void word_spell(struct word *w, const char *text, size_t size, char *key)
{
    const struct rt_token_model *m = w->m;
    size_t prefix = m->prefix ? strlen(m->prefix) : 0, suffix = m->suffix ? strlen(m->suffix) : 0;
    bool unknown = false;
    for (size_t at = 0, start; at < size;) {
        start = at;
        rt_utf8_next(text, size, &at);
        size_t n = 0;
        if (start > 0 && prefix)
            memcpy(key, m->prefix, n = prefix);
        memcpy(key + n, text + start, at - start);
        n += at - start;
        if (at == size && suffix) {
            memcpy(key + n, m->suffix, suffix);
            n += suffix;
        }
        int32_t id = rt_vocab_find(&m->vocab, key, n);
        if (id < 0 && m->byte_fallback && word_add_bytes(w, key, n))
            continue;
        if (unknown && (id >= 0 || !m->fuse_unknown))
            word_add(w, m->unknown);
        unknown = id < 0 && m->unknown >= 0;
        if (id >= 0)
            word_add(w, id);
    }
    if (unknown)
        word_add(w, m->unknown);
}

static int bpe_encode(const struct rt_token_model *m, struct rt_arena *a, const char *text, size_t size,
                      struct rt_ids *out)
{
    size_t prefix = m->prefix ? strlen(m->prefix) : 0, suffix = m->suffix ? strlen(m->suffix) : 0;
    int32_t whole = m->ignore_merges ? rt_vocab_find(&m->vocab, text, size) : -1;
    struct word w = {.m = m};
    if (whole >= 0)
        return rt_ids_add(out, whole);
    if (prefix > 60 || suffix > 60 || size > INT_MAX / 256)
        return RT_ELARGE;
    /* A symbol for each byte at most, with those of affixes; a pair for each neighbour, two more for each merge. */
    size_t room = size * (1 + prefix) + suffix;
    w.symbol = rt_arena_take(a, room * sizeof *w.symbol);
    w.heap = rt_arena_take(a, 3 * room * sizeof *w.heap);
    char *key = rt_arena_take(a, 4 + prefix + suffix);
    if (!w.symbol || !w.heap || !key)
        return RT_EMEM;
    word_spell(&w, text, size, key);
    if (w.count == 0)
        return 0;
    w.symbol[w.count - 1].after = -1;
    word_merge(&w);
    for (int i = 0; i >= 0; i = w.symbol[i].after)
        RT_TRY(rt_ids_add(out, w.symbol[i].id));
    return 0;
}

const struct rt_token_model_kind rt_token_model_bpe = {
    .name = "BPE",
    .known = (const char *const[]){"vocab", "merges", "unk_token", "dropout", "continuing_subword_prefix",
                                   "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", NULL},
    .read = bpe_read,
    .encode = bpe_encode,
};
