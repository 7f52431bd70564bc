/* SPDX-License-Identifier: MIT
 * Tests of the values along an axis: round, inside of it, never more than asked for, whatever its ends. */
#include "tests/support/support.h"
#include "tui/screen/widgets/axis.h"

#include <math.h>

static const double ends[][2] = {{0, 1}, {0.97, 0.981}, {1, 300}, {-3, 7}, {1e-9, 2e-9}, {-1e12, 1e12}, {5, 5}, {2, 1},
                                 {0, INFINITY}, {-1e308, 1e308}, {1e15, 1e15 + 4}};
#define ENDS (sizeof ends / sizeof *ends)

static void test_inside(void **state)
{
    double tick[RT_TICKS];
    (void)state;
    for (size_t i = 0; i < ENDS; i++)
        for (int most = 0; most < 20; most++)
            for (int kind = 0; kind < 3; kind++) {
                double low = ends[i][0], high = ends[i][1], room = fmax((high - low) * 1e-6, 1e-8);
                int n = kind == 2 ? rt_axis_ticks_time(low, high, most, tick)
                                  : rt_axis_ticks(low, high, most, kind, tick);
                assert_in_range(n, 0, most < RT_TICKS ? most : RT_TICKS);
                for (int k = 0; k < n; k++) {
                    assert_true(tick[k] >= low - room && tick[k] <= high + room);
                    assert_true(k == 0 || tick[k] > tick[k - 1]);
                    assert_true(kind == 0 || fabs(tick[k] - round(tick[k])) < 1e-6);
                }
            }
}

static void test_round(void **state)
{
    double tick[RT_TICKS];
    char text[24];
    (void)state;
    assert_int_equal(rt_axis_ticks(0.97, 0.981, 3, 0, tick), 3);
    assert_true(fabs(tick[0] - 0.97) < 1e-12 && fabs(tick[2] - 0.98) < 1e-12);
    assert_int_equal(rt_axis_ticks(-0.3, 0.4, 4, 0, tick), 4);
    assert_false(signbit(tick[1])); /* 0, not -0 */
    assert_int_equal(rt_axis_ticks_log(-3, 1, 5, tick), 5);
    assert_true(tick[0] == -3 && tick[4] == 1);
    int n = rt_axis_ticks_log(log10(2), log10(6), 5, tick); /* less than two powers: round values */
    assert_true(n >= 3 && fabs(pow(10, tick[0]) - 2) < 1e-9);
    assert_int_equal(rt_axis_ticks_time(0, 400, 4, tick), 4);
    assert_true(tick[1] == 120);
    assert_string_equal(rt_axis_time(45, text), "45s");
    assert_string_equal(rt_axis_time(300, text), "5m");
    assert_string_equal(rt_axis_time(5400, text), "1h30");
    assert_string_equal(rt_axis_time(172800, text), "2d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inside), cmocka_unit_test(test_round)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
