/* SPDX-License-Identifier: MIT
 * test_predictions: predictions.c, temperature.c and resampling.c: what cannot be judged, figures found by hand, the
 * temperature found by a search of its own, intervals that hold the truth as often as they say. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "formats/error.h"
#include "formats/rng.h"
#include "stages/metrics/predictions.h"

#define NEAR(a, b, within) assert_true(fabs((a) - (b)) < (within))

static void refused(void **state)
{
    struct rt_prediction a[2];
    float x[] = {1, 2, NAN, 0}, hot[] = {INFINITY, 0}, floor[] = {-INFINITY, 0};
    int label[] = {0, 1}, none[] = {0, -1};
    double t;
    (void)state;
    assert_int_equal(rt_predictions(a, x, label, 2, 2, 1), RT_ENOTFINITE);
    assert_int_equal(rt_predictions(a, hot, label, 1, 2, 1), RT_ENOTFINITE);
    assert_int_equal(rt_predictions(a, x, none, 2, 2, 1), 0); /* nobody asked about the second */
    assert_int_equal(a[1].predicted, -1);
    assert_true(isnan(a[1].p));
    assert_int_equal(rt_predictions(a, floor, label, 1, 2, 1), 0); /* a class that is ruled out is no fault */
    assert_int_equal(a[0].predicted, 1);
    assert_true(a[0].p == 1 && a[0].p_label == 0);
    assert_int_equal(rt_temperature_fit(&t, x, none + 1, 1, 2), RT_ENODATA);
    assert_int_equal(rt_temperature_fit(&t, x + 2, label, 1, 2), RT_ENOTFINITE);
    assert_int_equal(rt_temperature_fit(&t, x, label + 1, 1, 2), RT_ERANGE); /* all right: the colder the better */
}

static void one_sample(void **state)
{
    struct rt_prediction a[3];
    float x[] = {0, (float)log(3), 0, 5, 5, 0, 1, 2, 3};
    int label[] = {1, 1, 4};
    (void)state;
    assert_int_equal(rt_predictions(a, x, label, 3, 3, 1), 0);
    assert_int_equal(a[0].predicted, 1);
    NEAR(a[0].p, 0.6, 1e-6);
    assert_true(a[0].rank == 0 && a[0].p_label == a[0].p);
    assert_int_equal(a[1].predicted, 0); /* a tie: the lower class */
    assert_int_equal(a[1].rank, 1);
    assert_int_equal(a[2].rank, INT_MAX); /* a class that the model does not know */
    assert_true(a[2].p_label == 0);
    assert_int_equal(rt_predictions(a, x, label, 1, 3, 2), 0); /* sqrt 3 of 2 + sqrt 3 */
    NEAR(a[0].p, sqrt(3) / (2 + sqrt(3)), 1e-6);
}

/* Truth 0 0 1 2(unknown) 2(unknown), predicted 0 1 1 0 1. */
static void figures_by_hand(void **state)
{
    struct rt_prediction a[] = {{0, 0, 0, 0.95, 0.95}, {0, 1, 1, 0.7, 0.3}, {1, 1, 0, 0.95, 0.95},
                            {2, 0, INT_MAX, 0.55, 0}, {2, 1, INT_MAX, 0.7, 0}, {-1, 0, -1, 0.9, NAN}};
    struct rt_class_figures c[3];
    struct rt_classifier_figures f;
    const double twice[] = {2, 0, 1, 0, 0, 7};
    (void)state;
    rt_classifier_figures(&f, a, 6, 3, NULL, c);
    assert_true(f.count == 5);
    NEAR(f.top1, 0.4, 1e-12);
    NEAR(f.top5, 0.6, 1e-12);
    NEAR(c[0].precision, 0.5, 1e-12);
    NEAR(c[1].recall, 1, 1e-12);
    NEAR(c[1].f1, 0.5, 1e-12);
    assert_true(isnan(c[2].precision) && c[2].recall == 0 && c[2].f1 == 0);
    NEAR(f.macro_f1, (0.5 + 0.5 + 0) / 3, 1e-12);
    /* bins: 0.95 x 2 all right, 0.7 x 2 and 0.55 all wrong */
    NEAR(f.calibration.ece, (2 * 0.05 + 2 * 0.7 + 0.55) / 5, 1e-12);
    NEAR(f.calibration.bin[14].p, 0.95, 1e-12);
    assert_true(f.calibration.bin[10].count == 2 && f.calibration.bin[10].accuracy == 0);
    assert_true(isnan(f.calibration.bin[0].p));
    rt_classifier_figures(&f, a, 6, 3, twice, c);
    assert_true(f.count == 3 && f.top1 == 1 && c[0].truth == 2);
    rt_classifier_figures(&f, a + 5, 1, 3, NULL, c);
    assert_true(f.count == 0 && isnan(f.top1) && isnan(f.macro_f1) && isnan(f.calibration.ece));
}

