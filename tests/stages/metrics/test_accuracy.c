/* SPDX-License-Identifier: MIT
 * test_accuracy: degenerate input, hand-computed values, ties, and a brute-force check. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "formats/error.h"
#include "stages/metrics/metrics.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void refused(void **state)
{
    struct rt_accuracy a;
    float x[] = {1, NAN, 0, 1};
    int past[] = {0, 2}, good[] = {-1, 1}, bad[] = {0, 1};

    (void)state;
    assert_int_equal(rt_accuracy(&a, x, past, 2, 2), RT_ENOTFINITE);
    assert_null(a.confusion);
    x[1] = 0;
    assert_int_equal(rt_accuracy(&a, x, past, 2, 2), RT_ERANGE);
    assert_null(a.confusion);
    x[1] = NAN; /* of no interest in a sample without a label */
    assert_int_equal(rt_accuracy(&a, x, good, 2, 2), 0);
    assert_int_equal(a.count, 1);
    rt_accuracy_fini(&a);
    assert_int_equal(rt_accuracy(&a, x, bad, 2, 2), RT_ENOTFINITE);
}

static void nothing_labelled(void **state)
{
    struct rt_accuracy a;
    float x[] = {1, 2};
    int none[] = {-1};

    (void)state;
    assert_int_equal(rt_accuracy(&a, x, none, 1, 2), 0);
    assert_int_equal(a.count, 0);
    assert_true(isnan(a.top1) && isnan(a.top5) && isnan(a.macro_f1));
    rt_accuracy_fini(&a);
    assert_int_equal(rt_accuracy(&a, NULL, NULL, 0, 0), 0);
    rt_accuracy_fini(&a);
    rt_accuracy_fini(&a);
}

/* Truth 0 0 1 2, predicted 0 1 1 0; class 3 never occurs. F1: 0: 2*1/(2+2), 1: 2*1/(1+2), 2: 0. */
static void by_hand(void **state)
{
    struct rt_accuracy a;
    float x[] = {3, 1, 0, 0, 1, 3, 0, 0, 0, 2, 1, 0, 4, 1, 2, 0, 9, 9, 9, 9};
    int label[] = {0, 0, 1, 2, -1};
    int64_t confusion[] = {1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};

    (void)state;
    assert_int_equal(rt_accuracy(&a, x, label, 5, 4), 0);
    assert_int_equal(a.count, 4);
    NEAR(a.top1, 0.5);
    NEAR(a.top5, 1);
    NEAR(a.macro_f1, (0.5 + 2.0 / 3 + 0) / 3);
    assert_memory_equal(a.confusion, confusion, sizeof confusion);
    rt_accuracy_fini(&a);
}

static void ties_go_to_the_lower_class(void **state)
{
    struct rt_accuracy a;
    float x[14] = {0};
    int label[] = {0, 6};

    (void)state;
    assert_int_equal(rt_accuracy(&a, x, label, 2, 7), 0);
    NEAR(a.top1, 0.5);
    NEAR(a.top5, 0.5);
    assert_int_equal(a.confusion[0], 1);
    assert_int_equal(a.confusion[6 * 7], 1);
    rt_accuracy_fini(&a);
}

/* Top-5 by picking the best five one after another. */
static int within_five(const float *x, int classes, int y)
{
    int taken[16] = {0};

    for (int pick = 0; pick < 5; pick++) {
        int best = -1;
        for (int j = 0; j < classes; j++)
            if (!taken[j] && (best < 0 || x[j] > x[best]))
                best = j;
        if (best == y)
            return 1;
        taken[best] = 1;
    }
    return 0;
}

static void top_five_by_force(void **state)
{
    struct rt_accuracy a;
    float x[200 * 9];
    int label[200], five = 0;
    uint32_t seed = 3;

    (void)state;
    for (int i = 0; i < 200 * 9; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 29); /* 8 levels: many ties */
        label[i / 9] = (int)(seed >> 16) % 9;
    }
    for (int i = 0; i < 200; i++)
        five += within_five(x + i * 9, 9, label[i]);
    assert_int_equal(rt_accuracy(&a, x, label, 200, 9), 0);
    NEAR(a.top5, five / 200.0);
    rt_accuracy_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),           cmocka_unit_test(nothing_labelled),
        cmocka_unit_test(by_hand),           cmocka_unit_test(ties_go_to_the_lower_class),
        cmocka_unit_test(top_five_by_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
