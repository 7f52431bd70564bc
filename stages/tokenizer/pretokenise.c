/* SPDX-License-Identifier: MIT
 * pretokenise: the pre-tokenizers of a tokenizer.json, a row each at the end of this file: a text is cut into the words
 * that the model sees one by one. Each marks where something matches; what becomes of the marked is one of five
 * behaviours. */
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <string.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

/* ---- letters that stand for bytes ----
 * Bytes that are printable in Latin-1 stand for themselves, the others for the letters from U+0100 on. */

int32_t rt_byte_letter(uint8_t byte)
{
    if ((byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD))
        return byte;
    return 0x100 + (byte <= 0x20 ? byte : byte <= 0xA0 ? byte - 0x7F + 0x21 : 0x43);
}

void rt_write_byte_letters(struct rt_writer *w, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        rt_write_char(w, rt_byte_letter((uint8_t)bytes[i]));
}

bool rt_is_punctuation(int32_t c)
{
    bool ascii = (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
    return ascii || rt_unicode_category(c)[0] == 'P';
}

/* ---- the behaviours ---- */

static int behave_add(const struct rt_span_text *text, size_t start, size_t end, struct rt_pieces *out)
{
    return start < end ? rt_pieces_add(out, rt_part_of(text, start, end), -1) : 0;
}

/* One piece from `start` on reaches as far as those that join it. */
static bool behave_joins(enum rt_split how, const struct rt_match *m, int i)
{
    bool before = i > 0 && m[i - 1].is, is = m[i].is;
    switch (how) {
    case RT_SPLIT_CONTIGUOUS:
        return i > 0 && before == is;
    case RT_SPLIT_PREVIOUS:
        return i > 0 && is && !before;
    default:
        return false;
    }
}

/* Read from the end: a match joins what follows, unless that is one. */
static int behave_join_next(const struct rt_span_text *text, const struct rt_matches *m, struct rt_pieces *out)
{
    for (int i = 0; i < m->count; i++) {
        bool joins = m->at[i].is && i + 1 < m->count && !m->at[i + 1].is;
        RT_TRY(behave_add(text, m->at[i].start, m->at[i + joins].end, out));
        i += joins;
    }
    return 0;
}

static int behave(const struct rt_step *s, const struct rt_span_text *text, struct rt_matches *m, struct rt_pieces *out)
{
    for (int i = 0; i < m->count; i++)
        m->at[i].is ^= s->invert;
    if (s->behaviour == RT_SPLIT_NEXT)
        return behave_join_next(text, m, out);
    for (int i = 0, last; i < m->count; i = last) {
        for (last = i + 1; last < m->count && behave_joins(s->behaviour, m->at, last); last++)
            ;
        if (s->behaviour != RT_SPLIT_REMOVED || !m->at[i].is)
            RT_TRY(behave_add(text, m->at[i].start, m->at[last - 1].end, out));
    }
    return 0;
}

static int cut_chars(const struct rt_step *s, const struct rt_span_text *text, bool (*is)(int32_t c),
                     struct rt_pieces *out)
{
    struct rt_matches m = {.arena = out->arena};
    size_t done = 0;
    for (size_t at = 0; at < text->size;) {
        size_t start = at;
        if (!is(rt_utf8_next(text->bytes, text->size, &at)))
            continue;
        RT_TRY(rt_matches_add(&m, done, start, false));
        RT_TRY(rt_matches_add(&m, start, at, true));
        done = at;
    }
    RT_TRY(rt_matches_add(&m, done, text->size, false));
    return behave(s, text, &m, out);
}

static int cut_pattern(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    struct rt_matches m = {.arena = out->arena};
    RT_TRY(rt_pattern_find(s->pattern, text->bytes, text->size, &m));
    return behave(s, text, &m, out);
}

static const char *const behaviours[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};

static int behaviour_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    int which = RT_SPLIT_ISOLATED;
    RT_TRY(rt_reading_word(r, o, "behavior", behaviours, COUNT(behaviours), &which));
    s->behaviour = (enum rt_split)which;
    return 0;
}

/* ---- by kinds of characters ---- */

