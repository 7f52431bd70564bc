/* SPDX-License-Identifier: MIT
 * unigram: sentencepiece's model: of all ways to cut a word into pieces, the one whose scores add up to most. A
 * character that is no piece costs 10 more than the worst one, and neighbours of that kind are one unknown token.
 * Scores are added as doubles from the left, and of equal ways the one found first stays: so the sums, and ties, come
 * out as they do elsewhere. */
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_COSTS 10.0

static int piece_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *list, int i)
{
    const json_t *o = json_array_get(list, (size_t)i), *piece = json_array_get(o, 0), *score = json_array_get(o, 1);
    if (json_array_size(o) != 2 || !json_is_string(piece) || !json_is_number(score) ||
        !isfinite(json_number_value(score)))
        return rt_reading_refuse(r, "vocab[%d]: a piece and its score are wanted", i);
    m->score[i] = json_number_value(score);
    m->least = fmin(m->least, m->score[i]);
    if (rt_vocab_put(&m->vocab, json_string_value(piece), json_string_length(piece), i) < 0)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its pieces", r->name);
    return 0;
}

static int unigram_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const json_t *list = json_object_get(o, "vocab");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count >= RT_TOKENIZER_ID_MAX)
        return rt_reading_refuse(r, "vocab: a list of pieces and their scores is wanted");
    m->scores = (int)count;
    m->score = malloc(count * sizeof *m->score);
    if (!m->score)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for its scores", r->name);
    m->least = INFINITY;
    for (int i = 0; i < m->scores; i++)
        RT_TRY(piece_read(m, r, list, i));
    RT_TRY(rt_reading_bool(r, o, "byte_fallback", &m->byte_fallback));
    int unknown = -1;
    RT_TRY(rt_reading_int(r, o, "unk_id", 0, m->scores - 1, &unknown));
    m->unknown = unknown;
    return 0;
}

/* The best way that ends behind so many bytes. */
struct way {
    double score;
    int64_t from; /* of its last piece; -1: none ends here */
    int32_t id;
};

static void way_try(struct way *to, double score, size_t from, int32_t id)
{
    if (to->from < 0 || score > to->score)
        *to = (struct way){score, (int64_t)from, id};
}

/* way: [size + 1]. */
static int ways_find(const struct rt_token_model *m, const char *word, size_t size, struct way *way)
{
    for (size_t i = 0; i <= size; i++)
        way[i] = (struct way){.from = -1};
    for (size_t at = 0, next; at < size; at = next) {
        bool single = false;
        next = at;
        rt_utf8_next(word, size, &next);
        for (size_t end = next; end <= size && end - at <= m->vocab.longest;) {
            int32_t id = rt_vocab_find(&m->vocab, word + at, end - at);
            if (id >= 0)
                way_try(&way[end], m->score[id] + way[at].score, at, id);
            single |= id >= 0 && end == next;
            if (end == size)
                break;
            rt_utf8_next(word, size, &end);
        }
        if (!single && m->unknown < 0)
            return RT_EMISMATCH;
        if (!single)
            way_try(&way[next], m->least - UNKNOWN_COSTS + way[at].score, at, m->unknown);
    }
    return 0;
}

/* What is no piece becomes its bytes, where all of them have tokens. */
static int piece_add(const struct rt_token_model *m, const char *piece, size_t size, struct rt_ids *out)
{
    int32_t id = rt_vocab_find(&m->vocab, piece, size);
    bool bytes = id < 0 && m->byte_fallback;
    for (size_t i = 0; bytes && i < size; i++)
        bytes = rt_vocab_find_byte(&m->vocab, (uint8_t)piece[i]) >= 0;
    if (!bytes)
        return rt_ids_add(out, id >= 0 ? id : m->unknown);
    for (size_t i = 0; i < size; i++)
        RT_TRY(rt_ids_add(out, rt_vocab_find_byte(&m->vocab, (uint8_t)piece[i])));
    return 0;
}

static int unigram_encode(const struct rt_token_model *m, struct rt_arena *a, const char *word, size_t size,
                          struct rt_ids *out)
{
    struct way *way = rt_arena_take(a, (size + 1) * sizeof *way);
    struct rt_matches cut = {.arena = a};
    if (!way)
        return RT_EMEM;
    RT_TRY(ways_find(m, word, size, way));
    for (size_t end = size, start; end > 0; end = start) {
        start = (size_t)way[end].from;
        while (m->unknown >= 0 && way[end].id == m->unknown && start > 0 && way[start].id == m->unknown)
            start = (size_t)way[start].from;
        RT_TRY(rt_matches_add(&cut, start, end, true));
    }
    for (int i = cut.count - 1; i >= 0; i--)
        RT_TRY(piece_add(m, word + cut.at[i].start, cut.at[i].end - cut.at[i].start, out));
    return 0;
}

const struct rt_token_model_kind rt_token_model_unigram = {
    .name = "Unigram",
    .known = (const char *const[]){"vocab", "unk_id", "byte_fallback", NULL},
    .read = unigram_read,
    .encode = unigram_encode,
};
