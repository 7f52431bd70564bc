/* SPDX-License-Identifier: MIT
 * pattern: see tokenizer_parts.h. The expressions of a tokenizer.json are Oniguruma's, in its Ruby syntax. PCRE2 runs
 * them: it is kept, bounds what an expression may cost, and knows the same constructions. What the two read
 * differently is translated (\s, \w, \v, \u) or refused. */
#include "stages/tokenizer/tokenizer_parts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPRESSION_MAX 4000  /* bytes; the longest published ones have a few hundred */
#define HEAP_KIB (64 * 1024) /* of one match */

struct rt_pattern {
    pcre2_code *code; /* NULL: a plain text */
    pcre2_match_context *limits;
    size_t size;
    char text[];
};

/* \w as Unicode's technical standard 18 has it, which Rust's regex follows, too; Oniguruma's lacks Join_Control. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define SPACE "\\p{White_Space}"
const char rt_pattern_word[] = "[" WORD "\\x{200C}\\x{200D}]";
const char rt_pattern_whitespace[] = "[" WORD "\\x{200C}\\x{200D}]+|[^" WORD "\\x{200C}\\x{200D}" SPACE "]+";

/* ---- translation ---- */

struct translation {
    const struct rt_reading *r;
    const char *from;
    size_t size, at;
    bool in_class;
    char to[8 * EXPRESSION_MAX];
    size_t used;
};

static void translation_put(struct translation *t, const char *text, size_t size)
{
    memcpy(t->to + t->used, text, size);
    t->used += size;
}

static int translation_refuse(const struct translation *t, const char *what)
{
    return rt_reading_refuse(t->r, "the expression '%.200s': %s at byte %zu is not known here", t->from, what, t->at);
}

/* What begins at `at`, or "" at the end: the expression has a NUL behind it. */
static bool translation_sees(const struct translation *t, const char *text)
{
    return strncmp(t->from + t->at, text, strlen(text)) == 0;
}

