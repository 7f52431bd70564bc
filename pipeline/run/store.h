/* SPDX-License-Identifier: MIT
 * store: frames on disk by 128-bit key: decoded features, quality measures, teacher outputs.
 * One append-only file per kind and parameter set, shared by any number of processes.
 *
 * Layout: "RTSTORE1", then records: key (16 bytes), u32 length, u32 zero, a frame (frame.h), padded
 * to 8. Appends are one write under flock; a torn or damaged tail is cut at the next open; a record
 * whose checksum fails counts as absent. When `limit` bytes are reached nothing more is stored
 * (said once in the log by the caller: rt_store_full).
 * Threads: get and put may be called from any thread. */
#ifndef RT_STORE_H
#define RT_STORE_H

#include "formats/error.h"
#include "formats/frame.h"
#include <stdint.h>

struct rt_key128 {
    uint64_t lo, hi;
};
/* XXH3-128 of bytes, mixed with a first key (zero = none) so that keys can be chained. */
struct rt_key128 rt_key128_of(const void *bytes, size_t size, struct rt_key128 first);

struct rt_store; /* opaque */

/* Opens or makes FOLDER/NAME.store. limit in bytes. RT_EIO, RT_EFULL, RT_EFORMAT (not a store). */
int rt_store_open(struct rt_store **out, const char *folder, const char *name, uint64_t limit,
                  struct rt_error *e);
void rt_store_close(struct rt_store *s);
/* A new reference in *out, or NULL when absent. */
int rt_store_get(struct rt_store *s, struct rt_key128 key, struct rt_frame **out);
/* 0 also when the limit is reached (nothing stored). */
int rt_store_put(struct rt_store *s, struct rt_key128 key, const struct rt_frame *f);
int rt_store_full(const struct rt_store *s);
void rt_store_counts(struct rt_store *s, uint64_t *hits, uint64_t *misses, uint64_t *bytes);

#endif
