/* SPDX-License-Identifier: MIT
 * filekind: see filekind.h. One table of first bytes; MPEG's frames have too few fixed bits for a
 * row of it. */
#include "formats/filekind.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct row {
    size_t at;
    const char *magic;
    size_t length;
    struct rt_filekind kind;
} rows[] = {
#define RT_KIND(id, at, magic, words) {at, magic, sizeof magic - 1, {RT_KIND_##id, words}},
#include "formats/filekinds.def"
#undef RT_KIND
};

size_t rt_filekind_behind_id3(const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t at = 0;
    while (size - at >= 10 && !memcmp(from + at, "ID3", 3)) {
        const uint8_t *b = from + at + 6;
        size_t length = 10 + ((size_t)(b[0] & 127) << 21 | (size_t)(b[1] & 127) << 14 |
                              (size_t)(b[2] & 127) << 7 | (b[3] & 127));
        if (from[at + 5] & 0x10)
            length += 10; /* a footer */
        at = length < size - at ? at + length : size;
    }
    return at;
}

/* An MPEG audio frame: eleven bits set, then version, layer (0 is AAC's), rates that exist. */
static struct rt_filekind filekind_of_frame(const uint8_t *b, size_t size)
{
    if (size >= 4 && b[0] == 0xff && (b[1] & 0xf6) == 0xf0)
        return (struct rt_filekind){RT_KIND_AAC, "an AAC (ADTS) recording"};
    if (size >= 4 && b[0] == 0xff && (b[1] & 0xe0) == 0xe0 && (b[1] & 0x18) != 0x08 && (b[1] & 0x06) &&
        (b[2] & 0xf0) != 0xf0 && (b[2] & 0x0c) != 0x0c)
        return (struct rt_filekind){RT_KIND_MP3, "an MP3 recording"};
    return (struct rt_filekind){RT_KIND_UNKNOWN, NULL};
}

struct rt_filekind rt_filekind_of(const void *bytes, size_t size)
{
    size_t behind = rt_filekind_behind_id3(bytes, size);
    const uint8_t *b = (const uint8_t *)bytes + behind;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (size - behind >= rows[i].at + rows[i].length &&
            !memcmp(b + rows[i].at, rows[i].magic, rows[i].length))
            return rows[i].kind;
    return filekind_of_frame(b, size - behind);
}
