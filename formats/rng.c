/* SPDX-License-Identifier: MIT
 * rng: SplitMix64's finaliser over key + counter: a stream is a key, a draw is a place in it, and no
 * state is shared. The key folds (seed, epoch, sample, purpose) one after the other, so that streams
 * that differ in one of them have nothing in common. */
#include "formats/rng.h"

#include <assert.h>
#include <math.h>

#define GOLDEN 0x9E3779B97F4A7C15u

/* A generator with a state would make each draw depend on all before it, and so on which thread
 * asked first, and a resumed run would have to restore it. Here a draw is a function of its place:
 * any thread can make any draw, in any order, and nothing is saved. */

static uint64_t key_mix(uint64_t x)
{
    return rt_rng_at(x, 0);
}

static uint64_t key_fold(uint64_t key, uint64_t value)
{
    return key_mix((key + GOLDEN) ^ key_mix(value + GOLDEN));
}

struct rt_rng rt_rng_init(uint64_t seed, uint64_t epoch, uint64_t sample, enum rt_purpose purpose)
{
    uint64_t key =
        key_fold(key_fold(key_fold(key_fold(0, seed), epoch), sample), (uint64_t)purpose);
    return (struct rt_rng){.key = key, .counter = 0};
}

struct rt_rng rt_rng_fork(const struct rt_rng *r, enum rt_purpose purpose)
{
    return (struct rt_rng){.key = key_fold(r->key, (uint64_t)purpose), .counter = 0};
}

uint64_t rt_rng_u64(struct rt_rng *r)
{
    return rt_rng_at(r->key, ++r->counter);
}

double rt_rng_unit(struct rt_rng *r)
{
    return (double)(rt_rng_u64(r) >> 11) * 0x1p-53;
}

double rt_rng_range(struct rt_rng *r, double lo, double hi)
{
    double x = lo + (hi - lo) * rt_rng_unit(r);
    return x < hi || lo >= hi ? x : nextafter(hi, lo); /* rounding may reach hi */
}

uint32_t rt_rng_below(struct rt_rng *r, uint32_t n)
{
    assert(n >= 1);
    /* Lemire's multiply-shift; the draws of the low remainder are thrown away. */
    uint32_t refuse = (uint32_t)(-n) % n;
    for (;;) {
        uint64_t product = (rt_rng_u64(r) >> 32) * n;
        if ((uint32_t)product >= refuse)
            return (uint32_t)(product >> 32);
    }
}

double rt_rng_normal(struct rt_rng *r)
{
    /* Box-Muller; the second value is not kept, so that a draw always costs two counts. */
    double radius = sqrt(-2 * log(1 - rt_rng_unit(r)));
    return radius * cos(2 * 3.14159265358979323846 * rt_rng_unit(r));
}
