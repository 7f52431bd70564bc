/* SPDX-License-Identifier: MIT
 * token_model: see tokenizer_parts.h: which model a tokenizer.json has. */
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
