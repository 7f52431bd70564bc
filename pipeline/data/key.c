/* SPDX-License-Identifier: MIT
 * key: see key.h. Apart from the store, so that whoever only names things by content needs no store. */
#include "pipeline/data/key.h"

#include "formats/hash.h"

struct rt_key128 rt_key128_of(const void *bytes, size_t size, struct rt_key128 first)
{
    struct rt_hash128 h = rt_hash128(bytes, size, 0);
    return rt_key128_chain((struct rt_key128){h.lo, h.hi}, first);
}

struct rt_key128 rt_key128_chain(struct rt_key128 hash, struct rt_key128 first)
{
    if (!(first.lo | first.hi))
        return hash;
    uint64_t both[4] = {first.lo, first.hi, hash.lo, hash.hi};
    struct rt_hash128 h = rt_hash128(both, sizeof both, 0);
    return (struct rt_key128){h.lo, h.hi};
}
