/* SPDX-License-Identifier: MIT
 * jsontext: see jsontext.h. */
#include "formats/jsontext.h"

#include "formats/plain.h"
#include "formats/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jansson writes the escapes. It refuses text that is not UTF-8, which ids of foreign files may be:
 * those get U+FFFD in place of each wrong byte. JSON has no NaN: what is not finite is null. */

/* Outside strings JSON is ASCII, so what jansson leaves as it is and a terminal would obey (DEL, C1, marks of
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

static void json_dump_value(FILE *out, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
    rt_json_line(out, text ? text : "null");
    free(text);
    json_decref(value);
}

void rt_json_text(FILE *out, const char *text)
{
    size_t size = strlen(text);
    if (rt_utf8_check(text, size) == size) {
        json_dump_value(out, json_string(text));
        return;
    }
    char *clean = malloc(size * 3 + 1);
    size_t at = 0, to = 0;
    while (clean && at < size) {
        int32_t c = rt_utf8_next(text, size, &at);
        to += (size_t)rt_utf8_put(c < 0 ? 0xFFFD : c, clean + to);
    }
    json_dump_value(out, clean ? json_stringn(clean, to) : NULL);
    free(clean);
}

void rt_json_number(FILE *out, double value)
{
    json_dump_value(out, isfinite(value) ? json_real(value) : NULL);
}
