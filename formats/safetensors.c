/* SPDX-License-Identifier: MIT
 * safetensors: the set in memory, its writer and its checked reader. Tensors are kept sorted by
 * name, metadata as one jansson object. Data is laid out widest dtype first, so that every tensor
 * in the file is aligned to its element; within a width in name order. */
#include "formats/safetensors.h"
#include "formats/file.h"
#include "formats/half.h"
#include "formats/hash.h"
#include "formats/jsonread.h"
#include "formats/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX ((size_t)100 * 1000 * 1000)
#define FILE_LIMIT RT_TENSOR_BYTES_MAX
#define METADATA "__metadata__"
#define WIDEST 8 /* bytes of the widest dtype */
#define HALF "F16"

struct entry {
    char *name;
    struct rt_tensor tensor;
    uint16_t *half; /* what is written in its place, or NULL */
    uint64_t begin, bytes; /* in the file's data; only while reading */
};

struct rt_safetensors {
    struct entry *entry; /* [count], by name */
    size_t count, room;
    json_t *metadata; /* object of strings */
};

static const char *const dtype_names[] = {
#define RT_DTYPE(name, type, size, safetensors, npy) safetensors,
#include "formats/dtypes.def"
#undef RT_DTYPE
};

/* ---- the set ----
 * Sorted by name and searched by halves: a file has some hundred tensors, and the order makes what
 * is written independent of the order in which parts were added. */

int rt_safetensors_create(struct rt_safetensors **out)
{
    struct rt_safetensors *s = calloc(1, sizeof *s);
    if (s)
        s->metadata = json_object();
    if (s && !s->metadata) {
        free(s);
        s = NULL;
    }
    *out = s;
    return s ? 0 : RT_EMEM;
}

void rt_safetensors_destroy(struct rt_safetensors *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        rt_tensor_fini(&s->entry[i].tensor);
        free(s->entry[i].name);
        free(s->entry[i].half);
    }
    free(s->entry);
    json_decref(s->metadata);
    free(s);
}

/* Index of the first entry whose name is not before name. */
static size_t entry_lower_bound(const struct rt_safetensors *s, const char *name)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->entry[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct entry *entry_find(const struct rt_safetensors *s, const char *name)
{
    size_t i = entry_lower_bound(s, name);
    return i < s->count && !strcmp(s->entry[i].name, name) ? &s->entry[i] : NULL;
}

/* Makes room for one entry at index i and gives it; its name is a copy, its tensor empty. */
static struct entry *entry_insert(struct rt_safetensors *s, size_t i, const char *name)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct entry *grown = realloc(s->entry, room * sizeof *grown);
        if (!grown)
            return NULL;
        s->entry = grown;
        s->room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return NULL;
    struct entry *entry = &s->entry[i];
    memmove(entry + 1, entry, (s->count - i) * sizeof *entry);
    s->count++;
    *entry = (struct entry){.name = copy};
    return entry;
}

static int text_is_utf8(const char *text)
{
    size_t size = strlen(text);
    return rt_utf8_check(text, size) == size;
}

/* The set keeps copies: a checkpoint is put together while nobody learns and written afterwards,
 * and what lies in the set must not change with the weights. */

int rt_safetensors_add(struct rt_safetensors *s, const char *name, const struct rt_tensor *t)
{
    struct rt_tensor copy;
    if (!name[0] || !strcmp(name, METADATA) || !text_is_utf8(name) || entry_find(s, name))
        return RT_EUSAGE;
    int rc = rt_tensor_init_unset(&copy, t->dtype, t->rank, t->dim);
    if (rc)
        return rc;
    struct entry *entry = entry_insert(s, entry_lower_bound(s, name), name);
    if (!entry) {
        rt_tensor_fini(&copy);
        return RT_EMEM;
    }
    if (rt_tensor_bytes(t) > 0)
        memcpy(copy.data, t->data, rt_tensor_bytes(t));
    entry->tensor = copy;
    return 0;
}

int rt_safetensors_set_text(struct rt_safetensors *s, const char *key, const char *text)
{
    if (!text_is_utf8(key) || !text_is_utf8(text))
        return RT_EUSAGE;
    return json_object_set_new(s->metadata, key, json_string(text)) ? RT_EMEM : 0;
}

