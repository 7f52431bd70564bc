/* SPDX-License-Identifier: MIT
 * onnx_scan: walks a protobuf message along its descriptors without allocating, so that what
 * protobuf-c would do without limits (recurse, allocate, merge) is refused first. */
#include "formats/file.h"
#include "formats/onnx_parts.h"
#include "formats/utf8.h"

#include <string.h>

#define THINGS_MAX ((int64_t)1 << 22) /* messages, texts and byte strings of one file */

struct scan {
    struct rt_cursor c; /* of the whole file */
    int64_t things;
    const struct rt_onnx_source *source;
};

/* ---- bytes, fields ----
 * protobuf-c allocates as a message tells it to and recurses as deep as it goes. A scan before it,
 * over the same descriptors, bounds both, and gives the byte at which a file is wrong, which
 * protobuf-c does not say. */

static int scan_refuse(const struct scan *s, size_t at, const char *what)
{
    return rt_error_set(s->source->e, RT_EFORMAT,
                        "%s: byte %zu: %s; damaged, or not an ONNX file", s->source->name, at,
                        what);
}

/* At most 10 bytes of 7 bits, lowest first; false beyond that or past the end. */
static bool scan_varint(struct scan *s, size_t end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 70 && s->c.at < end; shift += 7) {
        uint8_t byte = rt_take_u8(&s->c);
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* The field's place in the descriptor, or -1: unknown fields are passed over. */
static int descriptor_field(const ProtobufCMessageDescriptor *d, uint64_t id)
{
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].id == id)
            return (int)i;
    return -1;
}

/* A part that may stand once, or one of several that exclude each other: its bit, or 0. */
static uint64_t descriptor_once_bit(const ProtobufCMessageDescriptor *d, int field)
{
    const ProtobufCFieldDescriptor *f = &d->fields[field];
    if (f->label == PROTOBUF_C_LABEL_REPEATED || f->type != PROTOBUF_C_TYPE_MESSAGE)
        return 0;
    int first = field;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        for (int i = field - 1; i >= 0; i--)
            if (d->fields[i].quantifier_offset == f->quantifier_offset)
                first = i;
    return (uint64_t)1 << first;
}

/* ---- messages inside messages ----
 * A part that may stand once and stands twice would be merged: legal in protobuf, written by
 * nobody, and a way to make a parser hold many copies. Refused. */

static int scan_message(struct scan *s, const ProtobufCMessageDescriptor *d, size_t end, int depth);

/* The content of one length-prefixed field that ends at `end`. */
static int scan_content(struct scan *s, const ProtobufCMessageDescriptor *d, int field, size_t end,
                        uint64_t *seen, int depth)
{
    const ProtobufCFieldDescriptor *f = field < 0 ? NULL : &d->fields[field];
    const uint8_t *bytes = s->c.data + s->c.at;
    size_t at = s->c.at, size = end - at;
    if (++s->things > THINGS_MAX)
        return rt_error_set(s->source->e, RT_ELARGE, "%s: byte %zu: more than %lld parts",
                            s->source->name, at, (long long)THINGS_MAX);
    if (f && f->type == PROTOBUF_C_TYPE_STRING &&
        (memchr(bytes, 0, size) || rt_utf8_check((const char *)bytes, size) != size))
        return scan_refuse(s, at, "a name or text is not UTF-8");
    if (f && f->type == PROTOBUF_C_TYPE_MESSAGE) {
        uint64_t bit = descriptor_once_bit(d, field);
        if (bit & *seen)
            return scan_refuse(s, at, "a part that may stand once stands twice");
        *seen |= bit;
        return scan_message(s, f->descriptor, end, depth + 1);
    }
    s->c.at = end;
    return 0;
}

static int scan_message(struct scan *s, const ProtobufCMessageDescriptor *d, size_t end, int depth)
{
    uint64_t seen = 0;
    if (depth > RT_ONNX_DEPTH_MAX)
        return scan_refuse(s, s->c.at, "parts lie too deep inside each other");
    while (s->c.at < end) {
        size_t at = s->c.at;
        uint64_t tag, value = 0;
        if (!scan_varint(s, end, &tag) || tag >> 3 == 0 || tag >> 32)
            return scan_refuse(s, at, "no field starts here");
        int type = (int)(tag & 7);
        if ((type == PROTOBUF_C_WIRE_TYPE_VARINT || type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) &&
            !scan_varint(s, end, &value))
            return scan_refuse(s, at, "a number is cut or too long");
        if (type == PROTOBUF_C_WIRE_TYPE_64BIT || type == PROTOBUF_C_WIRE_TYPE_32BIT)
            value = type == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        else if (type != PROTOBUF_C_WIRE_TYPE_VARINT &&
                 type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            return scan_refuse(s, at, "a field of unknown kind");
        if (type == PROTOBUF_C_WIRE_TYPE_VARINT)
            continue;
        if (value > end - s->c.at)
            return scan_refuse(s, at, "a field ends beyond what holds it");
        if (type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
            s->c.at += value;
            continue;
        }
        int rc = scan_content(s, d, descriptor_field(d, tag >> 3), s->c.at + value, &seen, depth);
        if (rc)
            return rc;
    }
    return 0;
}

int rt_onnx_scan(const uint8_t *bytes, size_t size, const struct rt_onnx_source *source)
{
    struct scan s = {.c = {.data = bytes, .size = size}, .source = source};
    return scan_message(&s, &onnx__model_proto__descriptor, size, 1);
}

int rt_onnx_scan_attribute(const uint8_t *bytes, size_t size, const struct rt_onnx_source *source)
{
    struct scan s = {.c = {.data = bytes, .size = size}, .source = source};
    return scan_message(&s, &onnx__attribute_proto__descriptor, size, 2);
}
