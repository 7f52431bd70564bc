/* SPDX-License-Identifier: MIT
 * utf8: the well-formed byte sequences of Unicode (table 3-7) as one small table: how long a
 * sequence is, by its first byte, and what its second byte may be. No locale, no allocation. */
#include "formats/utf8.h"
#include <string.h>

static const struct sequence {
    uint8_t first, last; /* range of the first byte */
    uint8_t length;
    uint8_t low, high; /* range of the second byte; keeps overlong forms and surrogates out */
} sequences[] = {
    {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF}, {0xE1, 0xEC, 3, 0x80, 0xBF},
    {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF}, {0xF0, 0xF0, 4, 0x90, 0xBF},
    {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

/* Overlong forms and surrogates are refused, as the standard demands: they are ways to write a
 * character that a check for it does not see. */

static const struct sequence *sequence_of(uint8_t first)
{
    for (unsigned i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        if (first >= sequences[i].first && first <= sequences[i].last)
            return &sequences[i];
    return 0;
}

int32_t rt_utf8_next(const char *text, size_t size, size_t *at)
{
    const uint8_t *b = (const uint8_t *)text + *at;
    size_t left = size - *at;
    (*at)++;
    if (b[0] < 0x80)
        return b[0];
    const struct sequence *s = sequence_of(b[0]);
    if (!s || left < s->length || b[1] < s->low || b[1] > s->high)
        return -1;
    int32_t c = b[0] & (0x7F >> s->length);
    for (unsigned i = 1; i < s->length; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return -1;
        c = c << 6 | (b[i] & 0x3F);
    }
    *at += s->length - 1u;
    return c;
}

size_t rt_utf8_check(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint64_t eight;
        while (size - at >= 8 && (memcpy(&eight, text + at, 8), !(eight & 0x8080808080808080u)))
            at += 8; /* most text is ASCII */
        size_t start = at;
        if (at == size)
            break;
        if (rt_utf8_next(text, size, &at) < 0)
            return start;
    }
    return size;
}

int rt_utf8_put(int32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00 >> length & 0xFF) | c);
    return length;
}