/* ---- half precision ----
 * A matter of files alone: in the set a tensor stays F32, with the values that will come back, so what is measured of
 * it, and the digest, are those of the file. */

int rt_safetensors_halve(struct rt_safetensors *s, const char *name)
{
    struct entry *entry = (struct entry *)entry_find(s, name);
    if (!entry || entry->tensor.dtype != RT_F32)
        return RT_EUSAGE;
    size_t count = (size_t)rt_tensor_count(&entry->tensor);
    float *value = entry->tensor.data;
    for (size_t i = 0; i < count; i++)
        if (isfinite(value[i]) && !isfinite(rt_half_float(rt_half_of(value[i]))))
            return RT_ERANGE;
    uint16_t *half = malloc(count * sizeof *half + 1);
    if (!half)
        return RT_EMEM;
    for (size_t i = 0; i < count; i++) {
        half[i] = rt_half_of(value[i]);
        value[i] = rt_half_float(half[i]);
    }
    free(entry->half);
    entry->half = half;
    return 0;
}

/* The data as it lies in a file, and what its dtype is called there. */
static struct rt_span entry_data(const struct entry *entry)
{
    size_t bytes = rt_tensor_bytes(&entry->tensor);
    return entry->half ? (struct rt_span){entry->half, bytes / 2} : (struct rt_span){entry->tensor.data, bytes};
}

static size_t entry_width(const struct entry *entry)
{
    return entry->half ? sizeof *entry->half : rt_dtype_size(entry->tensor.dtype);
}

const struct rt_tensor *rt_safetensors_get(const struct rt_safetensors *s, const char *name)
{
    const struct entry *entry = entry_find(s, name);
    return entry ? &entry->tensor : NULL;
}

const char *rt_safetensors_text(const struct rt_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(s->metadata, key));
}

int rt_safetensors_count(const struct rt_safetensors *s)
{
    return (int)s->count;
}

const struct rt_tensor *rt_safetensors_at(const struct rt_safetensors *s, int i, const char **name)
{
    if (i < 0 || (size_t)i >= s->count)
        return NULL;
    if (name)
        *name = s->entry[i].name;
    return &s->entry[i].tensor;
}

/* ---- the digest ----
 * The format has no check of its data: a flipped bit in a weight is another weight. So what we write says what it was
 * when it was written. Each part is hashed with the hash of those before it as seed; texts as sorted JSON. */

static uint64_t digest_add(uint64_t so_far, const void *bytes, size_t size)
{
    return rt_hash64(bytes, size, so_far);
}

