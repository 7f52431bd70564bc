/* SPDX-License-Identifier: MIT
 * frame: pack, unpack, parse. A frame is one allocation: the count and the bytes of frame.h.
 * The only file that knows zstd. zstd contexts are kept per thread, because making them costs 5 %
 * of a 1 MiB frame and half of a 16 KiB one; they go when their thread does. */
#include "formats/frame.h"
#include "formats/file.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { CODEC_RAW, CODEC_ZSTD, CODEC_SHUFFLE_ZSTD, CODECS };

#define HEADER 32 /* before the dimensions */
#define CHECKSUM_AT 24
static const uint8_t magic[4] = {'R', 'T', 'F', '1'};

struct rt_frame {
    atomic_int refs;
    uint8_t codec;
    struct rt_tensor shape; /* data = NULL */
    size_t raw, payload, header;
    char name[RT_FRAME_NAME + 1];
    uint8_t bytes[]; /* header and payload */
};

/* ---- zstd contexts of the calling thread ---- */

struct contexts {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};
static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static int contexts_failed;

static void contexts_free(void *p)
{
    struct contexts *c = p;
    ZSTD_freeCCtx(c->pack);
    ZSTD_freeDCtx(c->unpack);
    free(c);
}

static void contexts_make_key(void)
{
    contexts_failed = pthread_key_create(&contexts_key, contexts_free);
}

static struct contexts *contexts_of_thread(void)
{
    pthread_once(&contexts_once, contexts_make_key);
    if (contexts_failed)
        return NULL;
    struct contexts *c = pthread_getspecific(contexts_key);
    if (!c && (c = calloc(1, sizeof *c)) && pthread_setspecific(contexts_key, c)) {
        free(c);
        c = NULL;
    }
    return c;
}

/* ---- byte shuffle: the k-th bytes of all elements together, so that exponents meet ----
 * Floats hardly compress: their low bytes are noise. Sorted by byte, signs and exponents, which
 * repeat, lie together, and zstd at its fastest levels finds them. */

/* The two common widths go by whole words, which compilers turn into vector code; memcpy because
 * the caller's data may be of any type and lie on any address. */
static void shuffle4(uint8_t *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, in + 4 * i, 4);
        out[i] = (uint8_t)v;
        out[n + i] = (uint8_t)(v >> 8);
        out[2 * n + i] = (uint8_t)(v >> 16);
        out[3 * n + i] = (uint8_t)(v >> 24);
    }
}

static void unshuffle4(uint8_t *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t v = in[i] | (uint32_t)in[n + i] << 8 | (uint32_t)in[2 * n + i] << 16 |
                     (uint32_t)in[3 * n + i] << 24;
        memcpy(out + 4 * i, &v, 4);
    }
}

static void shuffle8(uint8_t *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v;
        memcpy(&v, in + 8 * i, 8);
        out[i] = (uint8_t)v;
        out[n + i] = (uint8_t)(v >> 8);
        out[2 * n + i] = (uint8_t)(v >> 16);
        out[3 * n + i] = (uint8_t)(v >> 24);
        out[4 * n + i] = (uint8_t)(v >> 32);
        out[5 * n + i] = (uint8_t)(v >> 40);
        out[6 * n + i] = (uint8_t)(v >> 48);
        out[7 * n + i] = (uint8_t)(v >> 56);
    }
}

static void unshuffle8(uint8_t *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = in[i] | (uint64_t)in[n + i] << 8 | (uint64_t)in[2 * n + i] << 16 |
                     (uint64_t)in[3 * n + i] << 24 | (uint64_t)in[4 * n + i] << 32 |
                     (uint64_t)in[5 * n + i] << 40 | (uint64_t)in[6 * n + i] << 48 |
                     (uint64_t)in[7 * n + i] << 56;
        memcpy(out + 8 * i, &v, 8);
    }
}

/* width: 4 or 8; dtypes.def has no other beside 1, which needs no shuffle. */
static void bytes_shuffle(uint8_t *out, const void *in, size_t bytes, size_t width)
{
    assert(width == 4 || width == 8);
    (width == 4 ? shuffle4 : shuffle8)(out, in, bytes / width);
}

static void bytes_unshuffle(void *out, const uint8_t *in, size_t bytes, size_t width)
{
    assert(width == 4 || width == 8);
    (width == 4 ? unshuffle4 : unshuffle8)(out, in, bytes / width);
}

/* ---- header ----
 * The bytes in memory are those on disk: a frame goes into a store or out of it without being
 * written anew. The checksum covers header and payload, so one look tells whether a record is
 * whole; the header ends on a multiple of eight, so that raw data behind it is aligned. */