/* At a backslash. */
static int translation_escape(struct translation *t)
{
    static const struct {
        char letter;
        bool in_class;
        const char *is;
    } known[] = {
        {'s', true, SPACE}, {'S', true, "\\P{White_Space}"}, {'w', true, WORD}, {'w', false, "[" WORD "]"},
        {'W', false, "[^" WORD "]"}, {'v', true, "\\x{0B}"}, {'d', true, "\\p{Nd}"}, {'D', true, "\\P{Nd}"},
        {'r', true, "\\r"}, {'n', true, "\\n"}, {'t', true, "\\t"}, {'f', true, "\\f"},
    };
    char c = t->from[t->at + 1];
    for (size_t i = sizeof known / sizeof *known; i-- > 0;)
        if (known[i].letter == c && (known[i].in_class || !t->in_class) &&
            !(c == 'w' && known[i].in_class != t->in_class)) {
            translation_put(t, known[i].is, strlen(known[i].is));
            t->at += 2;
            return 0;
        }
    if ((c == 'p' || c == 'P') && t->from[t->at + 2] == '{') {
        size_t length = strspn(t->from + t->at + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_^");
        if (t->from[t->at + 3 + length] != '}')
            return translation_refuse(t, "this property");
        translation_put(t, t->from + t->at, length + 4);
        t->at += length + 4;
        return 0;
    }
    if (c == 'u' && strspn(t->from + t->at + 2, "0123456789abcdefABCDEF") >= 4) {
        char code[12];
        int n = snprintf(code, sizeof code, "\\x{%.4s}", t->from + t->at + 2);
        translation_put(t, code, (size_t)n);
        t->at += 6;
        return 0;
    }
    if (c <= ' ' || c == 0x7F || strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_", c))
        return translation_refuse(t, "this escape");
    translation_put(t, t->from + t->at, 2);
    t->at += 2;
    return 0;
}

static int translation_group(struct translation *t)
{
    static const char *const known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"};
    if (t->from[t->at + 1] != '?') {
        translation_put(t, "(?:", 3);
        t->at++;
        return 0;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (translation_sees(t, known[i])) {
            translation_put(t, known[i], strlen(known[i]));
            t->at += strlen(known[i]);
            return 0;
        }
    return translation_refuse(t, "this group");
}

static int translation_step(struct translation *t)
{
    char c = t->from[t->at];
    if (c == '\\')
        return translation_escape(t);
    if (t->in_class) {
        if (c == '[' || translation_sees(t, "&&"))
            return translation_refuse(t, "a class in a class");
        t->in_class = c != ']';
    } else if (c == '(') {
        return translation_group(t);
    } else if (c == '^' || c == '$') {
        return translation_refuse(t, "an end of line");
    } else if (translation_sees(t, "{,") || translation_sees(t, "}+")) {
        return translation_refuse(t, "this repetition");
    } else if (c == '[') {
        t->in_class = true;
        translation_put(t, "[", 1);
        if (t->from[++t->at] == '^') {
            translation_put(t, "^", 1);
            t->at++;
        }
        if (t->from[t->at] == ']')
            return translation_refuse(t, "an empty class");
        return 0;
    }
    translation_put(t, &c, 1);
    t->at++;
    return 0;
}

/* ---- making ---- */

static int pattern_compile(struct rt_pattern *p, const struct rt_reading *r, const char *expression, size_t size,
                           const char *as_written)
{
    int number;
    size_t where;
    pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    p->limits = pcre2_match_context_create(NULL);
    if (how)
        pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    if (how && p->limits)
        p->code = pcre2_compile((PCRE2_SPTR)expression, size, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &number,
                                &where, how);
    bool memory = how && p->limits && (p->code || number != PCRE2_ERROR_HEAP_FAILED);
    pcre2_compile_context_free(how);
    if (!memory)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for an expression", r->name);
    if (!p->code) {
        PCRE2_UCHAR why[160];
        pcre2_get_error_message(number, why, sizeof why);
        return rt_reading_refuse(r, "the expression '%.200s': %s", as_written, (const char *)why);
    }
    pcre2_set_heap_limit(p->limits, HEAP_KIB);
    return 0;
}

static int pattern_create(struct rt_pattern **out, const struct rt_reading *r, const char *expression, size_t size,
                          const char *as_written)
{
    struct rt_pattern *p = *out = calloc(1, sizeof *p + 1);
    if (!p)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for an expression", r->name);
    int rc = pattern_compile(p, r, expression, size, as_written);
    if (rc < 0) {
        rt_pattern_destroy(p);
        *out = NULL;
    }
    return rc;
}

int rt_pattern_create(struct rt_pattern **out, const struct rt_reading *r, const char *expression, size_t size)
{
    return pattern_create(out, r, expression, size, expression);
}

static int pattern_translate(struct rt_pattern **out, const struct rt_reading *r, const char *expression, size_t size)
{
    if (size > EXPRESSION_MAX || strlen(expression) != size || size == 0)
        return rt_reading_refuse(r, "an expression of 1 to %d bytes is wanted", EXPRESSION_MAX);
    struct translation *t = calloc(1, sizeof *t);
    if (!t)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for an expression", r->name);
    *t = (struct translation){.r = r, .from = expression, .size = size};
    int rc = 0;
    while (rc == 0 && t->at < size)
        rc = translation_step(t);
    if (rc == 0)
        rc = pattern_create(out, r, t->to, t->used, expression);
    free(t);
    return rc;
}

int rt_pattern_read(struct rt_pattern **out, const struct rt_reading *r, const json_t *o)
{
    const json_t *pattern = json_object_get(o, "pattern");
    const char *text = NULL, *expression = NULL;
    size_t size = 0;
    *out = NULL;
    struct rt_reading at = rt_reading_at(r, "pattern");
    RT_TRY(rt_reading_only(&at, pattern, (const char *const[]){"String", "Regex", NULL}));
    RT_TRY(rt_reading_text(&at, pattern, "String", &text, &size));
    RT_TRY(rt_reading_text(&at, pattern, "Regex", &expression, &size));
    if (!text == !expression)
        return rt_reading_refuse(&at, "a String or a Regex is wanted");
    if (expression)
        return pattern_translate(out, &at, expression, size);
    struct rt_pattern *p = *out = calloc(1, sizeof *p + size + 1);
    if (!p)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for a pattern", r->name);
    memcpy(p->text, text, size);
    p->size = size;
    return 0;
}

void rt_pattern_destroy(struct rt_pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    pcre2_match_context_free(p->limits);
    free(p);
}

/* ---- finding: matches do not overlap, and those of no characters count for nothing ---- */

static int pattern_find_text(const struct rt_pattern *p, const char *text, size_t size, struct rt_matches *out)
{
    size_t done = 0;
    for (const char *hit; p->size && (hit = memmem(text + done, size - done, p->text, p->size));) {
        size_t start = (size_t)(hit - text);
        RT_TRY(rt_matches_add(out, done, start, false));
        RT_TRY(rt_matches_add(out, start, start + p->size, true));
        done = start + p->size;
    }
    return rt_matches_add(out, done, size, false);
}

static int pattern_find_all(const struct rt_pattern *p, pcre2_match_data *found, const char *text, size_t size,
                            struct rt_matches *out)
{
    size_t done = 0, from = 0;
    uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY;
    while (from < size) {
        int rc = pcre2_match(p->code, (PCRE2_SPTR)text, size, from, options, found, p->limits);
        if (rc == PCRE2_ERROR_NOMATCH)
            break;
        if (rc < 0)
            return rc == PCRE2_ERROR_NOMEMORY ? RT_EMEM : RT_ERANGE;
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(found);
        if (at[0] < from || at[1] <= at[0]) /* a look behind or an odd expression: nothing that cuts */
            return RT_ERANGE;
        RT_TRY(rt_matches_add(out, done, at[0], false));
        RT_TRY(rt_matches_add(out, at[0], at[1], true));
        done = from = at[1];
    }
    return rt_matches_add(out, done, size, false);
}

int rt_pattern_find(const struct rt_pattern *p, const char *text, size_t size, struct rt_matches *out)
{
    if (!p->code)
        return pattern_find_text(p, text, size, out);
    pcre2_match_data *found = pcre2_match_data_create(1, NULL);
    int rc = found ? pattern_find_all(p, found, text, size, out) : RT_EMEM;
    pcre2_match_data_free(found);
    return rc;
}