static int digest_texts(const struct rt_safetensors *s, uint64_t *so_far)
{
    json_t *texts = json_copy(s->metadata);
    /* A copy for whose members there is no memory has fewer, and nobody says so. */
    bool whole = texts && json_object_size(texts) == json_object_size(s->metadata);
    if (whole)
        json_object_del(texts, RT_SAFETENSORS_DIGEST);
    char *text = whole ? rt_json_write(texts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(texts);
    if (!text)
        return RT_EMEM;
    *so_far = digest_add(*so_far, text, strlen(text));
    free(text);
    return 0;
}

static int digest_make(const struct rt_safetensors *s, char out[RT_SAFETENSORS_DIGEST_SIZE])
{
    uint64_t digest = 0;
    RT_TRY(digest_texts(s, &digest));
    for (size_t i = 0; i < s->count; i++) {
        const struct rt_tensor *t = &s->entry[i].tensor;
        digest = digest_add(digest, s->entry[i].name, strlen(s->entry[i].name) + 1);
        digest = digest_add(digest, dtype_names[t->dtype], strlen(dtype_names[t->dtype]) + 1);
        digest = digest_add(digest, t->dim, (size_t)t->rank * sizeof *t->dim);
        digest = digest_add(digest, t->data, rt_tensor_bytes(t));
    }
    snprintf(out, RT_SAFETENSORS_DIGEST_SIZE, "%016" PRIx64, digest);
    return 0;
}

int rt_safetensors_seal(struct rt_safetensors *s)
{
    char digest[RT_SAFETENSORS_DIGEST_SIZE];
    RT_TRY(digest_make(s, digest));
    return rt_safetensors_set_text(s, RT_SAFETENSORS_DIGEST, digest);
}

static int digest_check(const struct rt_safetensors *s, const char *name, struct rt_error *e)
{
    const char *then = rt_safetensors_text(s, RT_SAFETENSORS_DIGEST);
    char now[RT_SAFETENSORS_DIGEST_SIZE];
    if (!then)
        return 0;
    if (digest_make(s, now) < 0)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    return strcmp(then, now) == 0 ? 0
               : rt_error_set(e, RT_ECHECKSUM, "%s: is not what was written (%s %.20s, its contents give %s): damaged, "
                              "or changed by another program", name, RT_SAFETENSORS_DIGEST, then, now);
}

/* ---- write ----
 * The data is not copied into one block: header and tensors go out as spans. */

/* Adds the header's entry of one tensor that lies at begin. */
static int entry_describe(json_t *header, const struct entry *entry, uint64_t begin)
{
    const struct rt_tensor *t = &entry->tensor;
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++)
        if (json_array_append_new(shape, json_integer(t->dim[i]))) {
            json_decref(shape);
            return RT_EMEM;
        }
    json_t *row =
        json_pack("{s:s, s:o, s:[I, I]}", "dtype", entry->half ? HALF : dtype_names[t->dtype], "shape", shape,
                  "data_offsets", (json_int_t)begin, (json_int_t)(begin + entry_data(entry).size));
    return json_object_set_new(header, entry->name, row) ? RT_EMEM : 0;
}

/* Fills part[] with the tensors' data in file order and gives the header as text, padded with
 * spaces so that the data starts on a multiple of 8; NULL when out of memory. */
static char *header_lay_out(const struct rt_safetensors *s, struct rt_span *part)
{
    uint64_t at = 0;
    char *text = NULL, *padded = NULL;
    json_t *header = json_object();
    int failed = !header;

    if (!failed && json_object_size(s->metadata) > 0)
        failed = json_object_set(header, METADATA, s->metadata);
    for (size_t width = WIDEST; width > 0; width /= 2)
        for (size_t i = 0; i < s->count && !failed; i++) {
            if (entry_width(&s->entry[i]) != width)
                continue;
            failed = entry_describe(header, &s->entry[i], at);
            *part = entry_data(&s->entry[i]);
            at += part++->size;
        }
    if (!failed)
        text = rt_json_write(header, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(header);
    if (!text)
        return NULL;
    size_t size = strlen(text), whole = (size + 7) / 8 * 8;
    padded = malloc(whole + 1);
    if (padded) {
        memcpy(padded, text, size);
        memset(padded + size, ' ', whole - size);
        padded[whole] = '\0';
    }
    free(text);
    return padded;
}

int rt_safetensors_write(const struct rt_safetensors *s, const char *path, struct rt_error *e)
{
    struct rt_span *part = malloc((s->count + 2) * sizeof *part);
    char *header = part ? header_lay_out(s, part + 2) : NULL;
    int rc;

    if (!header) {
        rc = rt_error_set(e, RT_EMEM, "%s: out of memory for the header", path);
    } else {
        size_t size = strlen(header);
        uint8_t length[8];
        for (int i = 0; i < 8; i++)
            length[i] = (uint8_t)((uint64_t)size >> (8 * i));
        part[0] = (struct rt_span){length, sizeof length};
        part[1] = (struct rt_span){header, size};
        rc = rt_file_write(path, part, (int)s->count + 2, e);
    }
    free(header);
    free(part);
    return rc;
}

/* ---- read ----
 * The format's known trap is overlapping or missing ranges. Every byte of the data must belong to
 * exactly one tensor: what is checked is that the ranges, sorted, follow one another from first to
 * last byte. */

/* Offsets come as JSON integers, which jansson reads as 64 bits with a sign, so a number beyond
 * that is refused before it is looked at here. */

/* What the reader of one file needs everywhere. */
struct reader {
    const char *name; /* of the file */
    const uint8_t *data;
    size_t size; /* of the data */
    struct rt_error *e;
};

static int tensor_read_dtype(const struct reader *r, const char *tensor, const json_t *value,
                             enum rt_dtype *dtype, bool *half)
{
    const char *name = json_string_value(value);
    *half = name && !strcmp(name, HALF);
    if (*half)
        return 0; /* F32 here */
    if (!name)
        return rt_error_set(r->e, RT_EFORMAT, "%s: tensor '%.80s': no \"dtype\"", r->name, tensor);
    for (int i = 0; i < RT_DTYPES; i++)
        if (!strcmp(name, dtype_names[i])) {
            *dtype = (enum rt_dtype)i;
            return 0;
        }
    return rt_error_set(r->e, RT_EFORMAT,
                        "%s: tensor '%.80s': dtype \"%.20s\" is not read; convert it to F32",
                        r->name, tensor, name);
}

static int tensor_read_shape(const struct reader *r, const char *tensor, const json_t *value,
                             int *rank, int64_t *dim)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n > RT_TENSOR_RANK)
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s: tensor '%.80s': \"shape\" must be a list of at most %d numbers",
                            r->name, tensor, RT_TENSOR_RANK);
    for (size_t i = 0; i < n; i++) {
        const json_t *d = json_array_get(value, i);
        dim[i] = json_integer_value(d);
        if (!json_is_integer(d) || dim[i] < 0)
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s: tensor '%.80s': dimension %zu is not a whole number from 0",
                                r->name, tensor, i);
    }
    *rank = (int)n;
    return 0;
}

