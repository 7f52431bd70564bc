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
