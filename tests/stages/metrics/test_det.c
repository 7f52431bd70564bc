/* SPDX-License-Identifier: MIT
 * test_det: figures of scored trials against those of tests/golden/verification.py on 10,000 sets, degenerate ones too;
 * calibration against scipy's; normalisation by a cohort against sums written out. */
#include "stages/metrics/det.h"

#include "formats/npy.h"
#include "stages/metrics/score_calibration.h"
#include "stages/metrics/score_norm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define SETS 10000
#define FITS 40
#define MOST 40

static struct rt_error e;

/* ---- the sets, as the script draws them ---- */

static uint64_t drawn;

static uint64_t draw(void)
{
    uint64_t z = drawn += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static double draw_unit(void)
{
    return (double)(draw() >> 11) / 9007199254740992.0;
}

static size_t draw_set(int number, double score[MOST], uint8_t same[MOST])
{
    int kind = number % 8;
    drawn = (uint64_t)number;
    size_t n = 1 + draw() % MOST;
    for (size_t i = 0; i < n; i++) {
        same[i] = draw() % 2;
        double x = draw_unit() * 16 - 8;
        switch (kind) {
        case 1: x = floor(x / 3); break;
        case 2: x = 0.5; break;
        case 3: same[i] = (uint8_t)(number / 8 % 2); break;
        case 4: x = i ? x : NAN; break;
        case 5: x = i ? x : INFINITY; break;
        case 6: x = same[i] ? fabs(x) : -fabs(x); break;
        case 7: x = floor(x + 2 * same[i]) / 4; break;
        default: break;
        }
        score[i] = x;
    }
    return n;
}

static void near(int set, const char *what, double have, double want)
{
    if (!(fabs(have - want) <= 1e-6 * fmax(1, fabs(want))))
        fail_msg("set %d: %s is %.9g, not %.9g", set, what, have, want);
}

static void test_sets(void **state)
{
    (void)state;
    static const int codes[] = {0, RT_ENODATA, RT_ENOTFINITE};
    struct rt_tensor golden;
    int seen[3] = {0};
    assert_int_equal(rt_npy_read(&golden, "tests/golden/verification_sets.npy", &e), 0);
    assert_true(golden.dim[0] == SETS && golden.dim[1] == 7);
    for (int k = 0; k < SETS; k++) {
        double score[MOST];
        uint8_t same[MOST];
        struct rt_det d;
        const float *want = (const float *)golden.data + 7 * k;
        size_t n = draw_set(k, score, same);
        if (rt_det_init(&d, score, same, n) != codes[(int)want[0]])
            fail_msg("set %d: not code %d", k, codes[(int)want[0]]);
        seen[(int)want[0]]++;
        if (want[0] > 0)
            continue;
        near(k, "EER", rt_det_eer(&d, NULL), want[1]);
        near(k, "minDCF(0.01)", rt_det_min_cost(&d, 0.01), want[2]);
        near(k, "minDCF(0.5)", rt_det_min_cost(&d, 0.5), want[3]);
        near(k, "actDCF(0.05)", rt_det_actual_cost(&d, 0.05), want[4]);
        near(k, "Cllr", rt_det_cllr(&d), want[5]);
        near(k, "min Cllr", rt_det_min_cllr(&d), want[6]);
        rt_det_fini(&d);
    }
    assert_true(seen[0] > 5000 && seen[1] > 1000 && seen[2] > 1000);
    rt_tensor_fini(&golden);
}

static void test_thresholds(void **state)
{
    (void)state;
    double score[] = {3, 2, 1, 2, 0}, threshold;
    uint8_t same[] = {1, 1, 1, 0, 0};
    struct rt_det d;
    assert_int_equal(rt_det_init(&d, score, same, 5), 0);
    assert_int_equal(d.points, 5); /* above all, and four values */
    assert_true(rt_det_at_false_alarm(&d, 0) == 1 && d.point[1].threshold == 3);
    assert_true(rt_det_at_false_alarm(&d, 0.5) == 3 && rt_det_at_false_alarm(&d, 1) == 4);
    assert_true(rt_det_miss(&d, 3) == 0 && rt_det_false_alarm(&d, 3) == 0.5);
    assert_true(fabs(rt_det_eer(&d, &threshold) - 0.4) < 1e-12 && threshold < 3 && threshold > 2 - 1e-12);
    assert_true(isnan(rt_det_min_cost(&d, 0)) && isnan(rt_det_actual_cost(&d, 1)));
    rt_det_fini(&d);
    rt_det_fini(&d);
}

/* ---- calibration ---- */

static void test_calibration(void **state)
{
    (void)state;
    struct rt_tensor golden;
    struct rt_score_calibration c;
    double x[60][2];
    uint8_t same[60];
    assert_int_equal(rt_npy_read(&golden, "tests/golden/verification_calibration.npy", &e), 0);
    for (int k = 0; k < FITS; k++) {
        const float *want = (const float *)golden.data + 3 * k;
        drawn = (uint64_t)k + 1000000;
        for (int i = 0; i < 60; i++) {
            same[i] = i % 3 == 0;
            x[i][0] = draw_unit();
            x[i][0] += draw_unit();
            x[i][0] += 0.4 * same[i];
            x[i][1] = draw_unit() * 3 + 0.5 * same[i];
        }
        assert_int_equal(rt_score_calibration_fit(&c, x[0], 2, same, 60, 0.1), 0);
        for (int i = 0; i < 3; i++)
            if (!(fabs((i < 2 ? c.weight[i] : c.offset) - want[i]) < 1e-3 * fmax(1, fabs(want[i]))))
                fail_msg("fit %d: number %d is %g, not %g", k, i, i < 2 ? c.weight[i] : c.offset, (double)want[i]);
    }
    double parted[] = {1, 2, 3, 4}, alike[] = {1, 7, 2, 7, 3, 7, 4, 7}, odd[] = {1, NAN, 3, 4};
    uint8_t two[] = {0, 0, 1, 1}, one[] = {1, 1, 1, 1};
    assert_int_equal(rt_score_calibration_fit(&c, parted, 1, two, 4, 0.5), 0);
    assert_true(isfinite(c.weight[0]) && rt_score_llr(&c, &parted[0]) < 0 && rt_score_llr(&c, &parted[3]) > 0);
    assert_int_equal(rt_score_calibration_fit(&c, alike, 2, two, 4, 0.5), 0);
    assert_true(c.weight[1] == 0);
    for (int i = 0; i < 60; i++) /* alike, but their mean is another number by rounding */
        x[i][1] = 0.1;
    assert_int_equal(rt_score_calibration_fit(&c, x[0], 2, same, 60, 0.1), 0);
    assert_true(c.weight[1] == 0);
    assert_int_equal(rt_score_calibration_fit(&c, parted, 1, one, 4, 0.5), RT_ENODATA);
    assert_int_equal(rt_score_calibration_fit(&c, odd, 1, two, 4, 0.5), RT_ENOTFINITE);
    assert_int_equal(rt_score_calibration_fit(&c, parted, 1, two, 4, 1), RT_ERANGE);
    assert_int_equal(rt_score_calibration_fit(&c, parted, RT_CALIBRATION_INPUTS + 1, two, 4, 0.5), RT_ERANGE);
    rt_tensor_fini(&golden);
}

/* ---- a cohort ---- */

static void test_cohort(void **state)
{
    (void)state;
    float x[] = {2, 0, 0, 3, 0, 5, 1, 0};
    const int key[] = {4, 7, 4, -1};
    int seen[4];
    assert_int_equal(rt_cohort_by_key(x, key, 4, 2, seen), 3);
    assert_true(fabsf(x[0] - sqrtf(0.5f)) < 1e-6f && fabsf(x[1] - sqrtf(0.5f)) < 1e-6f); /* of (1,0) and (0,1) */
    assert_true(x[2] == 0 && x[3] == 1 && x[4] == 1 && x[5] == 0);
    struct rt_norm_side a, b;
    double room[3];
    const float probe[] = {0, 2}, other[] = {1, 0};
    rt_norm_side(&a, probe, x, 3, 2, 2, room); /* of 0.7071, 1, 0 the highest two */
    double m = (sqrt(0.5) + 1) / 2, s = (1 - sqrt(0.5)) / 2;
    assert_true(fabs(a.mean - m) < 1e-6 && fabs(a.deviation - s) < 1e-6);
    rt_norm_side(&b, other, x, 3, 2, 1, room);
    assert_true(b.mean == 1 && b.deviation > 0);
    rt_norm_side(&b, other, x, 3, 2, 2, room);
    assert_true(fabs(rt_as_norm(0.3, &a, &b) - (0.3 - m) / s) < 1e-5);
    float mean[2];
    rt_embedding_mean(mean, x, 3, 2);
    rt_embedding_subtract(x, mean, 3, 2);
    assert_true(fabsf(x[0] + x[2] + x[4]) < 1e-6f && rt_cosine(x, x, 2) > 0.999999);
    const float zero[] = {0, 0}, odd[] = {NAN, 1};
    assert_true(rt_cosine(zero, probe, 2) == 0 && isnan(rt_cosine(odd, probe, 2)));
}

/* ---- intervals ---- */

#define WORLD 200 /* people, of whom a list has some */
#define TAKES 3   /* samples of each */
#define LISTED 15
#define LISTS 25

/* How somebody is recognised: a person has one number, a sample of theirs another; a trial's score is how near the two
 * samples are. A list pairs all samples of its people. */
static double place[WORLD * TAKES];

static size_t list_make(int from, int people, double *score, uint8_t *same, int *enrol, int *test)
{
    size_t n = 0;
    for (int a = from * TAKES; a < (from + people) * TAKES; a++)
        for (int b = a + 1; b < (from + people) * TAKES; b++, n++) {
            enrol[n] = a / TAKES - from;
            test[n] = b / TAKES - from;
            same[n] = enrol[n] == test[n];
            score[n] = -fabs(place[a] - place[b]);
        }
    return n;
}

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += draw_unit();
    return sum;
}