/* The halves are kept: a file that is written again with another text is to stay as small as it is. */
static int entry_read_half(struct entry *entry, const uint8_t *from, size_t count)
{
    float *to = entry->tensor.data;
    entry->half = malloc(count * sizeof *entry->half + 1);
    for (size_t i = 0; entry->half && i < count; i++) {
        entry->half[i] = (uint16_t)(from[2 * i] | from[2 * i + 1] << 8);
        to[i] = rt_half_float(entry->half[i]);
    }
    return entry->half ? 0 : RT_EMEM;
}

/* Checks one tensor's place against its shape and the data that is there, and copies it. */
static int tensor_read(struct rt_safetensors *s, const struct reader *r, const char *tensor,
                       const json_t *row)
{
    enum rt_dtype dtype = RT_F32;
    bool half;
    int rank = 0;
    int64_t dim[RT_TENSOR_RANK] = {0}, count;
    size_t bytes;
    const json_t *offsets = json_object_get(row, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);

    RT_TRY(tensor_read_dtype(r, tensor, json_object_get(row, "dtype"), &dtype, &half));
    RT_TRY(tensor_read_shape(r, tensor, json_object_get(row, "shape"), &rank, dim));
    int rc = rt_tensor_size(dtype, rank, dim, &count, &bytes);
    if (rc)
        return rt_error_set(r->e, rc, "%s: tensor '%.80s': its shape is too large", r->name,
                            tensor);
    bytes = half ? bytes / 2 : bytes;
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        begin < 0 || end < begin || (uint64_t)end > r->size || (uint64_t)(end - begin) != bytes)
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s: tensor '%.80s': \"data_offsets\" %lld to %lld; its shape needs "
                            "%zu bytes and the file holds %zu",
                            r->name, tensor, (long long)begin, (long long)end, bytes, r->size);
    struct entry *entry = entry_insert(s, s->count, tensor); /* sorted when all are read */
    if (entry)
        rc = rt_tensor_init_unset(&entry->tensor, dtype, rank, dim);
    if (entry && !rc && half)
        rc = entry_read_half(entry, r->data + begin, (size_t)count);
    if (!entry || rc)
        return rt_error_set(r->e, RT_EMEM, "%s: tensor '%.80s': out of memory for %zu bytes",
                            r->name, tensor, bytes);
    if (!half && bytes > 0)
        memcpy(entry->tensor.data, r->data + begin, bytes);
    entry->begin = (uint64_t)begin;
    entry->bytes = bytes;
    return 0;
}

