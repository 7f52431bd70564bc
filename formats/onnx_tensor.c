/* SPDX-License-Identifier: MIT
 * onnx_tensor: one tensor of a file: element types, and where its data lies: in the message raw or
 * typed, or in a file beside it. Sizes are compared before anything is allocated. */
#include "formats/half.h"
#include "formats/onnx_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- element types ----
 * One row for each of ONNX's types: what it becomes here and where it stands in the message. Narrow
 * integers and half floats are widened when they are read, so the rest of the program knows six
 * types. */

enum field { FLOATS, DOUBLES, INT32S, INT64S, UINT64S };

struct element {
    const char *name;
    int read; /* 0: known, but not read here */
    enum rt_dtype dtype;
    int size; /* of one element of raw data */
    enum field field;
    int64_t least, most; /* of a wider typed field */
    void (*convert)(void *to, const uint8_t *from, int64_t n); /* raw -> dtype; NULL = the same */
    bool packed;         /* two to a byte, the first in the low bits; of weights alone */
    const char *instead; /* of those that are not read: what to do */
};

#define CONVERT(name, from_type, to_type, expression)                                              \
    static void name(void *to, const uint8_t *from, int64_t n)                                     \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            from_type x;                                                                           \
            memcpy(&x, from + (size_t)i * sizeof x, sizeof x);                                     \
            ((to_type *)to)[i] = (expression);                                                     \
        }                                                                                          \
    }

static float bits_to_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

CONVERT(from_int8, int8_t, int32_t, x)
CONVERT(from_int16, int16_t, int32_t, x)
CONVERT(from_uint16, uint16_t, int32_t, x)
CONVERT(from_uint32, uint32_t, int64_t, x)
CONVERT(from_bool, uint8_t, uint8_t, x != 0)
CONVERT(from_half, uint16_t, float, rt_half_float(x))
CONVERT(from_bfloat, uint16_t, float, bits_to_float((uint32_t)x << 16))

static void from_uint4(void *to, const uint8_t *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)to)[i] = from[i / 2] >> (i % 2 * 4) & 15;
}

static void from_int4(void *to, const uint8_t *from, int64_t n)
{
    from_uint4(to, from, n);
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)to)[i] = (((int32_t *)to)[i] ^ 8) - 8;
}

#define FLOAT8 "export the network in float32 or float16, or quantise its weights to INT8"
#define TEXTS "export the network behind its tokenizer"

/* By ONNX's numbers. */
static const struct element elements[] = {
    [1] = {"FLOAT", 1, RT_F32, 4, FLOATS, 0, 0, NULL},
    [2] = {"UINT8", 1, RT_U8, 1, INT32S, 0, UINT8_MAX, NULL},
    [3] = {"INT8", 1, RT_I32, 1, INT32S, INT8_MIN, INT8_MAX, from_int8},
    [4] = {"UINT16", 1, RT_I32, 2, INT32S, 0, UINT16_MAX, from_uint16},
    [5] = {"INT16", 1, RT_I32, 2, INT32S, INT16_MIN, INT16_MAX, from_int16},
    [6] = {"INT32", 1, RT_I32, 4, INT32S, INT32_MIN, INT32_MAX, NULL},
    [7] = {"INT64", 1, RT_I64, 8, INT64S, 0, 0, NULL},
    [8] = {.name = "STRING", .instead = TEXTS},
    [9] = {"BOOL", 1, RT_BOOL, 1, INT32S, 0, 1, from_bool},
    [10] = {"FLOAT16", 1, RT_F32, 2, INT32S, 0, UINT16_MAX, from_half},
    [11] = {"DOUBLE", 1, RT_F64, 8, DOUBLES, 0, 0, NULL},
    [12] = {"UINT32", 1, RT_I64, 4, UINT64S, 0, UINT32_MAX, from_uint32},
    [13] = {.name = "UINT64", .instead = "export the network with int64"},
    [14] = {.name = "COMPLEX64", .instead = "export the network with real and imaginary parts as floats"},
    [15] = {.name = "COMPLEX128", .instead = "export the network with real and imaginary parts as floats"},
    [17] = {.name = "FLOAT8E4M3FN", .instead = FLOAT8},
    [18] = {.name = "FLOAT8E4M3FNUZ", .instead = FLOAT8},
    [19] = {.name = "FLOAT8E5M2", .instead = FLOAT8},
    [20] = {.name = "FLOAT8E5M2FNUZ", .instead = FLOAT8},
    [21] = {"UINT4", 1, RT_I32, 1, INT32S, 0, 0, from_uint4, true, NULL},
    [22] = {"INT4", 1, RT_I32, 1, INT32S, 0, 0, from_int4, true, NULL},
    [23] = {.name = "FLOAT4E2M1", .instead = FLOAT8},
    [16] = {"BFLOAT16", 1, RT_F32, 2, INT32S, 0, UINT16_MAX, from_bfloat},
};
#define ELEMENTS ((int64_t)(sizeof elements / sizeof elements[0]))

