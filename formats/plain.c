/* SPDX-License-Identifier: MIT
 * plain: see plain.h. */
#include "formats/plain.h"

#include "formats/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USUAL 2048 /* bytes of a text that need no memory */

/* C1 controls are controls also as UTF-8 (U+009B begins a sequence as ESC [ does). Marks of direction make a text
 * read as another one than it is, and separators of lines fake lines of ours. */
bool rt_plain_char(int32_t c)
{
    bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    bool turns = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    return !control && !turns && c != 0x2028 && c != 0x2029;
}

/* Byte by byte in place, so that no text grows and none needs memory. */
char *rt_plain_text(char *text)
{
    size_t size = strlen(text), at = 0;
    while (at < size) {
        size_t from = at;
        int32_t c = rt_utf8_next(text, size, &at);
        if (c != '\n' && !rt_plain_char(c))
            memset(text + from, '?', at - from);
    }
    return text;
}

/* Without memory for a long one, its beginning is printed: better than nothing, and than what is not plain. */
int rt_plain_vprint(FILE *out, const char *format, va_list args)
{
    char usual[USUAL], *text = usual;
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(usual, sizeof usual, format, args);
    if (size >= (int)sizeof usual) {
        char *longer = malloc((size_t)size + 1);
        if (longer)
            vsnprintf(longer, (size_t)size + 1, format, again);
        text = longer ? longer : usual;
    }
    va_end(again);
    if (size < 0)
        return size;
    int written = fputs(rt_plain_text(text), out);
    if (text != usual)
        free(text);
    return written < 0 ? -1 : size;
}

int rt_plain_print(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int written = rt_plain_vprint(out, format, args);
    va_end(args);
    return written;
}

int rt_plain_put(FILE *out, const char *text)
{
    int number = fileno(out);
    return number >= 0 && isatty(number) ? rt_plain_print(out, "%s", text) : fputs(text, out);
}
