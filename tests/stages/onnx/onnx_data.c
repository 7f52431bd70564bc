/* SPDX-License-Identifier: MIT
 * onnx_data: see onnx_data.h. Knows just enough of protobuf to find the fields it changes. */
#include "tests/stages/onnx/onnx_data.h"

#include "formats/file.h"

#include <stdlib.h>
#include <string.h>

enum { UINT16 = 4, BFLOAT16 = 16 }; /* ONNX's numbers of element types */

struct field {
    uint64_t number, value; /* value: of a varint */
    uint8_t *at;            /* of a varint: its bytes; of bytes: the first */
    size_t size;
};

static uint64_t take_varint(uint8_t **at)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        v |= (uint64_t)(**at & 127) << shift;
        if (!(*(*at)++ & 128))
            break;
    }
    return v;
}

/* The files are the package's own: nothing is checked here. */
static bool take_field(uint8_t **at, const uint8_t *end, struct field *f)
{
    if (*at >= end)
        return false;
    uint64_t key = take_varint(at);
    *f = (struct field){.number = key >> 3, .at = *at};
    if ((key & 7) == 0) {
        f->value = take_varint(at);
    } else {
        f->size = (key & 7) == 2 ? take_varint(at) : (key & 7) == 5 ? 4 : 8;
        f->at = *at;
        *at += f->size;
    }
    return true;
}

static bool find_field(uint8_t *at, size_t size, uint64_t number, struct field *f)
{
    const uint8_t *end = at + size;
    while (take_field(&at, end, f))
        if (f->number == number)
            return true;
    return false;
}

static int read_bytes(const char *path, uint8_t **bytes, size_t *size, struct rt_error *e)
{
    return rt_file_read(path, (size_t)1 << 28, bytes, size, e);
}

int onnx_data_model(struct rt_onnx **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes, *at;
    size_t size;
    struct field f, version;
    *out = NULL;
    int rc = read_bytes(path, &bytes, &size, e);
    if (rc < 0)
        return rc;
    at = bytes;
    while (take_field(&at, bytes + size, &f))
        if (f.number == 8 && find_field(f.at, f.size, 2, &version) &&
            version.value < RT_ONNX_OPSET_MIN)
            version.at[0] = RT_ONNX_OPSET_MIN;
    rc = rt_onnx_parse(out, bytes, size, path, NULL, e);
    free(bytes);
    return rc;
}

int onnx_data_operators(const char *path, void (*use)(void *self, const char *op), void *self)
{
    uint8_t *bytes, *at;
    size_t size;
    struct field graph, node, op;
    int rc = read_bytes(path, &bytes, &size, NULL);
    if (rc < 0)
        return rc;
    if (find_field(bytes, size, 7, &graph))
        for (at = graph.at; take_field(&at, graph.at + graph.size, &node);)
            if (node.number == 1 && find_field(node.at, node.size, 4, &op)) {
                char name[64] = "";
                memcpy(name, op.at, op.size < sizeof name ? op.size : sizeof name - 1);
                use(self, name);
            }
    free(bytes);
    return 0;
}

/* ---- a model around a tensor ---- */

struct writer {
    uint8_t *data;
    size_t size;
};

static void put_varint(struct writer *w, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        w->data[w->size++] = (uint8_t)(v | 128);
    w->data[w->size++] = (uint8_t)v;
}

static void put_number(struct writer *w, uint64_t field, uint64_t v)
{
    put_varint(w, field << 3);
    put_varint(w, v);
}

static void put_bytes(struct writer *w, uint64_t field, const void *data, size_t size)
{
    put_varint(w, field << 3 | 2);
    put_varint(w, size);
    if (size > 0)
        memcpy(w->data + w->size, data, size);
    w->size += size;
}

int onnx_data_tensor(struct rt_onnx **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes, small[5][64];
    size_t size;
    struct field type = {0};
    *out = NULL;
    int rc = read_bytes(path, &bytes, &size, e);
    if (rc < 0)
        return rc;
    uint8_t *at = bytes, *name = malloc(size + 16), *whole = malloc(2 * size + 512);
    struct writer w = {whole, 0}, tensor_type = {small[0], 0}, value_type = {small[1], 0};
    struct writer value = {small[2], 0}, opset = {small[3], 0}, named = {name, 0};
    struct writer graph = {whole + size + 256, 0};
    /* The tensor under a name of ours: its own field 8 (name) is left out. */
    for (uint8_t *before = at; take_field(&at, bytes + size, &type); before = at)
        if (type.number != 8) {
            memcpy(named.data + named.size, before, (size_t)(at - before));
            named.size += (size_t)(at - before);
        }
    put_bytes(&named, 8, "tensor", 6);
    if (!find_field(named.data, named.size, 2, &type))
        type.value = 0;
    if (type.value == UINT16 && strstr(path, "BFLOAT16"))
        type.at[0] = (uint8_t)(type.value = BFLOAT16); /* what the package's files mean by it */
    put_number(&tensor_type, 1, type.value);
    put_bytes(&value_type, 1, tensor_type.data, tensor_type.size);
    put_bytes(&value, 1, "tensor", 6);
    put_bytes(&value, 2, value_type.data, value_type.size);
    put_number(&opset, 2, 17);
    put_bytes(&graph, 2, "graph", 5);
    put_bytes(&graph, 5, named.data, named.size);
    put_bytes(&graph, 12, value.data, value.size);
    put_number(&w, 1, 8);
    put_bytes(&w, 8, opset.data, opset.size);
    put_bytes(&w, 7, graph.data, graph.size);
    rc = rt_onnx_parse(out, w.data, w.size, path, NULL, e);
    free(whole);
    free(name);
    free(bytes);
    return rc;
}
