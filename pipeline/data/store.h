/* SPDX-License-Identifier: MIT
 * store: frames on disk by 128-bit key: decoded features, quality measures, teacher outputs.
 * One append-only file per kind and parameter set, shared by any number of processes.
 *
 * Layout: "RTSTORE1", then records: key (16 bytes), u32 length, u32 zero, a frame (frame.h), padded
 * to 8. Appends are one write under flock; a torn or damaged tail is cut at the next open; a record
 * whose checksum fails counts as absent. When `limit` bytes are reached nothing more is stored (rt_store_full).
 * In memory each record takes 64 to 128 bytes; a million small ones are looked through in half a second.
 * Threads: get and put may be called from any thread. */
#ifndef RT_STORE_H
#define RT_STORE_H

#include "formats/error.h"
#include "formats/frame.h"
#include "pipeline/data/key.h"

#include <stdint.h>

struct rt_store; /* opaque */

/* Opens or makes FOLDER/NAME.store, and makes it count as used now. limit in bytes. RT_EIO, RT_EFULL,
 * RT_EFORMAT (not a store). */
int rt_store_open(struct rt_store **out, const char *folder, const char *name, uint64_t limit,
                  struct rt_error *e);
void rt_store_close(struct rt_store *s);
/* A new reference, or NULL when absent. What another process has put is seen. */
struct rt_frame *rt_store_get(struct rt_store *s, struct rt_key128 key);
/* 0 also when the limit is reached (nothing stored) or the key is there already. RT_EFULL (disk), RT_EIO,
 * RT_ELARGE, RT_EMEM: not stored, the file is as before. */
int rt_store_put(struct rt_store *s, struct rt_key128 key, const struct rt_frame *f);
/* 1 when something was not stored for want of room under the limit. Any thread. */
int rt_store_full(const struct rt_store *s);
/* Another limit from now on; what is stored above a lower one stays. Any thread. */
void rt_store_limit(struct rt_store *s, uint64_t limit);
/* Gets that found something and that did not; size of the file. */
void rt_store_counts(struct rt_store *s, uint64_t *hits, uint64_t *misses, uint64_t *bytes);

/* The folder that stores lie in unless somebody names one: $XDG_CACHE_HOME/retort, else ~/.cache/retort, else "": in
 * one that all may write to, anybody could put what is then taken for a feature or for a teacher's answer. */
void rt_store_home(char *path, size_t size);

/* Deletes the stores FOLDER/PREFIX*.store that nobody has opened or written for `days`; returns how many. A
 * process that has had one open for as long keeps it, unseen by others. */
int rt_store_expire(const char *folder, const char *prefix, int days);

#endif