static const struct element *element_find(int64_t type)
{
    return type > 0 && type < ELEMENTS && elements[type].read ? &elements[type] : NULL;
}

bool rt_onnx_dtype(int64_t type, enum rt_dtype *dtype)
{
    const struct element *el = element_find(type);
    bool whole = el && !el->packed; /* nothing is computed in 4 bits */
    if (whole)
        *dtype = el->dtype;
    return whole;
}

const char *rt_onnx_type_hint(int64_t type)
{
    bool known = type > 0 && type < ELEMENTS;
    return known && elements[type].instead ? elements[type].instead
           : known && elements[type].packed ? "4 bits are read in weights alone; export the network with INT8"
                                            : "export the network with opset_version=21 or less";
}

const char *rt_onnx_type_name(int64_t type, char buffer[32])
{
    if (type > 0 && type < ELEMENTS)
        return elements[type].name;
    snprintf(buffer, 32, "type %" PRId64, type);
    return buffer;
}

/* ---- data inside the message ---- */

/* The typed field that an element type uses. */
struct typed {
    const void *data;
    size_t count;
    int width;
};

static struct typed typed_field(const Onnx__TensorProto *p, enum field field)
{
    switch (field) {
    case FLOATS:
        return (struct typed){p->float_data, p->n_float_data, 4};
    case DOUBLES:
        return (struct typed){p->double_data, p->n_double_data, 8};
    case INT32S:
        return (struct typed){p->int32_data, p->n_int32_data, 4};
    case INT64S:
        return (struct typed){p->int64_data, p->n_int64_data, 8};
    case UINT64S:
        break;
    }
    return (struct typed){p->uint64_data, p->n_uint64_data, 8};
}

struct take {
    const Onnx__TensorProto *p;
    const struct element *el;
    const char *who;
    const struct rt_onnx_source *source;
    int rank;
    int64_t dim[RT_TENSOR_RANK], count;
    size_t raw_bytes; /* the shape's, in the file's element type */
};

static int tensor_refuse(const struct take *k, int code, const char *what)
{
    return rt_error_set(k->source->e, code, "%s: %s: %s", k->source->name, k->who, what);
}

/* Raw data is what nearly all files have: the bytes as they lie in memory, of which there must be
 * exactly as many as the shape needs. Typed fields are older, and hold narrow types in wider
 * numbers. */

static int tensor_fill_raw(const struct take *k, struct rt_tensor *t, const uint8_t *bytes)
{
    int rc = rt_tensor_init_unset(t, k->el->dtype, k->rank, k->dim);
    if (rc)
        return tensor_refuse(k, rc, "out of memory");
    if (k->el->convert)
        k->el->convert(t->data, bytes, k->count);
    else if (k->raw_bytes > 0)
        memcpy(t->data, bytes, k->raw_bytes);
    return 0;
}

/* A typed field wider than the element: each number is checked and narrowed. Little-endian, so the
 * low bytes of a number come first. */
