/* SPDX-License-Identifier: MIT
 * wordpiece: WordPiece: the longest token that a word begins with, then the longest that continues it, and so on; a
 * word of which any part has no token is unknown as a whole. And WordLevel: whole words only. */
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <string.h>

static int wordpiece_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const char *prefix = "##";
    m->longest_word = 100;
    RT_TRY(rt_reading_int(r, o, "max_input_chars_per_word", 0, 1 << 20, &m->longest_word));
    RT_TRY(rt_token_model_read_words(m, r, o));
    RT_TRY(rt_token_model_read_unknown(m, r, o));
    RT_TRY(rt_reading_text(r, o, "continuing_subword_prefix", &prefix, NULL));
    m->prefix = strdup(prefix);
    if (!m->prefix)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for it", r->name);
    if (m->unknown < 0)
        m->unknown = rt_vocab_find(&m->vocab, "[UNK]", 5);
    return m->unknown >= 0 ? 0 : rt_reading_refuse(r, "unk_token is missing");
}

/* The longest token at `at`: its end, or 0. key: room for the word behind the prefix. */
static size_t wordpiece_longest(const struct rt_token_model *m, const char *word, size_t size, size_t at, char *key,
                                int32_t *id)
{
    size_t before = at ? strlen(m->prefix) : 0;
    size_t room = m->vocab.longest > before ? m->vocab.longest - before : 0;
    size_t end = size - at < room ? size : at + room;
    memcpy(key, m->prefix, before);
    for (memcpy(key + before, word + at, end - at); end > at; end--) {
        if (end < size && ((uint8_t)word[end] & 0xC0) == 0x80)
            continue; /* inside of a character */
        *id = rt_vocab_find(&m->vocab, key, before + end - at);
        if (*id >= 0)
            return end;
    }
    return 0;
}

static int wordpiece_encode(const struct rt_token_model *m, struct rt_arena *a, const char *word, size_t size,
                            struct rt_ids *out)
{
    int chars = 0, before = out->count;
    for (size_t i = 0; i < size; i++)
        chars += ((uint8_t)word[i] & 0xC0) != 0x80;
    if (chars > m->longest_word)
        return rt_ids_add(out, m->unknown);
    char *key = rt_arena_take(a, size + strlen(m->prefix));
    if (!key)
        return RT_EMEM;
    for (size_t at = 0; at < size;) {
        int32_t id;
        size_t end = wordpiece_longest(m, word, size, at, key, &id);
        if (end == 0) {
            out->count = before;
            return rt_ids_add(out, m->unknown);
        }
        RT_TRY(rt_ids_add(out, id));
        at = end;
    }
    return 0;
}

const struct rt_token_model_kind rt_token_model_wordpiece = {
    .name = "WordPiece",
    .known = (const char *const[]){"vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", NULL},
    .read = wordpiece_read,
    .encode = wordpiece_encode,
};

/* ---- whole words ---- */

static int wordlevel_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    RT_TRY(rt_token_model_read_words(m, r, o));
    return rt_token_model_read_unknown(m, r, o);
}

static int wordlevel_encode(const struct rt_token_model *m, struct rt_arena *a, const char *word, size_t size,
                            struct rt_ids *out)
{
    int32_t id = rt_vocab_find(&m->vocab, word, size);
    (void)a;
    if (id < 0 && m->unknown < 0)
        return RT_EMISMATCH;
    return rt_ids_add(out, id >= 0 ? id : m->unknown);
}

const struct rt_token_model_kind rt_token_model_wordlevel = {
    .name = "WordLevel",
    .known = (const char *const[]){"vocab", "unk_token", NULL},
    .read = wordlevel_read,
    .encode = wordlevel_encode,
};