static int cut_spaces(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    return cut_chars(s, text, rt_unicode_is_space, out);
}

static int cut_bert(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    struct rt_pieces words = {.arena = out->arena};
    struct rt_step alone = {.behaviour = RT_SPLIT_ISOLATED};
    RT_TRY(cut_chars(s, text, rt_unicode_is_space, &words));
    for (int i = 0; i < words.count; i++)
        RT_TRY(cut_chars(&alone, &words.at[i].text, rt_is_punctuation, out));
    return 0;
}

static int cut_punctuation(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    return cut_chars(s, text, rt_is_punctuation, out);
}

static bool char_is_number(int32_t c)
{
    return rt_unicode_category(c)[0] == 'N';
}

static int digits_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    RT_TRY(rt_reading_bool(r, o, "individual_digits", &s->individual_digits));
    s->behaviour = s->individual_digits ? RT_SPLIT_ISOLATED : RT_SPLIT_CONTIGUOUS;
    return 0;
}

static int cut_digits(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    return cut_chars(s, text, char_is_number, out);
}

static int delimiter_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    const char *c = NULL;
    size_t size = 0, at = 0;
    RT_TRY(rt_reading_text(r, o, "delimiter", &c, &size));
    if (!c || size == 0 || (rt_utf8_next(c, size, &at), at != size))
        return rt_reading_refuse(r, "delimiter: one character is wanted");
    return rt_step_keep_text(s, c, size);
}

static int cut_delimiter(const struct rt_step *s, const struct rt_span_text *text, struct rt_pieces *out)
{
    struct rt_matches m = {.arena = out->arena};
    size_t done = 0;
    for (const char *hit; done < text->size && /* of an empty text bytes may be NULL */
                          (hit = memmem(text->bytes + done, text->size - done, s->text, s->size));) {
        size_t start = (size_t)(hit - text->bytes);
        RT_TRY(rt_matches_add(&m, done, start, false));
        RT_TRY(rt_matches_add(&m, start, start + s->size, true));
        done = start + s->size;
    }
    RT_TRY(rt_matches_add(&m, done, text->size, false));
    return behave(s, text, &m, out);
}

/* ---- by patterns ---- */

static int whitespace_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    (void)o;
    s->invert = true; /* what lies between matches goes */
    return rt_pattern_create(&s->pattern, r, rt_pattern_whitespace, strlen(rt_pattern_whitespace));
}

static int split_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    RT_TRY(rt_pattern_read(&s->pattern, r, o));
    RT_TRY(rt_reading_bool(r, o, "invert", &s->invert));
    return behaviour_read(s, r, o);
}

/* ---- ByteLevel: GPT-2's expression, then letters for bytes ---- */

static const char gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+|"
                           "\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+";

static int byte_level_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    s->add_prefix_space = s->use_regex = true;
    s->behaviour = RT_SPLIT_ISOLATED;
    RT_TRY(rt_reading_bool(r, o, "add_prefix_space", &s->add_prefix_space));
    RT_TRY(rt_reading_bool(r, o, "use_regex", &s->use_regex));
    return s->use_regex ? rt_pattern_create(&s->pattern, r, gpt2, strlen(gpt2)) : 0;
}

/* The text with something before it, unless it begins with it. */
static int text_prepend(struct rt_arena *a, struct rt_span_text *text, const char *what, size_t size)
{
    struct rt_writer w = {.arena = a};
    if (text->size == 0 || (text->size >= size && memcmp(text->bytes, what, size) == 0))
        return 0;
    rt_write_bytes(&w, what, size);
    rt_write_bytes(&w, text->bytes, text->size);
    *text = (struct rt_span_text){w.bytes, w.size, text->first};
    return w.failed;
}