static uint64_t frame_checksum(const uint8_t *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes + HEADER, size - HEADER, XXH3_64bits(bytes, CHECKSUM_AT));
}

static void bytes_put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static size_t header_bytes(int rank, size_t name_size)
{
    return (HEADER + 8 * (size_t)rank + name_size + 7) / 8 * 8;
}

/* Writes the header of a frame whose fields and payload are complete. */
static void header_write(struct rt_frame *f)
{
    uint8_t *b = f->bytes;
    size_t name_size = strlen(f->name);
    memset(b, 0, f->header);
    memcpy(b, magic, sizeof magic);
    b[4] = f->codec;
    b[5] = (uint8_t)f->shape.dtype;
    b[6] = (uint8_t)f->shape.rank;
    b[7] = (uint8_t)name_size;
    bytes_put_u64(b + 8, f->raw);
    bytes_put_u64(b + 16, f->payload);
    for (int i = 0; i < f->shape.rank; i++)
        bytes_put_u64(b + HEADER + 8 * i, (uint64_t)f->shape.dim[i]);
    memcpy(b + HEADER + 8 * f->shape.rank, f->name, name_size);
    bytes_put_u64(b + CHECKSUM_AT, frame_checksum(b, f->header + f->payload));
}

/* ---- pack ----
 * What does not shrink is kept raw: the room given to zstd is one byte less than the data, so it
 * gives up by itself. Small frames are not tried at all, the work costs more than the bytes. */

