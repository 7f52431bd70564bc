/* SPDX-License-Identifier: MIT
 * npy: the checked reader of .npy and the writer (version 1.0). The header is a Python dict of
 * three known keys in any order; it is read by taking one literal after the other, never evaluated.
 */
#include "formats/npy.h"
#include "formats/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT RT_TENSOR_BYTES_MAX
#define HEADER_MAX 65536 /* bytes of the dict; NumPy's own limit is 10,000 */
#define ALIGNMENT 64

static const char magic[] = "\x93NUMPY";

static const char *const descriptions[] = {
#define RT_DTYPE(name, type, size, safetensors, npy) npy,
#include "formats/dtypes.def"
#undef RT_DTYPE
};

/* What the dict says; have counts the bits of `enum key`. */
enum key { KEY_DESCR = 1, KEY_ORDER = 2, KEY_SHAPE = 4, KEYS = 7 };
struct dict {
    unsigned have;
    char descr[24];
    int fortran;
    int rank;
    int64_t dim[RT_TENSOR_RANK];
};

/* ---- literals; each gives 0 and leaves the cursor bad when something else stands there ----
 * The header is a Python literal. NumPy reads it with Python's parser; here only what NumPy itself
 * writes is taken: one dict, three keys, in any order. All else is refused rather than understood
 * half. */

static void npy_skip_space(struct rt_cursor *c)
{
    while (c->at < c->size && strchr(" \t\r\n", c->data[c->at]) && c->data[c->at])
        c->at++;
}

/* Takes the character if it comes next; no harm when not. */
static int npy_take_if(struct rt_cursor *c, char wanted)
{
    npy_skip_space(c);
    if (c->bad || c->at == c->size || c->data[c->at] != (uint8_t)wanted)
        return 0;
    c->at++;
    return 1;
}

static int npy_take(struct rt_cursor *c, char wanted)
{
    if (!npy_take_if(c, wanted))
        c->bad = 1;
    return !c->bad;
}

/* 'text' or "text" without escapes. */
static int npy_take_text(struct rt_cursor *c, char *text, size_t room)
{
    char quote = npy_take_if(c, '\'') ? '\'' : '"';
    size_t n = 0;
    if (quote == '"' && !npy_take(c, '"'))
        return 0;
    while (c->at < c->size && c->data[c->at] != (uint8_t)quote && n + 1 < room)
        text[n++] = (char)c->data[c->at++];
    text[n] = '\0';
    if (c->at == c->size || c->data[c->at] != (uint8_t)quote)
        c->bad = 1;
    else
        c->at++;
    return !c->bad;
}

static int npy_take_word(struct rt_cursor *c, const char *word)
{
    size_t n = strlen(word);
    npy_skip_space(c);
    if (c->size - c->at < n || memcmp(c->data + c->at, word, n))
        return 0;
    c->at += n;
    return 1;
}

static int64_t npy_take_number(struct rt_cursor *c)
{
    int64_t v = 0;
    size_t start = c->at;
    for (; c->at < c->size && c->data[c->at] >= '0' && c->data[c->at] <= '9'; c->at++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, c->data[c->at] - '0', &v))
            c->bad = 1;
    if (c->at == start)
        c->bad = 1;
    return c->bad ? 0 : v;
}

/* (), (3,), (3, 4) or (3, 4,) */
static void npy_take_shape(struct rt_cursor *c, struct dict *d)
{
    npy_take(c, '(');
    while (!c->bad && !npy_take_if(c, ')')) {
        if (d->rank == RT_TENSOR_RANK) {
            c->bad = 1;
            return;
        }
        npy_skip_space(c);
        d->dim[d->rank++] = npy_take_number(c);
        if (!npy_take_if(c, ',')) {
            if (d->rank == 1) /* (3) is a number in Python, not a tuple */
                c->bad = 1;
            npy_take(c, ')');
            return;
        }
    }
}

static void npy_take_item(struct rt_cursor *c, struct dict *d)
{
    char key[16];
    unsigned bit = 0;
    if (!npy_take_text(c, key, sizeof key) || !npy_take(c, ':'))
        return;
    if (!strcmp(key, "descr")) {
        bit = KEY_DESCR;
        npy_take_text(c, d->descr, sizeof d->descr);
    } else if (!strcmp(key, "fortran_order")) {
        bit = KEY_ORDER;
        d->fortran = npy_take_word(c, "True");
        if (!d->fortran && !npy_take_word(c, "False"))
            c->bad = 1;
    } else if (!strcmp(key, "shape")) {
        bit = KEY_SHAPE;
        npy_take_shape(c, d);
    }
    if (!bit || d->have & bit)
        c->bad = 1;
    d->have |= bit;
}

static int npy_take_dict(struct rt_cursor *c, struct dict *d)
{
    npy_take(c, '{');
    while (!c->bad && !npy_take_if(c, '}')) {
        npy_take_item(c, d);
        if (!npy_take_if(c, ',')) {
            npy_take(c, '}');
            break;
        }
    }
    npy_skip_space(c);
    return !c->bad && c->at == c->size && d->have == KEYS;
}

/* ---- read ----
 * The data must be exactly what the shape needs: bytes too many mean that the header is not this
 * file's. */

