/* SPDX-License-Identifier: MIT
 * token_words: see tokenizer_parts.h. What several kinds of model read alike: vocabulary, unknown word, affixes. */
#include "stages/tokenizer/tokenizer_parts.h"

#include <string.h>

int rt_token_model_read_words(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const json_t *words = json_object_get(o, "vocab");
    const char *word;
    json_t *id;
    if (!json_is_object(words) || json_object_size(words) == 0)
        return rt_reading_refuse(r, "vocab: an object of words and their numbers is wanted");
    json_object_foreach((json_t *)words, word, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= RT_TOKENIZER_ID_MAX)
            return rt_reading_refuse(r, "vocab: '%.60s': a whole number from 0 to %d is wanted", word,
                                     RT_TOKENIZER_ID_MAX - 1);
        if (rt_vocab_put(&m->vocab, word, strlen(word), (int32_t)json_integer_value(id)) < 0)
            return rt_error_set(r->e, RT_EMEM, "%s: no memory for its words", r->name);
    }
    return 0;
}

int rt_token_model_read_unknown(struct rt_token_model *m, const struct rt_reading *r, const json_t *o)
{
    const char *word = NULL;
    size_t size = 0;
    RT_TRY(rt_reading_text(r, o, "unk_token", &word, &size));
    if (!word)
        return 0;
    m->unknown = rt_vocab_find(&m->vocab, word, size);
    return m->unknown >= 0 ? 0 : rt_reading_refuse(r, "unk_token: '%.60s' is not in the vocabulary", word);
}

int rt_token_model_read_affix(char **to, const struct rt_reading *r, const json_t *o, const char *key)
{
    const char *text = NULL;
    RT_TRY(rt_reading_text(r, o, key, &text, NULL));
    if (!text || !text[0])
        return 0;
    *to = strdup(text);
    return *to ? 0 : rt_error_set(r->e, RT_EMEM, "%s: no memory for it", r->name);
}