/* Compresses into at most room bytes. Gives the size, 0 when it does not fit, or RT_EMEM. */
static int64_t payload_compress(uint8_t *out, size_t room, const uint8_t *in, size_t size,
                                int level)
{
    struct contexts *c = contexts_of_thread();
    if (!c || (!c->pack && !(c->pack = ZSTD_createCCtx())))
        return RT_EMEM;
    ZSTD_CCtx_reset(c->pack, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(c->pack, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(c->pack, ZSTD_c_checksumFlag, 1);
    size_t used = ZSTD_compress2(c->pack, out, room, in, size);
    if (!ZSTD_isError(used))
        return (int64_t)used;
    return ZSTD_getErrorCode(used) == ZSTD_error_dstSize_tooSmall ? 0 : RT_EMEM;
}

/* Fills payload and codec; f->bytes has room for header and raw bytes. */
static int payload_pack(struct rt_frame *f, const void *data, int level)
{
    size_t width = rt_dtype_size(f->shape.dtype);
    int64_t used = 0;

    if (level != 0 && f->raw >= RT_FRAME_RAW_BELOW) {
        uint8_t *shuffled = NULL;
        if (width > 1) {
            shuffled = malloc(f->raw);
            if (!shuffled)
                return RT_EMEM;
            bytes_shuffle(shuffled, data, f->raw, width);
        }
        used = payload_compress(f->bytes + f->header, f->raw - 1, shuffled ? shuffled : data,
                                f->raw, level);
        free(shuffled);
        if (used < 0)
            return (int)used;
    }
    f->codec = used == 0 ? CODEC_RAW : width > 1 ? CODEC_SHUFFLE_ZSTD : CODEC_ZSTD;
    f->payload = used == 0 ? f->raw : (size_t)used;
    if (used == 0 && f->raw > 0)
        memcpy(f->bytes + f->header, data, f->raw);
    return 0;
}

/* One allocation of the raw size, given back to what was used: compressing into a block of its own
 * and copying it would touch every byte twice. */

int rt_frame_pack(struct rt_frame **out, const char *name, const struct rt_tensor *t, int level)
{
    int64_t count;
    size_t raw, name_size = strnlen(name, RT_FRAME_NAME + 1);

    *out = NULL;
    if (name_size < 1 || name_size > RT_FRAME_NAME || level < -7 || level > 19)
        return RT_ERANGE;
    int rc = rt_tensor_size(t->dtype, t->rank, t->dim, &count, &raw);
    if (rc)
        return rc;
    size_t header = header_bytes(t->rank, name_size);
    struct rt_frame *f = malloc(sizeof *f + header + raw);
    if (!f)
        return RT_EMEM;
    atomic_init(&f->refs, 1);
    f->shape = rt_tensor_view(t->dtype, t->rank, t->dim, NULL);
    f->raw = raw;
    f->header = header;
    memcpy(f->name, name, name_size);
    f->name[name_size] = '\0';
    rc = payload_pack(f, t->data, level);
    if (rc) {
        free(f);
        return rc;
    }
    header_write(f);
    if (f->payload < raw) {
        struct rt_frame *smaller = realloc(f, sizeof *f + header + f->payload);
        f = smaller ? smaller : f;
    }
    *out = f;
    return 0;
}

/* ---- unpack ---- */

static int payload_decompress(const struct rt_frame *f, uint8_t *out, struct rt_error *e)
{
    struct contexts *c = contexts_of_thread();
    if (!c || (!c->unpack && !(c->unpack = ZSTD_createDCtx())))
        return rt_error_set(e, RT_EMEM, "frame '%s': out of memory", f->name);
    size_t got = ZSTD_decompressDCtx(c->unpack, out, f->raw, f->bytes + f->header, f->payload);
    if (!ZSTD_isError(got) && got == f->raw)
        return 0;
    return rt_error_set(e, RT_ECHECKSUM, "frame '%s': compressed data is damaged: %s", f->name,
                        ZSTD_isError(got) ? ZSTD_getErrorName(got) : "fewer bytes than declared");
}

int rt_frame_unpack_into(const struct rt_frame *f, void *data, size_t bytes, struct rt_error *e)
{
    if (bytes != f->raw)
        return rt_error_set(e, RT_EMISMATCH, "frame '%s': holds %zu bytes, %zu were expected",
                            f->name, f->raw, bytes);
    if (f->codec == CODEC_RAW) {
        if (bytes > 0)
            memcpy(data, f->bytes + f->header, bytes);
        return 0;
    }
    if (f->codec == CODEC_ZSTD)
        return payload_decompress(f, data, e);
    uint8_t *shuffled = malloc(f->raw);
    if (!shuffled)
        return rt_error_set(e, RT_EMEM, "frame '%s': out of memory for %zu bytes", f->name, f->raw);
    int rc = payload_decompress(f, shuffled, e);
    if (!rc)
        bytes_unshuffle(data, shuffled, f->raw, rt_dtype_size(f->shape.dtype));
    free(shuffled);
    return rc;
}

int rt_frame_unpack(const struct rt_frame *f, struct rt_tensor *t, struct rt_error *e)
{
    int rc = rt_tensor_init_unset(t, f->shape.dtype, f->shape.rank, f->shape.dim);
    if (rc)
        return rt_error_set(e, rc, "frame '%s': out of memory for %zu bytes", f->name, f->raw);
    rc = rt_frame_unpack_into(f, t->data, f->raw, e);
    if (rc)
        rt_tensor_fini(t);
    return rc;
}

/* ---- parse ----
 * Bytes from a file may say anything. Each field is checked against what the others and the length
 * allow before memory is asked for, then the checksum, then the frame is built. Padding must be
 * zero: two frames of the same content are the same bytes. */

/* A zstd block gives at most 128 KiB and takes at least 3 bytes: a declared size beyond that is a
 * lie, refused before it makes anybody allocate. */
static int payload_is_plausible(uint64_t raw, uint64_t payload)
{
    return raw / (128 * 1024) <= payload / 3;
}

static int payload_check(const struct rt_frame *f, struct rt_error *e)
{
    const uint8_t *p = f->bytes + f->header;
    if (f->codec == CODEC_SHUFFLE_ZSTD && rt_dtype_size(f->shape.dtype) == 1)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 4: codec %d does not fit single bytes",
                            f->codec);
    if (f->codec == CODEC_RAW && f->payload != f->raw)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 16: payload of %zu bytes; raw needs %zu",
                            f->payload, f->raw);
    if (f->codec != CODEC_RAW &&
        (f->payload >= f->raw || !payload_is_plausible(f->raw, f->payload) ||
         ZSTD_getFrameContentSize(p, f->payload) != f->raw))
        return rt_error_set(e, RT_EFORMAT,
                            "frame, byte 8: %zu bytes cannot come from a payload of "
                            "%zu",
                            f->raw, f->payload);
    return 0;
}

