/* SPDX-License-Identifier: MIT
 * error: fills struct rt_error; the words of each code come from errors.def. Text may hold bytes of
 * a damaged file or a hostile file name, so control bytes are masked here, once for all readers. */
#include "formats/error.h"

#include "formats/plain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- text for people ----
 * Messages quote what stood in a file, so they may be long and may hold anything. They are cut to a
 * fixed size, so that reporting an error needs no memory, and bytes that a terminal would obey
 * become '?'. */

/* A message that was cut must not end inside a UTF-8 sequence. */
static void text_drop_partial(char *text, size_t size)
{
    size_t start = size;
    while (start > 0 && size - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (need > size - start)
        text[start - 1] = '\0';
}

static void text_format(char *text, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void text_format(char *text, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(text, size, format, args);
    if (n < 0)
        text[0] = '\0';
    else if ((size_t)n >= size)
        text_drop_partial(text, size - 1);
    rt_plain_text(text);
}

/* ---- filling an error ----
 * All return the code, so that a reader leaves with one statement. A NULL error is fine: who only
 * wants to know whether something works need not make room for a sentence. */

int rt_error_set(struct rt_error *e, int code, const char *format, ...)
{
    if (!e)
        return code;
    va_list args;
    va_start(args, format);
    text_format(e->text, sizeof e->text, format, args);
    va_end(args);
    e->code = code;
    return code;
}

int rt_error_errno(struct rt_error *e, const char *what, const char *path)
{
    int number = errno, code = RT_EIO;
    if (number == ENOSPC || number == EDQUOT)
        code = RT_EFULL;
    else if (number == ENOENT)
        code = RT_EMISSING;
    else if (number == ENOMEM)
        code = RT_EMEM;
    char words[128];
    return rt_error_set(e, code, "%s %s: %s", what, path, strerror_r(number, words, sizeof words));
}

void rt_error_prefix(struct rt_error *e, const char *format, ...)
{
    if (!e)
        return;
    char text[sizeof e->text];
    va_list args;
    va_start(args, format);
    text_format(text, sizeof text, format, args);
    va_end(args);
    size_t used = strlen(text);
    int n = snprintf(text + used, sizeof text - used, ": %s", e->text);
    if ((size_t)n >= sizeof text - used)
        text_drop_partial(text, sizeof text - 1);
    memcpy(e->text, text, strlen(text) + 1);
}

const char *rt_err_words(int code)
{
    static const struct {
        int code;
        const char *words;
    } list[] = {
        {RT_OK, ""},
#define RT_ERR(name, number, text) {RT_##name, text},
#include "formats/errors.def"
#undef RT_ERR
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].code == code)
            return list[i].words;
    return "unknown error";
}
