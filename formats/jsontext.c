/* SPDX-License-Identifier: MIT
 * jsontext: see jsontext.h. */
#include "formats/jsontext.h"

#include "formats/plain.h"
#include "formats/utf8.h"

#include <math.h>
#include <string.h>

/* Written here and not by jansson, which needs memory for each value and would have nothing to say where there is none:
 * a result would stand without its number. JSON has no NaN: what is not finite is null. */

/* Outside strings JSON is ASCII, so what others leave as it is and a terminal would obey (DEL, C1, marks of
 * direction) stands in a string, where an escape means the same. So do control bytes of a line that is not JSON. */
void rt_json_line(FILE *out, const char *json)
{
    size_t size = strlen(json), at = 0, plain = 0;
    while (at < size) {
        size_t from = at;
        int32_t c = rt_utf8_next(json, size, &at);
        if (rt_plain_char(c))
            continue;
        fwrite(json + plain, 1, from - plain, out);
        fprintf(out, "\\u%04x", (unsigned)(c < 0 ? 0xFFFD : c));
        plain = at;
    }
    fputs(json + plain, out);
}

/* Text of foreign files need not be UTF-8: U+FFFD stands in place of each wrong byte. */
void rt_json_text(FILE *out, const char *text)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    size_t size = strlen(text), at = 0;
    fputc('"', out);
    while (at < size) {
        size_t from = at;
        int32_t c = rt_utf8_next(text, size, &at);
        const char *known = c > 0 && c < 0x80 ? strchr(plain, c) : NULL;
        if (c < 0)
            fputs("\xEF\xBF\xBD", out);
        else if (known)
            fprintf(out, "\\%c", escaped[known - plain]);
        else if (!rt_plain_char(c))
            fprintf(out, "\\u%04x", (unsigned)c);
        else
            fwrite(text + from, 1, at - from, out);
    }
    fputc('"', out);
}

void rt_json_number(FILE *out, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    fputs(isfinite(value) ? text : "null", out);
    if (isfinite(value) && !strpbrk(text, ".e"))
        fputs(".0", out);
}