static int npy_dtype(const char *descr, enum rt_dtype *dtype)
{
    for (int i = 0; i < RT_DTYPES; i++)
        if (!strcmp(descr, descriptions[i])) {
            *dtype = (enum rt_dtype)i;
            return 1;
        }
    return 0;
}

/* Takes everything before the data. */
static int npy_read_header(struct rt_cursor *c, const char *name, struct dict *d,
                           struct rt_error *e)
{
    const uint8_t *m = rt_take_bytes(c, sizeof magic - 1);
    if (!m || memcmp(m, magic, sizeof magic - 1))
        return rt_error_set(e, RT_EFORMAT, "%s: byte 0: not a .npy file", name);
    unsigned major = rt_take_u8(c), minor = rt_take_u8(c);
    if (!c->bad && (major < 1 || major > 3 || minor != 0))
        return rt_error_set(e, RT_EFORMAT, "%s: byte 6: .npy version %u.%u; 1.0 to 3.0 are read",
                            name, major, minor);
    size_t size = major == 1 ? rt_take_u16(c) : rt_take_u32(c), at = c->at;
    const uint8_t *text = size <= HEADER_MAX ? rt_take_bytes(c, size) : NULL;
    if (!text || c->bad)
        return rt_error_set(e, RT_EFORMAT, "%s: byte 8: header of %zu bytes, %zu remain", name,
                            size, c->size - at);
    struct rt_cursor dict = {.data = text, .size = size};
    if (!npy_take_dict(&dict, d))
        return rt_error_set(e, RT_EFORMAT,
                            "%s: byte %zu: header is not {'descr': text, 'fortran_order': False, "
                            "'shape': (at most %d numbers)}",
                            name, at + dict.at, RT_TENSOR_RANK);
    return 0;
}

int rt_npy_parse(struct rt_tensor *t, const void *bytes, size_t size, const char *name,
                 struct rt_error *e)
{
    struct rt_cursor c = {.data = bytes, .size = size};
    struct dict d = {.have = 0};
    enum rt_dtype dtype = RT_F32;
    int64_t count;
    size_t need;

    memset(t, 0, sizeof *t);
    int rc = npy_read_header(&c, name, &d, e);
    if (rc)
        return rc;
    if (!npy_dtype(d.descr, &dtype))
        return rt_error_set(e, RT_EFORMAT,
                            "%s: 'descr' is '%s'; <f4, <f8, <i4, <i8 and |u1 are read: convert it "
                            "with x.astype('<f4')",
                            name, d.descr);
    if (d.fortran)
        return rt_error_set(e, RT_EFORMAT,
                            "%s: 'fortran_order' is True; save numpy.ascontiguousarray(x)", name);
    rc = rt_tensor_size(dtype, d.rank, d.dim, &count, &need);
    if (rc)
        return rt_error_set(e, rc, "%s: 'shape' is too large", name);
    if (size - c.at != need)
        return rt_error_set(e, RT_EFORMAT, "%s: byte %zu: %zu bytes of data; its shape needs %zu",
                            name, c.at, size - c.at, need);
    rc = rt_tensor_init_unset(t, dtype, d.rank, d.dim);
    if (rc)
        return rt_error_set(e, rc, "%s: out of memory for %zu bytes", name, need);
    memcpy(t->data, c.data + c.at, need);
    return 0;
}

int rt_npy_read(struct rt_tensor *t, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    memset(t, 0, sizeof *t);
    int rc = rt_file_read(path, FILE_LIMIT, &bytes, &size, e);
    if (rc)
        return rc;
    rc = rt_npy_parse(t, bytes, size, path, e);
    free(bytes);
    return rc;
}

/* ---- write ----
 * The dict is padded with blanks to whole lines of 64 bytes, as NumPy does, so that the data can be
 * mapped. */

int rt_npy_write(const struct rt_tensor *t, const char *path, struct rt_error *e)
{
    char header[4 * ALIGNMENT], shape[RT_TENSOR_RANK * 24] = "";
    int64_t count;
    size_t bytes;

    int rc = rt_tensor_size(t->dtype, t->rank, t->dim, &count, &bytes);
    if (rc)
        return rt_error_set(e, rc, "%s: not a valid tensor", path);
    for (int i = 0, n = 0; i < t->rank; i++)
        n += sprintf(shape + n, i ? ", %" PRId64 : "%" PRId64, t->dim[i]);
    /* magic, version 1.0, two bytes of length, the dict, spaces, a newline: whole lines of 64 */
    int used = 10 + snprintf(header + 10, sizeof header - 10,
                             "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                             descriptions[t->dtype], shape, t->rank == 1 ? "," : "");
    int whole = (used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(header + used, ' ', (size_t)(whole - used));
    header[whole - 1] = '\n';
    memcpy(header, magic, sizeof magic - 1);
    header[6] = 1;
    header[7] = 0;
    header[8] = (char)((whole - 10) & 0xFF);
    header[9] = (char)((whole - 10) >> 8);
    struct rt_span part[] = {{header, (size_t)whole}, {t->data, bytes}};
    return rt_file_write(path, part, 2, e);
}
