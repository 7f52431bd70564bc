/* SPDX-License-Identifier: MIT
 * onnx_wire: protobuf messages from a short notation, so that tests can write wrong ones:
 *   7{ ... }  field 7, a message     3'text'   field 3, a text      9#00ff  field 9, these bytes
 *   2=-5      field 2, a number      4~1.5     field 4, a float     (blanks are passed over) */
#ifndef RT_ONNX_WIRE_H
#define RT_ONNX_WIRE_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline size_t wire_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;
    for (; value > 0x7F; value >>= 7)
        to[n++] = (uint8_t)(value | 0x80);
    to[n++] = (uint8_t)value;
    return n;
}

/* A length-prefixed field whose content already lies at to + 20. */
static inline size_t wire_enclose(uint8_t *to, uint64_t id, size_t size)
{
    size_t n = wire_varint(to, id << 3 | 2);
    n += wire_varint(to + n, size);
    memmove(to + n, to + 20, size);
    return n + size;
}

/* Writes what *at says up to its end or a closing brace; to has room enough (20 times the
 * text). Gives the size. */
static inline size_t wire_message(uint8_t *to, const char **at)
{
    size_t size = 0;
    while (**at && **at != '}') {
        char *end;
        if (**at == ' ') {
            ++*at;
            continue;
        }
        uint64_t id = strtoull(*at, &end, 10);
        uint8_t *body = to + size + 20;
        char kind = *end;
        *at = end + 1;
        if (kind == '{') {
            size += wire_enclose(to + size, id, wire_message(body, at));
            ++*at;
        } else if (kind == '\'') {
            size_t n = strcspn(*at, "'");
            memcpy(body, *at, n);
            *at += n + 1;
            size += wire_enclose(to + size, id, n);
        } else if (kind == '#') {
            size_t n = 0;
            for (unsigned byte; sscanf(*at, "%2x", &byte) == 1 && **at != ' '; *at += 2)
                body[n++] = (uint8_t)byte;
            size += wire_enclose(to + size, id, n);
        } else if (kind == '=') {
            size += wire_varint(to + size, id << 3);
            size += wire_varint(to + size, (uint64_t)strtoll(*at, &end, 10));
            *at = end;
        } else {
            float f = strtof(*at, &end);
            assert(kind == '~');
            size += wire_varint(to + size, id << 3 | 5);
            memcpy(to + size, &f, 4);
            size += 4;
            *at = end;
        }
    }
    return size;
}

#endif
