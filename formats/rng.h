/* SPDX-License-Identifier: MIT
 * rng: counter-based random numbers. Every draw follows from (seed, epoch, sample, purpose) alone,
 * so bytes never depend on timing, thread count or order of work. Not for cryptography. */
#ifndef RT_RNG_H
#define RT_RNG_H

#include <stdint.h>

/* What the numbers are for; a new use gets a new name, never another's. */
enum rt_purpose {
    RT_RNG_ORDER, RT_RNG_LABELS, RT_RNG_SPEECH, RT_RNG_IMAGE, RT_RNG_TEXT, RT_RNG_INIT,
    RT_RNG_DROPOUT, RT_RNG_TEST, RT_RNG_BOOTSTRAP, RT_RNG_NOISE, RT_RNG_ROOM
};

struct rt_rng {
    uint64_t key, counter;
};

struct rt_rng rt_rng_init(uint64_t seed, uint64_t epoch, uint64_t sample, enum rt_purpose purpose);
/* Numbers of their own for another purpose of the same sample, whatever r has given so far. */
struct rt_rng rt_rng_fork(const struct rt_rng *r, enum rt_purpose purpose);
uint64_t rt_rng_u64(struct rt_rng *r);
/* Draw number `place`, from 1 on, of a stream: what rt_rng_u64 gives as that; for loops of many draws. SplitMix64's
 * finaliser over key and place (2^64 / golden ratio is its step). */
static inline uint64_t rt_rng_at(uint64_t key, uint64_t place)
{
    uint64_t x = key + place * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}
double rt_rng_unit(struct rt_rng *r);                      /* [0, 1) */
double rt_rng_range(struct rt_rng *r, double lo, double hi); /* [lo, hi) */
uint32_t rt_rng_below(struct rt_rng *r, uint32_t n);       /* 0 .. n-1, n >= 1, unbiased */
double rt_rng_normal(struct rt_rng *r);                    /* mean 0, variance 1 */

#endif
