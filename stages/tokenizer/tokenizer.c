/* SPDX-License-Identifier: MIT
 * tokenizer: see tokenizer.h: a tokenizer.json as a whole, and the way of a text through it. */
#include "stages/tokenizer/tokenizer.h"

#include "formats/file.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

struct rt_tokenizer {
    struct rt_steps normalisers, pretokenisers;
    struct rt_token_model model;
    struct rt_added added;
    struct rt_post post;
    int longest; /* of truncation; 0: none */
    bool cut_left;
    struct rt_token_padding padding;
    struct rt_hash128 hash;
};

/* ---- the file ---- */

static int truncation_read(struct rt_tokenizer *t, const struct rt_reading *r, const json_t *file)
{
    static const char *const known[] = {"direction", "max_length", "strategy", "stride", NULL};
    static const char *const directions[] = {"Right", "Left"}, *const strategies[] = {"LongestFirst", "OnlyFirst"};
    const json_t *o = json_object_get(file, "truncation");
    struct rt_reading at = rt_reading_at(r, "truncation");
    int left = 0, strategy = 0, stride = 0; /* a stride is of further pieces, which nobody asks for */
    if (!o || json_is_null(o))
        return 0;
    RT_TRY(rt_reading_only(&at, o, known));
    RT_TRY(rt_reading_int(&at, o, "max_length", 1, 1 << 24, &t->longest));
    RT_TRY(rt_reading_int(&at, o, "stride", 0, 1 << 24, &stride));
    RT_TRY(rt_reading_word(&at, o, "direction", directions, 2, &left));
    RT_TRY(rt_reading_word(&at, o, "strategy", strategies, 2, &strategy));
    t->cut_left = left;
    return t->longest ? 0 : rt_reading_refuse(&at, "max_length is missing");
}

static int padding_guess(struct rt_tokenizer *t)
{
    static const char *const names[] = {"[PAD]", "<pad>", "<|pad|>", "<PAD>", "<|endoftext|>"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int32_t id = rt_tokenizer_id(t, names[i]);
        if (id >= 0) {
            t->padding.id = id;
            break;
        }
    }
    return 0;
}

static int padding_read(struct rt_tokenizer *t, const struct rt_reading *r, const json_t *file)
{
    static const char *const known[] = {"strategy", "direction", "pad_to_multiple_of", "pad_id", "pad_type_id",
                                        "pad_token", NULL};
    static const char *const directions[] = {"Right", "Left"}, *const batch[] = {"BatchLongest"};
    const json_t *o = json_object_get(file, "padding"), *strategy = json_object_get(o, "strategy");
    struct rt_reading at = rt_reading_at(r, "padding");
    int left = 0, id = 0, type = 0, which = 0;
    t->padding.multiple = 1;
    if (!o || json_is_null(o))
        return padding_guess(t);
    RT_TRY(rt_reading_only(&at, o, known));
    RT_TRY(rt_reading_word(&at, o, "direction", directions, 2, &left));
    RT_TRY(rt_reading_int(&at, o, "pad_to_multiple_of", 1, 1 << 16, &t->padding.multiple));
    RT_TRY(rt_reading_int(&at, o, "pad_id", 0, RT_TOKENIZER_ID_MAX - 1, &id));
    RT_TRY(rt_reading_int(&at, o, "pad_type_id", 0, 1 << 20, &type));
    t->padding.id = id;
    t->padding.type = type;
    t->padding.left = left;
    if (!json_is_object(strategy))
        return rt_reading_word(&at, o, "strategy", batch, 1, &which);
    RT_TRY(rt_reading_only(&at, strategy, (const char *const[]){"Fixed", NULL}));
    return rt_reading_int(&at, strategy, "Fixed", 1, 1 << 24, &t->padding.fixed);
}

