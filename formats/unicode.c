/* SPDX-License-Identifier: MIT
 * unicode: see unicode.h. utf8proc has Unicode's tables; glib has them as well, but ends the program when memory runs
 * out. */
#include "formats/unicode.h"
#include "formats/error.h"
#include "formats/utf8.h"
#include "formats/work.h"
#include <string.h>
#include <utf8proc.h>

#define COMPOSE (UTF8PROC_STABLE | UTF8PROC_COMPOSE)
#define FOLD (COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE)
#define MARKS 0x300 /* below are no marks, nor letters that are written otherwise in NFC */

/* The characters decomposed, as numbers, composed and written in place; a byte more is there for a NUL. */
static int unicode_map(const char *text, size_t length, utf8proc_option_t how, struct rt_work *work, char **out,
                       size_t *size)
{
    const utf8proc_uint8_t *from = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t n = utf8proc_decompose(from, (utf8proc_ssize_t)length, NULL, 0, how), made;
    if (n < 0)
        return RT_EFORMAT;
    utf8proc_int32_t *c = rt_work_take(work, ((size_t)n + 1) * sizeof *c);
    if (!c)
        return RT_EMEM;
    made = utf8proc_decompose(from, (utf8proc_ssize_t)length, c, n, how);
    made = made < 0 ? made : utf8proc_reencode(c, made, how);
    if (made < 0) {
        rt_work_give(work, c);
        return RT_EFORMAT;
    }
    *out = (char *)c;
    *size = (size_t)made;
    return 0;
}

int rt_unicode_nfc(const char *text, size_t length, struct rt_work *work, char **out, size_t *size)
{
    *out = NULL;
    for (size_t at = 0; at < length;)
        if (rt_utf8_next(text, length, &at) >= MARKS)
            return unicode_map(text, length, COMPOSE, work, out, size);
    return 0;
}

/* Blanks of all kinds are spaces by now, but for tabs and line ends. */
static void text_close_blanks(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        char c = strchr("\t\n\v\f\r", *at) ? ' ' : *at;
        if (c != ' ' || (to > text && to[-1] != ' '))
            *to++ = c;
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

int rt_unicode_fold(const char *text, char **out)
{
    size_t size;
    RT_TRY(unicode_map(text, strlen(text), FOLD, NULL, out, &size));
    text_close_blanks(*out);
    return 0;
}

int rt_unicode_form(const char *text, size_t length, enum rt_unicode_form form, char **out, size_t *size)
{
    static const utf8proc_option_t how[] = {
        [RT_UNICODE_NFC] = COMPOSE,
        [RT_UNICODE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [RT_UNICODE_NFKC] = COMPOSE | UTF8PROC_COMPAT,
        [RT_UNICODE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    return unicode_map(text, length, how[form], NULL, out, size);
}

/* ---- of one code point ---- */

const char *rt_unicode_category(int32_t c)
{
    return utf8proc_category_string(c);
}

bool rt_unicode_is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Of all code points only the dotted capital I becomes two, and utf8proc knows only its first. */
int rt_unicode_lower(int32_t c, int32_t lower[2])
{
    lower[0] = utf8proc_tolower(c);
    lower[1] = 0x307;
    return c == 0x130 ? 2 : 1;
}

bool rt_unicode_breaks(int32_t before, int32_t after, int32_t *state)
{
    return utf8proc_grapheme_break_stateful(before, after, state);
}
