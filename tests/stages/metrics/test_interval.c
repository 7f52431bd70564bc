/* SPDX-License-Identifier: MIT
 * test_interval: t against the printed tables and against its density summed up, intervals by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stages/metrics/metrics.h"

#define NEAR(a, b, within) assert_true(fabs((a) - (b)) < (within))

static void few_values_have_no_interval(void **state)
{
    (void)state;
    double odd[] = {NAN, 3, INFINITY};
    struct rt_interval i;
    rt_interval(&i, NULL, 0);
    assert_true(i.n == 0 && isnan(i.mean) && isnan(i.sd) && isnan(i.low));
    rt_interval(&i, odd, 3);
    assert_true(i.n == 1 && i.mean == 3 && isnan(i.sd) && isnan(i.low) && isnan(i.high));
}

/* The two-sided 95 % points of the printed tables; of 1 and 2 degrees of freedom also by their own formulas. */
static void quantiles_are_those_of_the_tables(void **state)
{
    (void)state;
    static const double printed[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                     2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    for (int f = 1; f <= 20; f++)
        NEAR(rt_t_quantile(0.95, f), printed[f - 1], 0.0005);
    NEAR(rt_t_quantile(0.95, 120), 1.9799, 0.00005);
    NEAR(rt_t_quantile(0.99, 9), 3.2498, 0.00005);
    NEAR(rt_t_quantile(0.95, 1), tan(0.475 * M_PI), 1e-9);
    NEAR(rt_t_quantile(0.95, 2), 0.95 * sqrt(2 / (1 - 0.95 * 0.95)), 1e-9);
    assert_true(rt_t_quantile(0, 5) < 1e-9);
}

/* The density summed in small steps up to the quantile gives the probability back. */
static void density_sums_to_the_probability(void **state)
{
    (void)state;
    for (int f = 1; f < 40; f += 3) {
        double t = rt_t_quantile(0.9, f), sum = 0;
        double scale = exp(lgamma((f + 1) / 2.0) - lgamma(f / 2.0)) / sqrt(f * M_PI);
        for (int k = 0; k < 20000; k++) {
            double x = t * (k + 0.5) / 20000;
            sum += 2 * scale * pow(1 + x * x / f, -(f + 1) / 2.0) * t / 20000;
        }
        NEAR(sum, 0.9, 1e-7);
    }
}

/* Of ten tosses: P(10) = 1/1024, P(>= 9) = 11/1024, P(>= 8) = 56/1024; the binomial's sum elsewhere. */
static void signs_by_hand(void **state)
{
    (void)state;
    NEAR(rt_sign_test(10, 0), 1 / 1024.0, 1e-12);
    NEAR(rt_sign_test(9, 1), 11 / 1024.0, 1e-12);
    NEAR(rt_sign_test(8, 2), 56 / 1024.0, 1e-12);
    NEAR(rt_sign_test(0, 0), 1, 1e-12);
    NEAR(rt_sign_test(0, 5), 1, 1e-12);
    NEAR(rt_sign_test(5, 5), 0.623046875, 1e-12);
    NEAR(rt_sign_test(60, 40) + rt_sign_test(41, 59), 1, 1e-9);
    NEAR(rt_sign_test(60, 40), 0.028444, 1e-6);
}

static void interval_by_hand(void **state)
{
    (void)state;
    double v[] = {1, NAN, 2, 3}; /* mean 2, sd 1; 2 degrees of freedom: half 4.30265 / sqrt 3 */
    struct rt_interval i;
    rt_interval(&i, v, 4);
    assert_int_equal(i.n, 3);
    NEAR(i.mean, 2, 1e-12);
    NEAR(i.sd, 1, 1e-12);
    NEAR(i.high, 2 + 4.302652730 / sqrt(3), 1e-8);
    NEAR(i.low, 2 - 4.302652730 / sqrt(3), 1e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_have_no_interval),
        cmocka_unit_test(quantiles_are_those_of_the_tables),
        cmocka_unit_test(density_sums_to_the_probability),
        cmocka_unit_test(interval_by_hand),
        cmocka_unit_test(signs_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
