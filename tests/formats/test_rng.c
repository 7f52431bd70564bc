/* SPDX-License-Identifier: MIT
 * Tests of formats/rng: same inputs same numbers, streams apart, ranges kept, moments right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "formats/rng.h"

#define DRAWS 200000

/* n = 1 has one answer; lo = hi too. */
static void test_narrowest(void **state)
{
    (void)state;
    struct rt_rng r = rt_rng_init(0, 0, 0, RT_RNG_TEST);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rt_rng_below(&r, 1), 0);
        assert_true(rt_rng_range(&r, 3.5, 3.5) == 3.5);
        assert_true(rt_rng_range(&r, 1, nextafter(1, 2)) == 1);
    }
}

/* The numbers are part of every run's bytes: they must never change. */
static void test_fixed_numbers(void **state)
{
    (void)state;
    struct rt_rng a = rt_rng_init(1, 2, 3, RT_RNG_ORDER), b = rt_rng_init(1, 2, 3, RT_RNG_ORDER);
    uint64_t first = rt_rng_u64(&a);
    assert_true(first == UINT64_C(0x57BA39FDC6332D0F));
    assert_true(rt_rng_u64(&b) == first);
    b.counter = 1000; /* a draw is a place, whatever was drawn before */
    for (int i = 1; i < 1000; i++)
        rt_rng_u64(&a);
    assert_true(rt_rng_u64(&a) == rt_rng_u64(&b));
}

static void test_streams_apart(void **state)
{
    (void)state;
    struct rt_rng base = rt_rng_init(1, 2, 3, RT_RNG_SPEECH);
    struct rt_rng other[] = {
        rt_rng_init(2, 2, 3, RT_RNG_SPEECH), rt_rng_init(1, 3, 3, RT_RNG_SPEECH),
        rt_rng_init(1, 2, 4, RT_RNG_SPEECH), rt_rng_init(1, 2, 3, RT_RNG_IMAGE),
        rt_rng_init(2, 1, 3, RT_RNG_SPEECH), rt_rng_init(1, 3, 2, RT_RNG_SPEECH),
    };
    for (size_t k = 0; k < sizeof other / sizeof *other; k++) {
        struct rt_rng a = base;
        double product = 0;
        for (int i = 0; i < DRAWS; i++)
            product += (rt_rng_unit(&a) - 0.5) * (rt_rng_unit(&other[k]) - 0.5);
        /* standard error of the correlation is 1 / sqrt(DRAWS) = 0.0022 */
        assert_true(fabs(12 * product / DRAWS) < 0.011);
    }
}

static void test_moments(void **state)
{
    (void)state;
    struct rt_rng r = rt_rng_init(7, 0, 0, RT_RNG_TEST);
    double sum = 0, square = 0, unit = 0;
    for (int i = 0; i < DRAWS; i++) {
        double n = rt_rng_normal(&r), u = rt_rng_unit(&r), x = rt_rng_range(&r, -3, 5);
        assert_true(isfinite(n));
        assert_true(u >= 0 && u < 1);
        assert_true(x >= -3 && x < 5);
        sum += n;
        square += n * n;
        unit += u;
    }
    assert_true(fabs(sum / DRAWS) < 0.01);
    assert_true(fabs(square / DRAWS - 1) < 0.02);
    assert_true(fabs(unit / DRAWS - 0.5) < 0.004);
}

/* 3 * 2^30 would be badly biased by a plain modulo: its lowest third would come twice as often. */
static void test_below_is_unbiased(void **state)
{
    (void)state;
    struct rt_rng r = rt_rng_init(9, 0, 0, RT_RNG_TEST);
    uint32_t n = UINT32_C(3) << 30;
    int third[3] = {0}, face[6] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t x = rt_rng_below(&r, n);
        assert_true(x < n);
        third[x >> 30]++;
        face[rt_rng_below(&r, 6)]++;
    }
    for (int i = 0; i < 3; i++)
        assert_true(abs(third[i] - DRAWS / 3) < DRAWS / 100);
    for (int i = 0; i < 6; i++)
        assert_true(abs(face[i] - DRAWS / 6) < DRAWS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrowest),     cmocka_unit_test(test_fixed_numbers),
        cmocka_unit_test(test_streams_apart), cmocka_unit_test(test_moments),
        cmocka_unit_test(test_below_is_unbiased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