static int tokenizer_read(struct rt_tokenizer *t, const struct rt_reading *r, const json_t *file)
{
    static const char *const known[] = {"version", "truncation", "padding", "added_tokens", "normalizer",
                                        "pre_tokenizer", "post_processor", "decoder", "model", NULL};
    const char *version = "1.0";
    RT_TRY(rt_reading_only(r, file, known));
    RT_TRY(rt_reading_text(r, file, "version", &version, NULL));
    if (strcmp(version, "1.0") != 0)
        return rt_reading_refuse(r, "version '%.60s': 1.0 is wanted", version);
    RT_TRY(rt_token_model_read(&t->model, r, file));
    RT_TRY(rt_steps_read(&t->normalisers, r, file, "normalizer", "normalizers", rt_normalisers, rt_normaliser_count));
    RT_TRY(rt_steps_read(&t->pretokenisers, r, file, "pre_tokenizer", "pretokenizers", rt_pretokenisers,
                         rt_pretokeniser_count));
    RT_TRY(rt_added_read(&t->added, r, file, &t->model, &t->normalisers));
    RT_TRY(rt_post_read(&t->post, r, file));
    RT_TRY(truncation_read(t, r, file));
    return padding_read(t, r, file);
}

int rt_tokenizer_read(struct rt_tokenizer **out, const char *json, size_t size, const char *name, struct rt_error *e)
{
    struct rt_reading r = {.name = name, .e = e};
    struct rt_tokenizer *t = *out = calloc(1, sizeof *t);
    json_t *file = NULL;
    json_error_t wrong;
    int rc = t ? rt_json_read(&file, json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong) : RT_EMEM;
    if (rc == RT_EMEM)
        rt_error_set(e, rc, "%s: no memory for it", name);
    else if (rc < 0)
        rt_error_set(e, rc, "%s:%d: %s", name, wrong.line, wrong.text);
    else if ((rc = tokenizer_read(t, &r, file)) < 0 && e && e->code != rc)
        rt_error_set(e, rc, "%s: %s", name, rt_err_words(rc));
    json_decref(file);
    if (rc < 0) {
        rt_tokenizer_close(t);
        *out = NULL;
        return rc;
    }
    t->hash = rt_hash128(json, size, 0);
    return 0;
}

int rt_tokenizer_open(struct rt_tokenizer **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    *out = NULL;
    RT_TRY(rt_file_read(path, RT_TOKENIZER_FILE_MAX, &bytes, &size, e));
    int rc = rt_tokenizer_read(out, (const char *)bytes, size, path, e);
    free(bytes);
    return rc;
}

void rt_tokenizer_close(struct rt_tokenizer *t)
{
    if (!t)
        return;
    rt_steps_fini(&t->normalisers);
    rt_steps_fini(&t->pretokenisers);
    rt_token_model_fini(&t->model);
    rt_added_fini(&t->added);
    rt_post_fini(&t->post);
    free(t);
}

/* ---- a text ---- */

static int text_cut(const struct rt_tokenizer *t, struct rt_arena *a, const char *text, size_t size,
                    struct rt_pieces *pieces)
{
    struct rt_span_text whole = {text, size, 1};
    struct rt_pieces found = {.arena = a};
    RT_TRY(rt_added_cut(&t->added, 0, &whole, &found));
    for (int i = 0; i < found.count; i++) {
        struct rt_piece *p = &found.at[i];
        if (p->id >= 0) {
            RT_TRY(rt_pieces_add(pieces, p->text, p->id));
            continue;
        }
        RT_TRY(rt_steps_normalise(&t->normalisers, a, &p->text));
        RT_TRY(rt_added_cut(&t->added, 1, &p->text, pieces));
    }
    return rt_steps_cut(&t->pretokenisers, a, pieces);
}