/* People make lists differ, so intervals must follow from people: these hold the figure of the whole world nearly as
 * often as they say, and those of independent trials much less often. */
static void test_intervals(void **state)
{
    (void)state;
    size_t most = (size_t)WORLD * TAKES * (WORLD * TAKES - 1) / 2;
    double *score = malloc(most * sizeof *score), prior = 0.05;
    uint8_t *same = malloc(most);
    int *enrol = malloc(most * sizeof *enrol), *test = malloc(most * sizeof *test), held = 0, held_alone = 0;
    struct rt_det d;
    drawn = 1;
    for (int i = 0; i < WORLD; i++) {
        double person = normal(), spread = 0.1 + draw_unit(); /* some are harder than others */
        for (int k = 0; k < TAKES; k++)
            place[i * TAKES + k] = person + spread * normal();
    }
    size_t n = list_make(0, WORLD, score, same, enrol, test);
    assert_int_equal(rt_det_init(&d, score, same, n), 0);
    double truth = rt_det_eer(&d, NULL), interval[RT_DET_FIGURES(1)][2], again[RT_DET_FIGURES(1)][2];
    rt_det_fini(&d);
    for (int i = 0; i < LISTS; i++) {
        n = list_make(i * (WORLD - LISTED) / LISTS, LISTED, score, same, enrol, test);
        const struct rt_det_people people = {enrol, test, LISTED};
        assert_int_equal(rt_det_init(&d, score, same, n), 0);
        assert_int_equal(rt_det_intervals(interval, score, same, n, &people, &prior, 1), 0);
        assert_true(interval[RT_DET_COSTS][0] <= rt_det_min_cost(&d, prior));
        const double found[] = {[RT_DET_EER] = rt_det_eer(&d, NULL), [RT_DET_CLLR] = rt_det_cllr(&d),
                                [RT_DET_MIN_CLLR] = rt_det_min_cllr(&d), [RT_DET_COSTS] = rt_det_min_cost(&d, prior),
                                rt_det_actual_cost(&d, prior)};
        for (int k = 0; k < RT_DET_FIGURES(1); k++)
            assert_true(interval[k][0] <= found[k] && (found[k] <= interval[k][1] || k == RT_DET_COSTS));
        held += interval[0][0] <= truth && truth <= interval[0][1];
        rt_det_fini(&d);
        if (i == 0) {
            assert_int_equal(rt_det_intervals(again, score, same, n, &people, &prior, 1), 0);
            assert_memory_equal(again, interval, sizeof interval);
        }
        assert_int_equal(rt_det_intervals(interval, score, same, n, NULL, &prior, 1), 0);
        held_alone += interval[0][0] <= truth && truth <= interval[0][1];
    }
    if (held < 0.8 * LISTS || held_alone >= held)
        fail_msg("of %d intervals %d hold the truth by people, %d by trials", LISTS, held, held_alone);
    static const double apart[] = {3, 2, -1, -2};
    static const uint8_t kinds[] = {1, 1, 0, 0}, one[] = {1, 1, 1, 1};
    assert_int_equal(rt_det_intervals(interval, apart, kinds, 4, NULL, &prior, 1), 0);
    const double cllr = (log2(1 + exp(-3)) + log2(1 + exp(-2)) + log2(1 + exp(-1)) + log2(1 + exp(-2))) / 4;
    for (int k = 0; k < RT_DET_FIGURES(1); k++)
        if (k != RT_DET_CLLR && k != RT_DET_COSTS + 1)
            assert_true(interval[k][0] == 0 && interval[k][1] == 0);
    assert_true(interval[RT_DET_CLLR][0] < cllr && cllr < interval[RT_DET_CLLR][1]);
    /* -logit(0.05) = 2.9: one of the two targets lies below, no other above; none or both may be drawn */
    assert_true(interval[RT_DET_COSTS + 1][0] == 0 && interval[RT_DET_COSTS + 1][1] == 1);
    assert_int_equal(rt_det_intervals(interval, apart, one, 4, NULL, &prior, 1), 0);
    for (int k = 0; k < RT_DET_FIGURES(1); k++)
        assert_true(isnan(interval[k][0]) && isnan(interval[k][1]));
    free(score);
    free(same);
    free(enrol);
    free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_cohort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