static int tensor_fill_narrowed(const struct take *k, struct rt_tensor *t, struct typed d)
{
    int rc = rt_tensor_init_unset(t, k->el->dtype, k->rank, k->dim);
    if (rc)
        return tensor_refuse(k, rc, "out of memory");
    size_t step = rt_dtype_size(t->dtype);
    for (int64_t i = 0; i < k->count; i++) {
        int64_t value = d.width == 4 ? ((const int32_t *)d.data)[i] : ((const int64_t *)d.data)[i];
        uint8_t *to = (uint8_t *)t->data + (size_t)i * step;
        if (value < k->el->least || value > k->el->most) {
            rt_tensor_fini(t);
            return rt_error_set(k->source->e, RT_EFORMAT,
                                "%s: %s: element %" PRId64 " is %" PRId64 ", beyond %s",
                                k->source->name, k->who, i, value, k->el->name);
        }
        if (k->el->convert)
            k->el->convert(to, (const uint8_t *)&value, 1);
        else
            memcpy(to, &value, step);
    }
    return 0;
}

/* Bytes of two numbers, one in each number of the typed field. */
static int tensor_fill_packed(const struct take *k, struct rt_tensor *t, const int32_t *data)
{
    uint8_t *bytes = malloc(k->raw_bytes + 1);
    if (!bytes)
        return tensor_refuse(k, RT_EMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; i < k->raw_bytes && rc == 0; i++) {
        bytes[i] = (uint8_t)data[i];
        if (data[i] < INT8_MIN || data[i] > UINT8_MAX)
            rc = rt_error_set(k->source->e, RT_EFORMAT, "%s: %s: byte %zu of two numbers is %" PRId32, k->source->name,
                              k->who, i, data[i]);
    }
    if (rc == 0)
        rc = tensor_fill_raw(k, t, bytes);
    free(bytes);
    return rc;
}

static int tensor_take_inside(const struct take *k, struct rt_tensor *t)
{
    struct typed d = typed_field(k->p, k->el->field);
    if (k->p->has_raw_data && k->p->raw_data.len > 0 && d.count > 0)
        return tensor_refuse(k, RT_EFORMAT, "has raw and typed data; only one is allowed");
    bool raw = d.count == 0;
    size_t have = raw ? k->p->raw_data.len : d.count;
    size_t want = raw || k->el->packed ? k->raw_bytes : (size_t)k->count;
    if (have != want)
        return rt_error_set(k->source->e, RT_EFORMAT, "%s: %s: has %zu %s, its shape needs %zu",
                            k->source->name, k->who, have, raw ? "bytes" : "elements", want);
    if (!raw && k->el->packed)
        return tensor_fill_packed(k, t, d.data);
    if (!raw && d.width != k->el->size)
        return tensor_fill_narrowed(k, t, d);
    return tensor_fill_raw(k, t, raw ? k->p->raw_data.data : d.data);
}

/* ---- data in a file beside ----
 * A model names a file, and a model may come from anywhere: what it names must lie in the model's
 * own folder, also after links are followed, and must be a plain file. */

/* Offset and length come as decimal text, so each is read strictly: "12 " or "0x10" would be
 * another place in the file than the writer meant. */

static bool text_to_number(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *value = v;
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno;
}

/* Gives an open file inside the folder, or RT_E... Links are followed, but not out of the folder. */
static int beside_open(const struct take *k, const char *location, int *fd, int64_t *size)
{
    char path[PATH_MAX], whole[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    const char *base = k->source->folder;
    if (!base)
        return tensor_refuse(k, RT_EFORMAT,
                             "its data lies in another file, which cannot be read from here");
    if ((size_t)snprintf(path, sizeof path, "%s/%s", base, location) >= sizeof path)
        return tensor_refuse(k, RT_ELARGE, "external data: the file name is too long");
    if (!realpath(base, folder) || !realpath(path, whole))
        return rt_error_set(k->source->e, RT_EMISSING,
                            "%s: %s: external data '%.200s' is not in the model's folder",
                            k->source->name, k->who, location);
    size_t n = strlen(folder);
    if (location[0] == '/' ||
        (n > 1 && (strncmp(whole, folder, n) != 0 || whole[n] != '/')))
        return rt_error_set(k->source->e, RT_EFORMAT,
                            "%s: %s: external data '%.200s' lies outside the model's folder",
                            k->source->name, k->who, location);
    *fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (*fd >= 0)
            close(*fd);
        return rt_error_set(k->source->e, RT_EIO, "%s: %s: cannot read external data '%.200s'",
                            k->source->name, k->who, location);
    }
    *size = st.st_size;
    return 0;
}

