/* SPDX-License-Identifier: MIT
 * frame: one named tensor, compressed on its own, immutable and reference-counted.
 * The same bytes travel in a batch's memory and lie in the store on disk (pipeline/data/store.h).
 *
 * Layout, little-endian, version 1:
 *   0   4  magic "RTF1"
 *   4   1  codec: 0 raw, 1 zstd, 2 byte-shuffle then zstd
 *   5   1  dtype (number of the row in dtypes.def)
 *   6   1  rank, 0..RT_TENSOR_RANK
 *   7   1  name length, 1..RT_FRAME_NAME
 *   8   8  raw bytes of the tensor (must equal the shape's)
 *   16  8  payload bytes that follow the header
 *   24  8  XXH3-64 of all that follows byte 31, seeded with the XXH3-64 of bytes 0 to 23
 *   32  8*rank  dimensions
 *   ..  name, not NUL-terminated; zero padding to a multiple of 8; payload
 * Version rule: another magic for another layout; a reader refuses what it does not know.
 * Limits: RT_TENSOR_BYTES_MAX raw bytes; checked before anything is allocated.
 *
 * Threads: a frame never changes; ref and unref may be called from any thread. */
#ifndef RT_FRAME_H
#define RT_FRAME_H

#include "formats/error.h"
#include "formats/tensor.h"

#define RT_FRAME_NAME 63
#define RT_FRAME_RAW_BELOW 4096 /* tensors smaller than this stay uncompressed */

struct rt_frame; /* opaque */

/* Packs t under name into a new frame (one reference, the caller's). level: zstd level, -7..19;
 * 0 = leave raw. Float and integer tensors wider than a byte are byte-shuffled first. Kept raw when
 * compression does not shrink it. RT_EMEM, RT_ERANGE (name, level, shape), RT_ELARGE. */
int rt_frame_pack(struct rt_frame **out, const char *name, const struct rt_tensor *t, int level);

/* Unpacks into a freshly initialised *t (caller fini's). RT_EMEM, RT_ECHECKSUM. */
int rt_frame_unpack(const struct rt_frame *f, struct rt_tensor *t, struct rt_error *e);
/* Unpacks into memory the caller has: bytes must equal rt_frame_raw_bytes; else RT_EMISMATCH. */
int rt_frame_unpack_into(const struct rt_frame *f, void *data, size_t bytes, struct rt_error *e);

/* Reads one frame from the start of untrusted bytes (copied); *used = bytes taken. Refuses with the
 * offset of what is wrong: RT_EFORMAT, RT_ECHECKSUM, RT_ELARGE, RT_EMEM. */
int rt_frame_parse(struct rt_frame **out, const void *bytes, size_t size, size_t *used,
                   struct rt_error *e);
/* The frame as it lies on disk or the wire; valid while the frame lives. */
const void *rt_frame_bytes(const struct rt_frame *f, size_t *size);

struct rt_frame *rt_frame_ref(struct rt_frame *f);
void rt_frame_unref(struct rt_frame *f); /* NULL is fine */

const char *rt_frame_name(const struct rt_frame *f);
size_t rt_frame_raw_bytes(const struct rt_frame *f);    /* of the tensor */
size_t rt_frame_packed_bytes(const struct rt_frame *f); /* header and payload: what memory holds */
/* Shape and dtype with data = NULL. */
struct rt_tensor rt_frame_shape(const struct rt_frame *f);

#endif
