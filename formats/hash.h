/* SPDX-License-Identifier: MIT
 * hash: fast non-cryptographic hashes of bytes (XXH3, whose values are fixed for good), for keys on disk
 * and for choices that must not depend on order. Pure functions, any thread. */
#ifndef RT_HASH_H
#define RT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3-64; bytes may be NULL when size is 0. */
uint64_t rt_hash64(const void *bytes, size_t size, uint64_t seed);

struct rt_hash128 {
    uint64_t lo, hi;
};
/* XXH3-128. */
struct rt_hash128 rt_hash128(const void *bytes, size_t size, uint64_t seed);

#endif
