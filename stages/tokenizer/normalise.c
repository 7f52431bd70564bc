/* SPDX-License-Identifier: MIT
 * normalise: the normalisers of a tokenizer.json, a row each at the end of this file. Each writes the text anew.
 * Which characters at the beginning stem from the first is kept, as Metaspace asks whether a piece has one of them. */
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static int text_end(struct rt_span_text *text, const struct rt_writer *w, int first)
{
    *text = (struct rt_span_text){w->bytes ? w->bytes : "", w->size, first};
    return w->failed;
}

/* What becomes of a character: to[] of it, or none. `context` is the caller's. */
typedef int (*char_rule)(const struct rt_step *s, int32_t c, int32_t to[3]);

static int text_map(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text, char_rule rule)
{
    struct rt_writer w = {.arena = a};
    int first = 0, leading = text->first;
    for (size_t at = 0; at < text->size; leading--) {
        int32_t to[3];
        int n = rule(s, rt_utf8_next(text->bytes, text->size, &at), to);
        for (int i = 0; i < n; i++)
            rt_write_char(&w, to[i]);
        first += leading > 0 ? n : 0;
    }
    return text_end(text, &w, first);
}

/* ---- forms of Unicode ---- */

static int count_chars(const char *text, size_t size)
{
    int n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

/* As many characters as the first ones make alone: what composes with them is part of them. */
static int form_first(const struct rt_span_text *text, enum rt_unicode_form form, int *first)
{
    char *now;
    size_t at = 0, size;
    for (int i = 0; i < text->first && at < text->size; i++)
        rt_utf8_next(text->bytes, text->size, &at);
    RT_TRY(rt_unicode_form(text->bytes, at, form, &now, &size));
    *first = count_chars(now, size);
    free(now);
    return 0;
}

static int text_form(struct rt_arena *a, struct rt_span_text *text, enum rt_unicode_form form)
{
    struct rt_writer w = {.arena = a};
    char *now;
    size_t size;
    int first;
    RT_TRY(form_first(text, form, &first));
    RT_TRY(rt_unicode_form(text->bytes, text->size, form, &now, &size));
    rt_write_bytes(&w, now, size);
    free(now);
    return text_end(text, &w, first);
}

#define FORM(name, form)                                                                           \
    static int name(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)        \
    {                                                                                              \
        (void)s;                                                                                   \
        return text_form(a, text, form);                                                           \
    }
FORM(normalise_nfc, RT_UNICODE_NFC)
FORM(normalise_nfd, RT_UNICODE_NFD)
FORM(normalise_nfkc, RT_UNICODE_NFKC)
FORM(normalise_nfkd, RT_UNICODE_NFKD)

/* ---- BERT ---- */

static bool char_is_control(int32_t c)
{
    return c != '\t' && c != '\n' && c != '\r' && rt_unicode_category(c)[0] == 'C';
}

static int char_clean(const struct rt_step *s, int32_t c, int32_t to[3])
{
    (void)s;
    to[0] = rt_unicode_is_space(c) ? ' ' : c;
    return c != 0 && c != 0xFFFD && !char_is_control(c);
}

/* The blocks of ideographs that BERT sets blanks around; scripts of Japan and Korea are none. */
static int char_part_ideographs(const struct rt_step *s, int32_t c, int32_t to[3])
{
    static const int32_t block[][2] = {{0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
                                       {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
    (void)s;
    to[0] = c;
    for (int i = 0; i < COUNT(block); i++)
        if (c >= block[i][0] && c <= block[i][1]) {
            to[0] = to[2] = ' ';
            to[1] = c;
            return 3;
        }
    return 1;
}

static int char_drop_nonspacing(const struct rt_step *s, int32_t c, int32_t to[3])
{
    (void)s;
    to[0] = c;
    return strcmp(rt_unicode_category(c), "Mn") != 0;
}

static int char_drop_marks(const struct rt_step *s, int32_t c, int32_t to[3])
{
    (void)s;
    to[0] = c;
    return rt_unicode_category(c)[0] != 'M';
}

static int char_lower(const struct rt_step *s, int32_t c, int32_t to[3])
{
    (void)s;
    return rt_unicode_lower(c, to);
}

static int bert_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    s->clean_text = s->handle_chinese_chars = s->lowercase = true;
    RT_TRY(rt_reading_bool(r, o, "clean_text", &s->clean_text));
    RT_TRY(rt_reading_bool(r, o, "handle_chinese_chars", &s->handle_chinese_chars));
    RT_TRY(rt_reading_bool(r, o, "lowercase", &s->lowercase));
    s->strip_accents = s->lowercase; /* where the file does not say */
    return rt_reading_bool(r, o, "strip_accents", &s->strip_accents);
}

static int normalise_bert(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    if (s->clean_text)
        RT_TRY(text_map(s, a, text, char_clean));
    if (s->handle_chinese_chars)
        RT_TRY(text_map(s, a, text, char_part_ideographs));
    if (s->strip_accents) {
        RT_TRY(text_form(a, text, RT_UNICODE_NFD));
        RT_TRY(text_map(s, a, text, char_drop_nonspacing));
    }
    return s->lowercase ? text_map(s, a, text, char_lower) : 0;
}

/* ---- sentencepiece's ---- */

static int char_nmt(const struct rt_step *s, int32_t c, int32_t to[3])
{
    static const int32_t blank[] = {9, 10, 12, 13, 0x1680, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029,
                                    0x2581, 0xFEFF, 0xFFFD};
    (void)s;
    to[0] = c;
    for (int i = 0; i < COUNT(blank); i++)
        if (c == blank[i])
            to[0] = ' ';
    return !((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F);
}

static int normalise_nmt(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    return text_map(s, a, text, char_nmt);
}

static int precompiled_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    const char *table = NULL;
    RT_TRY(rt_reading_text(r, o, "precompiled_charsmap", &table, NULL));
    return table ? rt_charsmap_read(&s->charsmap, r, table, strlen(table))
                 : rt_reading_refuse(r, "precompiled_charsmap is missing");
}

static int normalise_precompiled(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    struct rt_writer w = {.arena = a};
    RT_TRY(rt_charsmap_write(s->charsmap, text->bytes, text->size, &w));
    return text_end(text, &w, text->first);
}

/* ---- single ones ---- */

static int normalise_lower(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    return text_map(s, a, text, char_lower);
}

static int normalise_marks(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    return text_map(s, a, text, char_drop_marks);
}

static int strip_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    s->strip_left = s->strip_right = true;
    RT_TRY(rt_reading_bool(r, o, "strip_left", &s->strip_left));
    return rt_reading_bool(r, o, "strip_right", &s->strip_right);
}

static int normalise_strip(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    size_t start = 0, end = 0;
    bool any = false;
    (void)a;
    for (size_t at = 0; at < text->size;) {
        size_t before = at;
        if (rt_unicode_is_space(rt_utf8_next(text->bytes, text->size, &at)))
            continue;
        start = any ? start : before;
        end = at;
        any = true;
    }
    start = s->strip_left ? (any ? start : text->size) : 0;
    end = s->strip_right ? (any ? end : start) : text->size;
    *text = rt_part_of(text, start, end > start ? end : start);
    return 0;
}

static int replace_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    const char *content = NULL;
    size_t size = 0;
    RT_TRY(rt_pattern_read(&s->pattern, r, o));
    RT_TRY(rt_reading_text(r, o, "content", &content, &size));
    if (!content)
        return rt_reading_refuse(r, "content is missing");
    return rt_step_keep_text(s, content, size);
}

static int normalise_replace(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    struct rt_writer w = {.arena = a};
    struct rt_matches m = {.arena = a};
    RT_TRY(rt_pattern_find(s->pattern, text->bytes, text->size, &m));
    for (int i = 0; i < m.count; i++)
        if (m.at[i].is)
            rt_write_bytes(&w, s->text, s->size);
        else
            rt_write_bytes(&w, text->bytes + m.at[i].start, m.at[i].end - m.at[i].start);
    bool begins = m.count && m.at[0].is;
    int left = begins ? rt_part_of(text, m.at[0].end, text->size).first : text->first;
    return text_end(text, &w, left + (begins && text->first ? count_chars(s->text, s->size) : 0));
}

static int prepend_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    const char *what = NULL;
    size_t size = 0;
    RT_TRY(rt_reading_text(r, o, "prepend", &what, &size));
    return what ? rt_step_keep_text(s, what, size) : rt_reading_refuse(r, "prepend is missing");
}

