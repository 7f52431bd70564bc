/* SPDX-License-Identifier: MIT
 * test_percentiles: what is not finite, ties, in place, and a count by force. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stages/metrics/metrics.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void degenerate(void **state)
{
    double odd[] = {NAN, INFINITY, -INFINITY}, one[] = {NAN, 7, NAN}, p[3];

    (void)state;
    assert_int_equal(rt_percentiles(NULL, 0, NULL), 0);
    assert_int_equal(rt_percentiles(odd, 3, p), 0);
    assert_true(isnan(p[0]) && isnan(p[1]) && isnan(p[2]));
    assert_int_equal(rt_percentiles(one, 3, p), 0);
    assert_true(isnan(p[0]) && isnan(p[2]));
    NEAR(p[1], 1);
}

static void by_hand(void **state)
{
    double v[] = {3, 1, NAN, 2, 2}, same[] = {4, 4, 4};

    (void)state;
    assert_int_equal(rt_percentiles(v, 5, v), 0); /* in place */
    NEAR(v[0], 1);
    NEAR(v[1], 1.0 / 4);
    assert_true(isnan(v[2]));
    NEAR(v[3], 3.0 / 4);
    NEAR(v[4], 3.0 / 4);
    assert_int_equal(rt_percentiles(same, 3, same), 0);
    for (int i = 0; i < 3; i++)
        NEAR(same[i], 1);
}

static void by_force(void **state)
{
    double v[300], p[300];
    uint32_t seed = 5;

    (void)state;
    for (int i = 0; i < 300; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (double)(seed >> 26) - 30;
    }
    assert_int_equal(rt_percentiles(v, 300, p), 0);
    for (int i = 0; i < 300; i++) {
        int no_better = 0;
        for (int j = 0; j < 300; j++)
            no_better += v[j] <= v[i];
        NEAR(p[i], no_better / 300.0);
        assert_true(p[i] > 0 && p[i] <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(degenerate),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(by_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