static double cross_entropy(const float *x, const int *label, int n, double t)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double mass = 0;
        for (int c = 0; c < 3; c++)
            mass += exp(x[3 * i + c] / t);
        sum += log(mass) - x[3 * i + label[i]] / t;
    }
    return sum;
}

/* Labels drawn with the probabilities of x, given as 2.5 x: the fit is near 2.5, and nothing near it is better. */
static void temperature_is_the_best(void **state)
{
    enum { N = 4000 };
    static float x[3 * N];
    static int label[N];
    struct rt_rng rng = rt_rng_init(3, 0, 0, RT_RNG_TEST);
    double t = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        double e[3], mass = 0, draw = rt_rng_unit(&rng);
        for (int c = 0; c < 3; c++) {
            x[3 * i + c] = (float)rt_rng_normal(&rng);
            mass += e[c] = exp(x[3 * i + c]);
            x[3 * i + c] *= 2.5f;
        }
        for (label[i] = 0; label[i] < 2 && draw >= e[label[i]] / mass; label[i]++)
            draw -= e[label[i]] / mass;
    }
    assert_int_equal(rt_temperature_fit(&t, x, label, N, 3), 0);
    NEAR(t, 2.5, 0.25);
    for (int sign = -1; sign <= 1; sign += 2)
        assert_true(cross_entropy(x, label, N, t) < cross_entropy(x, label, N, t * (1 + sign * 1e-3)));
}

static void fractions(void **state)
{
    int8_t hit[100];
    int unit[100];
    double i[2], grouped[2];
    (void)state;
    for (int k = 0; k < 100; k++) {
        hit[k] = k < 20 ? 1 : -1;
        unit[k] = k / 10;
    }
    rt_fraction_interval(i, hit, 100, NULL); /* 20 of 20: Wilson says n / (n + z z) */
    NEAR(i[0], 20 / (20 + 3.841459), 1e-6);
    assert_true(i[1] == 1);
    for (int k = 0; k < 100; k++)
        hit[k] = unit[k] < 8; /* 8 of 10 scenes all right, the others all wrong: 10 facts, not 100 */
    rt_fraction_interval(i, hit, 100, NULL);
    NEAR(i[0], 0.7112, 1e-4);
    NEAR(i[1], 0.8666, 1e-4);
    rt_fraction_interval(grouped, hit, 100, &(struct rt_units){unit, 10});
    assert_true(grouped[0] < 0.5 && grouped[1] > 0.93);
    for (int k = 0; k < 100; k++)
        hit[k] = -1;
    rt_fraction_interval(i, hit, 100, NULL);
    assert_true(isnan(i[0]) && isnan(i[1]));
}

struct sample_mean {
    const double *value;
    int n;
};

static void mean_measure(void *self, const double *weight, double *figure)
{
    const struct sample_mean *m = self;
    double sum = 0, count = 0;
    for (int i = 0; i < m->n; i++) {
        sum += weight[i] * m->value[i];
        count += weight[i];
    }
    figure[0] = sum / count;
    figure[1] = NAN;
}

/* Of 200 sets of 40 numbers with mean 0, some 95 % of the intervals hold 0. */
static void bootstrap_holds_the_truth(void **state)
{
    double value[40], i[2][2], again[2][2];
    int held = 0;
    (void)state;
    for (int set = 0; set < 200; set++) {
        struct rt_rng rng = rt_rng_init(9, (uint64_t)set, 0, RT_RNG_TEST);
        for (int k = 0; k < 40; k++)
            value[k] = rt_rng_normal(&rng);
        assert_int_equal(rt_bootstrap(i, 2, 40, NULL, 200, mean_measure, &(struct sample_mean){value, 40}), 0);
        held += i[0][0] < 0 && i[0][1] > 0;
        assert_true(isnan(i[1][0]));
    }
    assert_in_range(held, 178, 198);
    rt_bootstrap(again, 2, 40, NULL, 200, mean_measure, &(struct sample_mean){value, 40});
    assert_true(again[0][0] == i[0][0] && again[0][1] == i[0][1]);
    int unit[40]; /* in four units, and each has one value: far less is known */
    for (int k = 0; k < 40; k++)
        value[k] = unit[k] = k / 10;
    assert_int_equal(rt_bootstrap(i, 2, 40, NULL, 500, mean_measure, &(struct sample_mean){value, 40}), 0);
    assert_int_equal(rt_bootstrap(again, 2, 40, &(struct rt_units){unit, 4}, 500, mean_measure,
                                  &(struct sample_mean){value, 40}), 0);
    assert_true(again[0][1] - again[0][0] > 2 * (i[0][1] - i[0][0]));
    assert_int_equal(rt_bootstrap(i, 2, 0, NULL, 10, mean_measure, &(struct sample_mean){value, 0}), 0);
    assert_true(isnan(i[0][0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(one_sample),
        cmocka_unit_test(figures_by_hand),
        cmocka_unit_test(temperature_is_the_best),
        cmocka_unit_test(fractions),
        cmocka_unit_test(bootstrap_holds_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
