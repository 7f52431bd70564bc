/* SPDX-License-Identifier: MIT
 * charsmap: the normaliser Precompiled: sentencepiece's table of what characters become. Base64 of: size of the trie in
 * bytes (u32), the trie, and texts that each end in a NUL. The trie is a double array of u32, little-endian: bits 0-7
 * and 31 label, bit 8 a value follows, bit 9 and 10-31 offset; a value (bits 0-30) is a place in the texts. A character
 * as people see it (a grapheme) of less than 6 bytes is looked up whole, then each of its code points alone; of the
 * keys that begin what is looked up, the shortest counts. */
#include "formats/unicode.h"
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define WHOLE 6 /* bytes: shorter graphemes are looked up whole */

struct rt_charsmap {
    size_t units, size; /* of the trie; bytes of the texts */
    uint32_t *unit;
    char *text; /* a NUL stands behind it */
    uint8_t bytes[];
};

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Bytes written, or -1. to: room for 3/4 of size. */
static int64_t base64_read(uint8_t *to, const char *from, size_t size)
{
    uint32_t bits = 0;
    int64_t n = 0;
    size_t end = size;
    while (end > 0 && size - end < 2 && from[end - 1] == '=')
        end--;
    if (size % 4 != 0)
        return -1;
    for (size_t i = 0; i < end; i++) {
        int digit = base64_digit(from[i]);
        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4)
            to[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n;
}

int rt_charsmap_read(struct rt_charsmap **out, const struct rt_reading *r, const char *base64, size_t size)
{
    struct rt_charsmap *m = *out = calloc(1, sizeof *m + size / 4 * 3 + 8);
    if (!m)
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for precompiled_charsmap", r->name);
    int64_t have = base64_read(m->bytes, base64, size);
    const uint8_t *b = m->bytes;
    uint32_t trie = have >= 4 ? b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24 : 0;
    if (trie < 4 || trie % 4 || trie > have - 4) {
        rt_charsmap_destroy(m);
        *out = NULL;
        return rt_reading_refuse(r, "precompiled_charsmap: no table in Base64");
    }
    m->units = trie / 4;
    m->unit = malloc(trie);
    if (!m->unit) {
        rt_charsmap_destroy(m);
        *out = NULL;
        return rt_error_set(r->e, RT_EMEM, "%s: no memory for precompiled_charsmap", r->name);
    }
    for (size_t i = 0; i < m->units; i++) {
        const uint8_t *u = m->bytes + 4 + 4 * i;
        m->unit[i] = u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
    }
    m->text = (char *)m->bytes + 4 + trie;
    m->size = (size_t)have - 4 - trie;
    return 0;
}

void rt_charsmap_destroy(struct rt_charsmap *m)
{
    if (!m)
        return;
    free(m->unit);
    free(m);
}

static uint32_t unit_offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* 1: *value is that of the shortest key that these bytes begin with; 0: none; RT_EFORMAT. */
static int charsmap_find(const struct rt_charsmap *m, const char *key, size_t size, uint32_t *value)
{
    uint32_t at = unit_offset(m->unit[0]);
    for (size_t i = 0; i < size && key[i]; i++) {
        at ^= (uint8_t)key[i];
        if (at >= m->units)
            return RT_EFORMAT;
        uint32_t unit = m->unit[at];
        if ((unit & (1u << 31 | 0xFF)) != (uint8_t)key[i])
            return 0;
        at ^= unit_offset(unit);
        if (!(unit >> 8 & 1))
            continue;
        if (at >= m->units)
            return RT_EFORMAT;
        *value = m->unit[at] & 0x7FFFFFFF;
        return 1;
    }
    return 0;
}

/* 1: written in its new form; 0: it has none. */
static int charsmap_replace(const struct rt_charsmap *m, const char *key, size_t size, struct rt_writer *w)
{
    uint32_t value;
    int rc = charsmap_find(m, key, size, &value);
    if (rc <= 0)
        return rc;
    if (value >= m->size)
        return RT_EFORMAT;
    size_t length = strlen(m->text + value);
    if (rt_utf8_check(m->text + value, length) != length)
        return RT_EFORMAT;
    rt_write_bytes(w, m->text + value, length);
    return 1;
}

static int charsmap_write_grapheme(const struct rt_charsmap *m, const char *text, size_t size, struct rt_writer *w)
{
    int whole = size < WHOLE ? charsmap_replace(m, text, size, w) : 0;
    if (whole != 0)
        return whole < 0 ? whole : 0;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        rt_utf8_next(text, size, &at);
        int rc = charsmap_replace(m, text + start, at - start, w);
        RT_TRY(rc);
        if (rc == 0)
            rt_write_bytes(w, text + start, at - start);
    }
    return 0;
}

int rt_charsmap_write(const struct rt_charsmap *m, const char *text, size_t size, struct rt_writer *w)
{
    int32_t before = -1, state = 0;
    size_t start = 0;
    for (size_t at = 0; at < size;) {
        size_t here = at;
        int32_t c = rt_utf8_next(text, size, &at);
        if (before >= 0 && rt_unicode_breaks(before, c, &state)) {
            RT_TRY(charsmap_write_grapheme(m, text + start, here - start, w));
            start = here;
        }
        before = c;
    }
    return charsmap_write_grapheme(m, text + start, size - start, w);
}
