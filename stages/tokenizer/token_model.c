/* SPDX-License-Identifier: MIT
 * token_model: see tokenizer_parts.h: which model a tokenizer.json has, and what its kinds read alike. */
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

static const struct rt_token_model_kind *const kinds[] = {&rt_token_model_wordpiece, &rt_token_model_bpe,
                                                          &rt_token_model_unigram, &rt_token_model_wordlevel};

/* Files of old versions do not say which model it is; then a member that only one of them has does. */
static const char *model_guess(const json_t *o)
{
    if (json_object_get(o, "merges"))
        return "BPE";
    if (json_object_get(o, "unk_id"))
        return "Unigram";
    return json_object_get(o, "continuing_subword_prefix") ? "WordPiece" : NULL;
}

int rt_token_model_read(struct rt_token_model *m, const struct rt_reading *r, const json_t *file)
{
    const json_t *o = json_object_get(file, "model");
    struct rt_reading at = rt_reading_at(r, "model");
    const char *type = json_is_object(o) ? model_guess(o) : NULL;
    *m = (struct rt_token_model){.unknown = -1};
    if (!json_is_object(o))
        return rt_reading_refuse(&at, "it is missing; is this a tokenizer.json?");
    RT_TRY(rt_reading_text(&at, o, "type", &type, NULL));
    for (size_t i = 0; type && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i]->name) == 0) {
            m->kind = kinds[i];
            RT_TRY(rt_reading_only(&at, o, m->kind->known));
            return m->kind->read(m, &at, o);
        }
    return type ? rt_reading_refuse(&at, "type '%.60s' is not known", type)
                : rt_reading_refuse(&at, "it has no type");
}

void rt_token_model_fini(struct rt_token_model *m)
{
    rt_vocab_fini(&m->vocab);
    rt_merges_destroy(m->merges);
    free(m->prefix);
    free(m->suffix);
    free(m->score);
    *m = (struct rt_token_model){.unknown = -1};
}

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