static int text_encode(const struct rt_tokenizer *t, struct rt_arena *a, const char *text, size_t size,
                       struct rt_ids *ids)
{
    struct rt_pieces pieces = {.arena = a};
    RT_TRY(text_cut(t, a, text, size, &pieces));
    for (int i = 0; i < pieces.count; i++) {
        const struct rt_piece *p = &pieces.at[i];
        if (p->id >= 0)
            RT_TRY(rt_ids_add(ids, p->id));
        else if (p->text.size)
            RT_TRY(t->model.kind->encode(&t->model, a, p->text.bytes, p->text.size, ids));
    }
    return 0;
}

static int tokens_make(const struct rt_tokenizer *t, const struct rt_ids *ids, int longest, struct rt_tokens *out)
{
    int room = t->longest && (!longest || t->longest < longest) ? t->longest : longest, count = ids->count;
    int most = room > t->post.around ? room - t->post.around : 0;
    const int32_t *from = ids->at;
    out->cut = room && count > most;
    if (out->cut) {
        from += t->cut_left ? count - most : 0;
        count = most;
    }
    size_t all = (size_t)count + (size_t)t->post.around;
    out->id = malloc(all * sizeof *out->id + 1);
    out->type = calloc(all + 1, sizeof *out->type);
    if (!out->id || !out->type) {
        rt_tokens_fini(out);
        return RT_EMEM;
    }
    if (count)
        memcpy(out->id, from, (size_t)count * sizeof *out->id);
    out->count = rt_post_apply(&t->post, out->id, out->type, count);
    return 0;
}

int rt_tokenizer_encode(const struct rt_tokenizer *t, const char *text, size_t size, int longest,
                        struct rt_tokens *out, struct rt_error *e)
{
    struct rt_arena a = {0};
    struct rt_ids ids = {.arena = &a};
    *out = (struct rt_tokens){0};
    size_t bad = rt_utf8_check(text, size);
    if (bad < size)
        return rt_error_set(e, RT_EFORMAT, "byte %zu (0x%02x) is not UTF-8; save the text as UTF-8", bad,
                            (unsigned char)text[bad]);
    if (size > RT_TOKENIZER_TEXT_MAX)
        return rt_error_set(e, RT_ELARGE, "a text of %zu bytes; %zu are the most", size, RT_TOKENIZER_TEXT_MAX);
    int rc = text_encode(t, &a, text, size, &ids);
    if (rc == 0)
        rc = tokens_make(t, &ids, longest, out);
    rt_arena_fini(&a);
    if (rc == RT_EMISMATCH)
        return rt_error_set(e, rc, "the tokenizer has no token for a character of this text, and none for what is "
                            "unknown");
    return rc < 0 ? rt_error_set(e, rc, "no tokens of %zu bytes of text: %s", size, rt_err_words(rc)) : 0;
}

void rt_tokens_fini(struct rt_tokens *k)
{
    free(k->id);
    free(k->type);
    *k = (struct rt_tokens){0};
}

/* ---- what it is ---- */

int rt_tokenizer_longest(const struct rt_tokenizer *t)
{
    return t->longest;
}

int rt_tokenizer_around(const struct rt_tokenizer *t)
{
    return t->post.around;
}

struct rt_token_padding rt_tokenizer_padding(const struct rt_tokenizer *t)
{
    return t->padding;
}

int32_t rt_tokenizer_id(const struct rt_tokenizer *t, const char *token)
{
    int32_t id = rt_added_find(&t->added, token);
    return id >= 0 ? id : rt_vocab_find(&t->model.vocab, token, strlen(token));
}

int32_t rt_tokenizer_last_id(const struct rt_tokenizer *t)
{
    int32_t last = t->model.vocab.last, more[] = {t->added.last, rt_post_last_id(&t->post)};
    for (int i = 0; i < 2; i++)
        last = more[i] > last ? more[i] : last;
    return last;
}

const char *rt_tokenizer_kind(const struct rt_tokenizer *t)
{
    return t->model.kind->name;
}

struct rt_hash128 rt_tokenizer_hash(const struct rt_tokenizer *t)
{
    return t->hash;
}