static int cut_byte_level(const struct rt_step *s, const struct rt_span_text *given, struct rt_pieces *out)
{
    struct rt_pieces words = {.arena = out->arena};
    struct rt_span_text text = *given;
    if (s->add_prefix_space)
        RT_TRY(text_prepend(out->arena, &text, " ", 1));
    RT_TRY(s->use_regex ? cut_pattern(s, &text, &words) : rt_pieces_add(&words, text, -1));
    for (int i = 0; i < words.count; i++) {
        struct rt_writer w = {.arena = out->arena};
        rt_write_byte_letters(&w, words.at[i].text.bytes, words.at[i].text.size);
        RT_TRY(w.failed);
        RT_TRY(rt_pieces_add(out, (struct rt_span_text){w.bytes, w.size, words.at[i].text.first}, -1));
    }
    return 0;
}

/* ---- Metaspace: blanks become a letter, which begins words ---- */

static int metaspace_read(struct rt_step *s, const struct rt_reading *r, const json_t *o)
{
    static const char *const schemes[] = {"always", "never", "first"};
    const char *c = NULL;
    size_t size = 0, at = 0;
    int scheme = RT_PREPEND_ALWAYS;
    bool has_scheme = json_is_string(json_object_get(o, "prepend_scheme"));
    s->add_prefix_space = s->split = true;
    RT_TRY(rt_reading_text(r, o, "replacement", &c, &size));
    if (!c || size == 0 || (rt_utf8_next(c, size, &at), at != size))
        return rt_reading_refuse(r, "replacement: one character is wanted");
    RT_TRY(rt_reading_bool(r, o, "add_prefix_space", &s->add_prefix_space));
    RT_TRY(rt_reading_bool(r, o, "split", &s->split));
    RT_TRY(rt_reading_word(r, o, "prepend_scheme", schemes, COUNT(schemes), &scheme));
    if (!s->add_prefix_space && has_scheme && scheme != RT_PREPEND_NEVER)
        return rt_reading_refuse(r, "add_prefix_space and prepend_scheme say different things");
    s->prepend_scheme = s->add_prefix_space ? (enum rt_prepend)scheme : RT_PREPEND_NEVER;
    return rt_step_keep_text(s, c, size);
}

static int cut_metaspace(const struct rt_step *s, const struct rt_span_text *given, struct rt_pieces *out)
{
    struct rt_writer w = {.arena = out->arena};
    for (size_t i = 0; i < given->size; i++) {
        bool blank = given->bytes[i] == ' ';
        rt_write_bytes(&w, blank ? s->text : given->bytes + i, blank ? s->size : 1);
    }
    RT_TRY(w.failed);
    struct rt_span_text text = {w.bytes, w.size, given->first};
    if (s->prepend_scheme == RT_PREPEND_ALWAYS || (s->prepend_scheme == RT_PREPEND_FIRST && given->first))
        RT_TRY(text_prepend(out->arena, &text, s->text, s->size));
    struct rt_step next = *s;
    next.behaviour = RT_SPLIT_NEXT;
    return s->split ? cut_delimiter(&next, &text, out) : rt_pieces_add(out, text, -1);
}

#define KNOWN(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const nothing[] = {NULL};

const struct rt_step_kind rt_pretokenisers[] = {
    {.name = "BertPreTokenizer", .cut = cut_bert, .known = nothing},
    {.name = "ByteLevel", .read = byte_level_read, .cut = cut_byte_level,
     .known = KNOWN("add_prefix_space", "use_regex", "trim_offsets")},
    {.name = "Metaspace", .read = metaspace_read, .cut = cut_metaspace,
     .known = KNOWN("replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep")},
    {.name = "Whitespace", .read = whitespace_read, .cut = cut_pattern, .known = nothing},
    {.name = "WhitespaceSplit", .cut = cut_spaces, .known = nothing},
    {.name = "Split", .read = split_read, .cut = cut_pattern, .known = KNOWN("pattern", "behavior", "invert")},
    {.name = "Punctuation", .read = behaviour_read, .cut = cut_punctuation, .known = KNOWN("behavior")},
    {.name = "Digits", .read = digits_read, .cut = cut_digits, .known = KNOWN("individual_digits")},
    {.name = "CharDelimiterSplit", .read = delimiter_read, .cut = cut_delimiter, .known = KNOWN("delimiter")},
};
const int rt_pretokeniser_count = COUNT(rt_pretokenisers);
