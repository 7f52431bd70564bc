/* SPDX-License-Identifier: MIT
 * test_verification: refused input, perfect, reversed and blind systems, ties, hand-computed
 * points, and a check that counts errors anew at every threshold. */
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
    struct rt_verification v;
    double score[] = {1, 2, 3}, odd[] = {1, NAN, 3};
    uint8_t same[] = {1, 0, 1}, all[] = {1, 1, 1}, none[] = {0, 0, 0};

    (void)state;
    assert_int_equal(rt_verification(&v, NULL, NULL, 0, 0.05), RT_ENODATA);
    assert_int_equal(rt_verification(&v, score, all, 3, 0.05), RT_ENODATA);
    assert_int_equal(rt_verification(&v, score, none, 3, 0.05), RT_ENODATA);
    assert_int_equal(rt_verification(&v, odd, same, 3, 0.05), RT_ENOTFINITE);
    odd[1] = INFINITY;
    assert_int_equal(rt_verification(&v, odd, same, 3, 0.05), RT_ENOTFINITE);
    assert_int_equal(rt_verification(&v, score, same, 3, 0), RT_ERANGE);
    assert_int_equal(rt_verification(&v, score, same, 3, 1), RT_ERANGE);
    assert_int_equal(rt_verification(&v, score, same, 3, NAN), RT_ERANGE);
    assert_true(isnan(v.eer) && isnan(v.min_dcf));
}

static void perfect_reversed_blind(void **state)
{
    struct rt_verification v;
    double score[] = {0.1, 0.9, 0.2, 0.8}, flat[] = {0.5, 0.5, 0.5, 0.5};
    uint8_t same[] = {0, 1, 0, 1}, reversed[] = {1, 0, 1, 0};

    (void)state;
    assert_int_equal(rt_verification(&v, score, same, 4, 0.05), 0);
    NEAR(v.eer, 0);
    NEAR(v.eer_threshold, 0.8);
    NEAR(v.min_dcf, 0);
    assert_int_equal(rt_verification(&v, score, reversed, 4, 0.05), 0);
    NEAR(v.eer, 1);
    NEAR(v.min_dcf, 1);
    assert_int_equal(rt_verification(&v, flat, same, 4, 0.05), 0); /* ties move together */
    NEAR(v.eer, 0.5);
    NEAR(v.eer_threshold, 0.5);
    NEAR(v.min_dcf, 1);
}

/* Down the scores: 5 same, 4 different, 3 same, 2 different, 1 same and different (tied). Points
 * (false alarm, miss): (0, 2/3) (1/3, 2/3) (1/3, 1/3) (2/3, 1/3) (1, 0); EER = 1/3 at threshold 3.
 * Cost at p = 0.5: at best 1/3, over 0.5. At p = 0.9: 0.1 where all are accepted, over 0.1. */
static void by_hand(void **state)
{
    struct rt_verification v;
    double score[] = {1, 5, 2, 3, 4, 1};
    uint8_t same[] = {1, 1, 0, 1, 0, 0};

    (void)state;
    assert_int_equal(rt_verification(&v, score, same, 6, 0.5), 0);
    NEAR(v.eer, 1.0 / 3);
    NEAR(v.eer_threshold, 3);
    NEAR(v.min_dcf, 2.0 / 3);
    assert_int_equal(rt_verification(&v, score, same, 6, 0.9), 0);
    NEAR(v.min_dcf, 1);
}

/* Down: 4 same, 3 = two same and one different, 2 different. Points (0, 2/3), (1/2, 0): the
 * crossing lies between them where 2/3 (1 - t) = t / 2: t = 4/7, EER 2/7, threshold 4 - 4/7. */
static void interpolated(void **state)
{
    struct rt_verification v;
    double score[] = {3, 2, 3, 4, 3};
    uint8_t same[] = {1, 0, 0, 1, 1};

    (void)state;
    assert_int_equal(rt_verification(&v, score, same, 5, 0.5), 0);
    NEAR(v.eer, 2.0 / 7);
    NEAR(v.eer_threshold, 4 - 4.0 / 7);
}

static void by_force(void **state)
{
    enum { N = 400 };
    struct rt_verification v;
    double score[N], smallest = INFINITY, low = 0, high = 1;
    uint8_t same[N];
    uint32_t seed = 21;

    (void)state;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525u + 1013904223u;
        same[i] = seed >> 30 == 0;
        seed = seed * 1664525u + 1013904223u;
        score[i] = (double)(seed >> 25) + 40 * same[i]; /* whole numbers: many ties */
    }
    for (double threshold = -0.5; threshold < 200; threshold++) {
        double miss = 0, alarm = 0, targets = 0;
        for (int i = 0; i < N; i++) {
            targets += same[i];
            miss += same[i] && score[i] < threshold;
            alarm += !same[i] && score[i] >= threshold;
        }
        miss /= targets;
        alarm /= N - targets;
        smallest = fmin(smallest, 0.05 * miss + 0.95 * alarm);
        low = fmax(low, fmin(miss, alarm)); /* the EER lies between these on any curve */
        high = fmin(high, fmax(miss, alarm));
    }
    assert_int_equal(rt_verification(&v, score, same, N, 0.05), 0);
    NEAR(v.min_dcf, smallest / 0.05);
    assert_true(v.eer >= low && v.eer <= high && high - low < 0.05);
}

/* Embeddings on a circle: the score is the cosine of the angle between. Row 3 could not be read. */
static void of_embeddings(void **state)
{
    struct rt_verification v;
    float x[] = {2, 0, 0, 3, 1, 1, 0, 0}; /* rows 4, 2, 0 and a zero vector, row 1 */
    int place[] = {2, 3, 1, -1, 0};
    struct rt_trial trial[] = {{4, 0, 1, 1}, {0, 2, 2, 1}, {4, 2, 3, 0}, {1, 2, 4, 0}, {3, 4, 5, 1}};
    struct rt_trials t = {trial, 5};
    size_t used;

    (void)state;
    assert_int_equal(rt_verification_trials(&v, &t, x, 2, place, 0.05, &used), 0);
    assert_int_equal(used, 4);
    NEAR(v.eer, 0);
    assert_true(fabs(v.eer_threshold - sqrt(0.5)) < 1e-6); /* 45 degrees: both of the same; the others have 0 */
    trial[2].same = 1;
    assert_int_equal(rt_verification_trials(&v, &t, x, 2, place, 0.05, &used), 0);
    double want = v.eer, score[] = {sqrt(0.5), sqrt(0.5), 0, 0};
    uint8_t same[] = {1, 1, 1, 0};
    assert_int_equal(rt_verification(&v, score, same, 4, 0.05), 0);
    NEAR(v.eer, want);
    t.count = 2; /* only of the same */
    assert_int_equal(rt_verification_trials(&v, &t, x, 2, place, 0.05, &used), RT_ENODATA);
    assert_int_equal(used, 2);
    t.count = 5;
    x[0] = NAN;
    assert_int_equal(rt_verification_trials(&v, &t, x, 2, place, 0.05, &used), RT_ENOTFINITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),  cmocka_unit_test(perfect_reversed_blind),
        cmocka_unit_test(by_hand),  cmocka_unit_test(interpolated),
        cmocka_unit_test(by_force), cmocka_unit_test(of_embeddings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
