/* SPDX-License-Identifier: MIT
 * test_weights: the formula at hand-computed points, unmeasured and impossible values, mean 1,
 * mutes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/stages/distill/whole_batch.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void odd_input(void **state)
{
    (void)state;
    NEAR(rt_weight_curve(NAN, 2, 0.1), 1);
    NEAR(rt_weight_curve(-3, 2, 0.1), 0.1);
    NEAR(rt_weight_curve(7, 2, 0.1), 1);
    NEAR(rt_weight_curve(-INFINITY, 1, 0), 0);
    weight_batch(NULL, NULL, 0, 1, 0, NULL);
    rt_weight_quality(NULL, 0, 3, NULL);
    assert_true(weight_effective(NULL, 0) == 0);
}

static void curve(void **state)
{
    (void)state;
    NEAR(rt_weight_curve(0.5, 2, 0), 0.25);
    NEAR(rt_weight_curve(0.5, 2, 0.2), 0.2 + 0.8 * 0.25);
    NEAR(rt_weight_curve(0, 1, 0.05), 0.05);
    NEAR(rt_weight_curve(0, 0, 0.05), 1); /* gamma 0 = quality is not looked at */
    NEAR(rt_weight_curve(0.3, 0, 0), 1);
    NEAR(rt_weight_curve(0.3, 5, 1), 1);
}

static void quality(void **state)
{
    (void)state;
    double value[] = {0.5, 0.5, NAN, 0.25, 2, -1, NAN, NAN}, q[4];

    rt_weight_quality(value, 4, 2, q);
    NEAR(q[0], 0.25);
    NEAR(q[1], 0.25);
    NEAR(q[2], 0);
    NEAR(q[3], 1);
    rt_weight_quality(value, 2, 0, q);
    NEAR(q[0], 1);
    NEAR(q[1], 1);
}

static void batch_mean_is_one(void **state)
{
    (void)state;
    double q[] = {0.1, 0.9, NAN, 0.4}, w[4], sum = 0;

    weight_batch(q, NULL, 4, 1, 0, w);
    for (int i = 0; i < 4; i++)
        sum += w[i];
    NEAR(sum / 4, 1);
    NEAR(w[0], 0.1 / 0.6); /* mean of .1 .9 1 .4 */
    NEAR(w[2], 1 / 0.6);
}

static void hand_factors(void **state)
{
    (void)state;
    double q[] = {0.1, 0.5, 0.3}, scale[] = {0, 1, 2}, none[] = {0, 0, 0}, w[3];

    weight_batch(q, scale, 3, 1, 0, w);
    assert_true(w[0] == 0);
    NEAR(w[1], 0.5 / 0.4); /* the mean is over the unmuted alone */
    NEAR(w[2], 2 * 0.3 / 0.4);
    weight_batch(q, none, 3, 1, 0, w);
    for (int i = 0; i < 3; i++)
        assert_true(w[i] == 0);
}

static void nothing_is_good(void **state)
{
    (void)state;
    double q[] = {0, 0, 0}, w[3];

    weight_batch(q, NULL, 3, 1, 0, w);
    for (int i = 0; i < 3; i++)
        NEAR(w[i], 1);
}

static void effective(void **state)
{
    (void)state;
    double even[] = {2, 2, 2, 2}, one[] = {0, 5, 0, 0}, mixed[] = {1, 2, 3}, zero[] = {0, 0};

    NEAR(weight_effective(even, 4), 4);
    NEAR(weight_effective(one, 4), 1);
    NEAR(weight_effective(mixed, 3), 36.0 / 14);
    assert_true(weight_effective(zero, 2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_input),    cmocka_unit_test(curve),
        cmocka_unit_test(quality),      cmocka_unit_test(batch_mean_is_one),
        cmocka_unit_test(hand_factors), cmocka_unit_test(nothing_is_good),
        cmocka_unit_test(effective),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
