/* SPDX-License-Identifier: MIT
 * hash: XXH3 behind two functions of our own, for folders that do not include xxhash. */
#include "formats/hash.h"

#include <xxhash.h>

uint64_t rt_hash64(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

struct rt_hash128 rt_hash128(const void *bytes, size_t size, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(bytes, size, seed);
    return (struct rt_hash128){h.low64, h.high64};
}