/* Reads the fixed part and the dimensions into f, all but name and payload. */
static int header_parse(struct rt_frame *f, struct rt_cursor *c, size_t *name_size,
                        uint64_t *expected, struct rt_error *e)
{
    const uint8_t *m = rt_take_bytes(c, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic))
        return rt_error_set(e, RT_EFORMAT, "frame, byte 0: not a frame (no \"RTF1\")");
    if (c->size < HEADER)
        return rt_error_set(e, RT_EFORMAT, "frame: %zu bytes, too few for its header", c->size);
    f->codec = rt_take_u8(c);
    unsigned dtype = rt_take_u8(c), rank = rt_take_u8(c);
    *name_size = rt_take_u8(c);
    uint64_t raw = rt_take_u64(c), payload = rt_take_u64(c);
    *expected = rt_take_u64(c);
    if (f->codec >= CODECS)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 4: codec %d; known are 0 to %d", f->codec,
                            CODECS - 1);
    if (dtype >= RT_DTYPES)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 5: dtype %u; known are 0 to %d", dtype,
                            RT_DTYPES - 1);
    if (rank > RT_TENSOR_RANK)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 6: rank %u; at most %d", rank,
                            RT_TENSOR_RANK);
    if (*name_size < 1 || *name_size > RT_FRAME_NAME)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 7: name of %zu bytes; 1 to %d are allowed",
                            *name_size, RT_FRAME_NAME);
    int64_t dim[RT_TENSOR_RANK] = {0}, count;
    for (unsigned i = 0; i < rank; i++)
        dim[i] = (int64_t)rt_take_u64(c);
    f->header = header_bytes((int)rank, *name_size);
    if (c->bad || f->header > c->size)
        return rt_error_set(e, RT_EFORMAT, "frame: %zu bytes, too few for its header", c->size);
    int rc = rt_tensor_size((enum rt_dtype)dtype, (int)rank, dim, &count, &f->raw);
    if (rc)
        return rt_error_set(e, rc == RT_ELARGE ? rc : RT_EFORMAT,
                            "frame, byte %d: dimensions out of range", HEADER);
    if (raw != f->raw)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 8: %llu raw bytes; its shape needs %zu",
                            (unsigned long long)raw, f->raw);
    if (payload > c->size - f->header)
        return rt_error_set(e, RT_EFORMAT, "frame, byte 16: payload of %llu bytes, %zu remain",
                            (unsigned long long)payload, c->size - f->header);
    f->payload = (size_t)payload;
    f->shape = rt_tensor_view((enum rt_dtype)dtype, (int)rank, dim, NULL);
    return 0;
}

/* The name and the zeros behind it, up to the payload. */
static int name_parse(struct rt_frame *f, struct rt_cursor *c, size_t name_size, struct rt_error *e)
{
    size_t at = c->at;
    const uint8_t *name = rt_take_bytes(c, f->header - at);
    if (!name || memchr(name, 0, name_size))
        return rt_error_set(e, RT_EFORMAT, "frame, byte %zu: zero byte in its name", at);
    for (size_t i = name_size; i < f->header - at; i++)
        if (name[i] != 0)
            return rt_error_set(e, RT_EFORMAT, "frame, byte %zu: padding is not zero", at + i);
    memcpy(f->name, name, name_size);
    f->name[name_size] = '\0';
    return 0;
}

int rt_frame_parse(struct rt_frame **out, const void *bytes, size_t size, size_t *used,
                   struct rt_error *e)
{
    struct rt_cursor c = {.data = bytes, .size = size};
    struct rt_frame head = {.codec = 0};
    size_t name_size = 0;
    uint64_t expected = 0;

    *out = NULL;
    *used = 0;
    RT_TRY(header_parse(&head, &c, &name_size, &expected, e));
    RT_TRY(name_parse(&head, &c, name_size, e));
    size_t total = head.header + head.payload;
    if (frame_checksum(bytes, total) != expected)
        return rt_error_set(e, RT_ECHECKSUM, "frame '%s': checksum at byte %d does not match",
                            head.name, CHECKSUM_AT);
    struct rt_frame *f = malloc(sizeof *f + total);
    if (!f)
        return rt_error_set(e, RT_EMEM, "frame '%s': out of memory for %zu bytes", head.name,
                            total);
    memcpy(f, &head, sizeof head);
    atomic_init(&f->refs, 1);
    memcpy(f->bytes, bytes, total);
    int rc = payload_check(f, e);
    if (rc) {
        free(f);
        return rc;
    }
    *used = total;
    *out = f;
    return 0;
}

/* ---- the rest ---- */

const void *rt_frame_bytes(const struct rt_frame *f, size_t *size)
{
    *size = f->header + f->payload;
    return f->bytes;
}

struct rt_frame *rt_frame_ref(struct rt_frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void rt_frame_unref(struct rt_frame *f)
{
    if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

const char *rt_frame_name(const struct rt_frame *f)
{
    return f->name;
}

size_t rt_frame_raw_bytes(const struct rt_frame *f)
{
    return f->raw;
}

size_t rt_frame_packed_bytes(const struct rt_frame *f)
{
    return f->header + f->payload;
}

struct rt_tensor rt_frame_shape(const struct rt_frame *f)
{
    return f->shape;
}