static int metadata_read(struct rt_safetensors *s, const struct reader *r, json_t *object)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return rt_error_set(r->e, RT_EFORMAT, "%s: \"%s\" is not an object", r->name, METADATA);
    json_object_foreach(object, key, value)
    {
        if (!json_is_string(value))
            return rt_error_set(r->e, RT_EFORMAT, "%s: \"%s\": value of '%.80s' is not a text",
                                r->name, METADATA, key);
    }
    json_decref(s->metadata);
    s->metadata = json_incref(object);
    return 0;
}

/* ---- every byte belongs to one tensor ---- */

static int entry_by_begin(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* one without elements comes first */
}

static int entry_by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Every byte of the data belongs to exactly one tensor. Leaves the entries sorted by name. */
static int entries_check_tiling(struct rt_safetensors *s, const struct reader *r)
{
    uint64_t at = 0;
    if (s->count > 0)
        qsort(s->entry, s->count, sizeof *s->entry, entry_by_begin);
    for (size_t i = 0; i < s->count; i++) {
        const struct entry *entry = &s->entry[i];
        if (entry->begin != at)
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s: tensor '%.80s' begins at %llu of the data; the one before "
                                "ends at %llu",
                                r->name, entry->name, (unsigned long long)entry->begin,
                                (unsigned long long)at);
        at += entry->bytes;
    }
    if (at != r->size)
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s: %llu bytes of data belong to tensors, the file holds %zu", r->name,
                            (unsigned long long)at, r->size);
    if (s->count > 0)
        qsort(s->entry, s->count, sizeof *s->entry, entry_by_name);
    return 0;
}

static int entries_read(struct rt_safetensors *s, const struct reader *r, json_t *header)
{
    const char *key;
    json_t *value;
    if (!json_is_object(header))
        return rt_error_set(r->e, RT_EFORMAT, "%s: byte 8: the header is not an object", r->name);
    json_object_foreach(header, key, value)
    {
        int rc = strcmp(key, METADATA) ? tensor_read(s, r, key, value) : metadata_read(s, r, value);
        if (rc)
            return rc;
    }
    return entries_check_tiling(s, r);
}

static int header_load_json(json_t **out, const uint8_t *text, size_t size, const char *name,
                            struct rt_error *e)
{
    json_error_t at;
    int rc = rt_json_read(out, (const char *)text, size, JSON_REJECT_DUPLICATES, &at);
    if (rc == RT_EMEM)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for a header of %zu bytes", name, size);
    if (rc == 0)
        return 0;
    return rt_error_set(e, RT_EFORMAT, "%s: byte %d: header: %s", name, at.position + 8, at.text);
}

int rt_safetensors_parse(struct rt_safetensors **out, const void *bytes, size_t size,
                         const char *name, struct rt_error *e)
{
    struct rt_cursor c = {.data = bytes, .size = size};
    struct rt_safetensors *s = NULL;
    json_t *header = NULL;

    *out = NULL;
    uint64_t length = rt_take_u64(&c);
    if (c.bad)
        return rt_error_set(e, RT_EFORMAT, "%s: not a safetensors file (%zu bytes)", name, size);
    if (length > HEADER_MAX || length > size - c.at)
        return rt_error_set(e, RT_EFORMAT,
                            "%s: not a safetensors file (byte 0: header of %llu bytes, %zu remain)",
                            name, (unsigned long long)length, size - c.at);
    const uint8_t *text = rt_take_bytes(&c, (size_t)length);
    struct reader r = {.name = name, .data = c.data + c.at, .size = size - c.at, .e = e};
    RT_TRY(header_load_json(&header, text, (size_t)length, name, e));
    int rc = rt_safetensors_create(&s);
    if (rc < 0)
        rt_error_set(e, rc, "%s: out of memory", name);
    else
        rc = entries_read(s, &r, header);
    json_decref(header);
    if (rc == 0)
        rc = digest_check(s, name, e);
    if (rc)
        rt_safetensors_destroy(s);
    else
        *out = s;
    return rc;
}

int rt_safetensors_read(struct rt_safetensors **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    *out = NULL;
    int rc = rt_file_read(path, FILE_LIMIT, &bytes, &size, e);
    if (rc)
        return rc;
    rc = rt_safetensors_parse(out, bytes, size, path, e);
    free(bytes);
    return rc;
}