static int beside_read(const struct take *k, struct rt_tensor *t, int fd, int64_t offset)
{
    uint8_t *bytes = malloc(k->raw_bytes + 1);
    size_t have = 0;
    int rc = bytes ? 0 : tensor_refuse(k, RT_EMEM, "out of memory");
    while (!rc && have < k->raw_bytes) {
        ssize_t n = pread(fd, bytes + have, k->raw_bytes - have, (off_t)(offset + (int64_t)have));
        if (n <= 0 && !(n < 0 && errno == EINTR))
            rc = tensor_refuse(k, RT_EIO, "external data could not be read to its end");
        have += n > 0 ? (size_t)n : 0;
    }
    if (!rc)
        rc = tensor_fill_raw(k, t, bytes);
    free(bytes);
    return rc;
}

static int tensor_take_beside(const struct take *k, struct rt_tensor *t)
{
    const char *location = NULL;
    int64_t offset = 0, length = (int64_t)k->raw_bytes, size = 0;
    for (size_t i = 0; i < k->p->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = k->p->external_data[i];
        const char *key = entry->key ? entry->key : "", *value = entry->value ? entry->value : "";
        bool good = true;
        if (!strcmp(key, "location"))
            location = value;
        else if (!strcmp(key, "offset"))
            good = text_to_number(value, &offset);
        else if (!strcmp(key, "length"))
            good = text_to_number(value, &length);
        if (!good)
            return rt_error_set(k->source->e, RT_EFORMAT,
                                "%s: %s: external data: %s '%.40s' is not a whole number from 0",
                                k->source->name, k->who, key, value);
    }
    if (!location || !location[0])
        return tensor_refuse(k, RT_EFORMAT, "external data without a location");
    if (length != (int64_t)k->raw_bytes)
        return rt_error_set(k->source->e, RT_EFORMAT,
                            "%s: %s: external data of %" PRId64 " bytes, its shape needs %zu",
                            k->source->name, k->who, length, k->raw_bytes);
    int fd = -1, rc = beside_open(k, location, &fd, &size);
    if (rc)
        return rc;
    if (offset > size || length > size - offset)
        rc = rt_error_set(k->source->e, RT_EFORMAT,
                          "%s: %s: external data at %" PRId64 ", %" PRId64 " bytes; '%.200s' has "
                          "%" PRId64,
                          k->source->name, k->who, offset, length, location, size);
    else
        rc = beside_read(k, t, fd, offset);
    close(fd);
    return rc;
}

/* ---- */

int rt_onnx_take_tensor(struct rt_tensor *t, const Onnx__TensorProto *p, const char *who,
                        const struct rt_onnx_source *source)
{
    char name[32];
    size_t bytes;
    struct take k = {.p = p, .el = element_find(p->data_type), .who = who, .source = source};
    memset(t, 0, sizeof *t);
    if (!k.el)
        return rt_error_set(source->e, RT_EMISMATCH, "%s: %s: elements of %s are not read; %s", source->name, who,
                            rt_onnx_type_name(p->data_type, name), rt_onnx_type_hint(p->data_type));
    if (p->n_dims > RT_TENSOR_RANK)
        return rt_error_set(source->e, RT_ELARGE, "%s: %s: %zu dimensions, at most %d are read",
                            source->name, who, p->n_dims, RT_TENSOR_RANK);
    if (p->segment)
        return tensor_refuse(&k, RT_EMISMATCH, "is cut into segments, which are not read");
    k.rank = (int)p->n_dims;
    for (int i = 0; i < k.rank; i++)
        k.dim[i] = p->dims[i];
    int rc = rt_tensor_size(k.el->dtype, k.rank, k.dim, &k.count, &bytes);
    if (rc)
        return tensor_refuse(
            &k, rc, rc == RT_ERANGE ? "a dimension is negative" : "its shape is too large");
    k.raw_bytes = k.el->packed ? (size_t)(k.count + 1) / 2 : (size_t)k.count * (size_t)k.el->size;
    bool beside = p->has_data_location &&
                  p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    return beside ? tensor_take_beside(&k, t) : tensor_take_inside(&k, t);
}