static int normalise_prepend(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    struct rt_writer w = {.arena = a};
    if (text->size == 0)
        return 0;
    rt_write_bytes(&w, s->text, s->size);
    rt_write_bytes(&w, text->bytes, text->size);
    return text_end(text, &w, text->first ? text->first + count_chars(s->text, s->size) : 0);
}

static int normalise_byte_letters(const struct rt_step *s, struct rt_arena *a, struct rt_span_text *text)
{
    struct rt_writer w = {.arena = a};
    (void)s;
    rt_write_byte_letters(&w, text->bytes, text->size);
    return text_end(text, &w, text->first);
}

#define KNOWN(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const nothing[] = {NULL};

const struct rt_step_kind rt_normalisers[] = {
    {.name = "BertNormalizer", .read = bert_read, .normalise = normalise_bert,
     .known = KNOWN("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")},
    {.name = "NFC", .normalise = normalise_nfc, .known = nothing},
    {.name = "NFD", .normalise = normalise_nfd, .known = nothing},
    {.name = "NFKC", .normalise = normalise_nfkc, .known = nothing},
    {.name = "NFKD", .normalise = normalise_nfkd, .known = nothing},
    {.name = "Nmt", .normalise = normalise_nmt, .known = nothing},
    {.name = "Precompiled", .read = precompiled_read, .normalise = normalise_precompiled,
     .known = KNOWN("precompiled_charsmap")},
    {.name = "Lowercase", .normalise = normalise_lower, .known = nothing},
    {.name = "StripAccents", .normalise = normalise_marks, .known = nothing},
    {.name = "Strip", .read = strip_read, .normalise = normalise_strip, .known = KNOWN("strip_left", "strip_right")},
    {.name = "Replace", .read = replace_read, .normalise = normalise_replace, .known = KNOWN("pattern", "content")},
    {.name = "Prepend", .read = prepend_read, .normalise = normalise_prepend, .known = KNOWN("prepend")},
    {.name = "ByteLevel", .normalise = normalise_byte_letters, .known = nothing},
};
const int rt_normaliser_count = COUNT(rt_normalisers);
