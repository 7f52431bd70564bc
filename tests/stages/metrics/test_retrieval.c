/* SPDX-License-Identifier: MIT
 * test_retrieval: degenerate input, ties, keys with several rows, and a check by full sorting. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stages/metrics/metrics.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void nothing_to_find(void **state)
{
    struct rt_retrieval r;
    float x[] = {1, 0};
    int query_key[] = {1}, gallery_key[] = {2};

    (void)state;
    assert_int_equal(rt_retrieval(&r, NULL, NULL, 0, 0, 4, NULL, NULL, NULL), 0);
    assert_int_equal(r.queries, 0);
    assert_true(isnan(r.r1) && isnan(r.r5) && isnan(r.r10));
    assert_int_equal(rt_retrieval(&r, x, NULL, 1, 0, 2, query_key, NULL, NULL), 0);
    assert_int_equal(r.queries, 0);
    assert_int_equal(rt_retrieval(&r, x, x, 1, 1, 2, query_key, gallery_key, NULL), 0);
    assert_int_equal(r.queries, 0);
    assert_int_equal(rt_retrieval(&r, x, x, 1, 1, 2, query_key, query_key, NULL), 0);
    assert_int_equal(r.queries, 1);
    NEAR(r.r1, 1);
}

static void nan_finds_nothing(void **state)
{
    struct rt_retrieval r;
    float query[] = {NAN, 1, 1, 0}, gallery[] = {1, 0, NAN, NAN, 0, 1};
    int query_key[] = {0, 0}, gallery_key[] = {0, 1, 2};

    (void)state;
    int rank[2];
    assert_int_equal(rt_retrieval(&r, query, gallery, 2, 3, 2, query_key, gallery_key, rank), 0);
    assert_int_equal(r.queries, 2);
    assert_true(rank[0] == 3 && rank[1] == 1);
    NEAR(r.r1, 0); /* sample 1: the NaN row may be as near as the match */
    NEAR(r.r5, 0.5);
    NEAR(r.r10, 0.5);
}

/* A collapsed model: every row at one point (or at 0) must not look good. */
static void one_point_finds_nothing(void **state)
{
    struct rt_retrieval r;
    float x[12 * 2];
    int key[12];

    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        for (int i = 0; i < 12; i++) {
            x[2 * i] = x[2 * i + 1] = zero ? 0 : 0.7f;
            key[i] = i;
        }
        assert_int_equal(rt_retrieval(&r, x, x, 12, 12, 2, key, key, NULL), 0);
        NEAR(r.r1, 0);
        NEAR(r.r5, 0);
        NEAR(r.r10, 0);
    }
}

/* Angles 0, 10, ... 110 degrees; key of each row = its angle / 20, so two rows per key. Query 0 at
 * 24 degrees wants key 0: 20, 30 come before 10 -> rank 2. Query 1 at 9 wants key 0: 10 -> rank 0.
 * Query 2 at 0 wants key 5 (100, 110): ten rows before. Query 3 wants a key that is not there. */
static void by_hand(void **state)
{
    struct rt_retrieval r;
    float query[8], gallery[24];
    double angle[] = {24, 9, 0, 50}, degree = acos(-1) / 180;
    int query_key[] = {0, 0, 5, 77}, gallery_key[12];

    (void)state;
    for (int i = 0; i < 12; i++) {
        gallery[2 * i] = (float)(3 * cos(10 * i * degree)); /* length does not matter */
        gallery[2 * i + 1] = (float)(3 * sin(10 * i * degree));
        gallery_key[i] = i / 2;
    }
    for (int i = 0; i < 4; i++) {
        query[2 * i] = (float)cos(angle[i] * degree);
        query[2 * i + 1] = (float)sin(angle[i] * degree);
    }
    assert_int_equal(rt_retrieval(&r, query, gallery, 4, 12, 2, query_key, gallery_key, NULL), 0);
    assert_int_equal(r.queries, 3);
    NEAR(r.r1, 1.0 / 3);
    NEAR(r.r5, 2.0 / 3);
    NEAR(r.r10, 2.0 / 3);
}

static uint32_t seed = 9;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1;
}

static double cosine(const float *a, const float *b, int dim)
{
    double ab = 0, aa = 0, bb = 0;

    for (int j = 0; j < dim; j++) {
        ab += (double)a[j] * b[j];
        aa += (double)a[j] * a[j];
        bb += (double)b[j] * b[j];
    }
    return ab / sqrt(aa) / sqrt(bb);
}

/* The best k gallery rows picked one after another. */
static int found_within(const float *q, const float *g, const int *key, int want, int rows, int dim,
                        int k)
{
    int taken[64] = {0};

    for (int pick = 0; pick < k; pick++) {
        int best = -1;
        for (int i = 0; i < rows; i++)
            if (!taken[i] &&
                (best < 0 || cosine(q, g + i * dim, dim) > cosine(q, g + best * dim, dim)))
                best = i;
        if (key[best] == want)
            return 1;
        taken[best] = 1;
    }
    return 0;
}

static void by_force(void **state)
{
    enum { ROWS = 40, QUERIES = 60, DIM = 7 };
    struct rt_retrieval r;
    float query[QUERIES * DIM], gallery[ROWS * DIM];
    int query_key[QUERIES], gallery_key[ROWS], found[3] = {0}, best[] = {1, 5, 10};

    (void)state;
    for (int i = 0; i < ROWS * DIM; i++) {
        gallery[i] = uniform();
        gallery_key[i / DIM] = i / DIM % 25;
    }
    for (int i = 0; i < QUERIES * DIM; i++) {
        query[i] = uniform();
        query_key[i / DIM] = i / DIM % 25;
    }
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < QUERIES; i++)
            found[k] += found_within(query + i * DIM, gallery, gallery_key, query_key[i], ROWS, DIM,
                                     best[k]);
    assert_int_equal(rt_retrieval(&r, query, gallery, QUERIES, ROWS, DIM, query_key, gallery_key, NULL),
                     0);
    assert_int_equal(r.queries, QUERIES);
    NEAR(r.r1, found[0] / (double)QUERIES);
    NEAR(r.r5, found[1] / (double)QUERIES);
    NEAR(r.r10, found[2] / (double)QUERIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_find),
        cmocka_unit_test(nan_finds_nothing),
        cmocka_unit_test(one_point_finds_nothing),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(by_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
