/* SPDX-License-Identifier: MIT
 * key: 128 bits that stand for content: of a sample's bytes, of a model's weights and settings. What is kept on disk
 * is kept under such keys (store.h). Pure functions, any thread. */
#ifndef RT_KEY_H
#define RT_KEY_H

#include <stddef.h>
#include <stdint.h>

struct rt_key128 {
    uint64_t lo, hi;
};
/* XXH3-128 of bytes, mixed with a first key (zero = none) so that keys can be chained. Keys follow the
 * machine's byte order; a store is not carried between machines. */
struct rt_key128 rt_key128_of(const void *bytes, size_t size, struct rt_key128 first);

/* The key of what hashes to `hash` (a key without a first one), chained to `first`. */
struct rt_key128 rt_key128_chain(struct rt_key128 hash, struct rt_key128 first);

#endif
