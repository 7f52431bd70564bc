/* SPDX-License-Identifier: MIT
 * Tests of numbers and durations in a few characters. */
#include "tests/support/support.h"
#include "tui/screen/base/number.h"

#include <math.h>

static void test_numbers(void **state)
{
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0, "0"}, {7, "7"}, {-3.14159, "-3.14"}, {99999, "99999"}, {1234567, "1.23M"}, {0.00012, "1.2e-04"},
        {1234.5, "1234"}, {5e20, "5.0e+20"}, {2.5e9, "2.5G"},
    };
    char n[24];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(rt_number_short(known[i].value, n), known[i].text);
    assert_string_equal(rt_number_short((double)NAN, n), "-");
}

static void test_left(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } known[] = {
        {0, ""},           {-5, ""},           {1e9, ""},         {41, "41 s left"}, {119, "119 s left"},
        {120, "2 min left"}, {7199, "119 min left"}, {7200, "2 h 00 min left"}, {11100, "3 h 05 min left"},
        {4 * 86400.0, "4 days left"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_string_equal(rt_number_left(known[i].seconds, text), known[i].text);
    assert_string_equal(rt_number_left((double)NAN, text), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
