/* SPDX-License-Identifier: MIT
 * loss_history: what is no history has no levels; what is one keeps the shape of its values, as a float too. */
#include "pipeline/data/loss_history.h"
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

static void test_no_trail(void **state)
{
    (void)state;
    const uint8_t none[RT_LOSS_HISTORY] = {0};
    static const double wrong[] = {NAN, -1, 0, 0.5, 16777216, 1e30, INFINITY, -INFINITY};
    int level[RT_LOSS_HISTORY];
    assert_true(isnan(rt_loss_history_pack(none)));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(rt_loss_history_levels(wrong[i], level), 0);
}

static void levels_are(const uint8_t *code, const char *expected)
{
    int level[RT_LOSS_HISTORY];
    char text[RT_LOSS_HISTORY_TEXT];
    float packed = (float)rt_loss_history_pack(code);
    assert_true(packed < 16777216 && packed == rt_loss_history_pack(code));
    int n = rt_loss_history_levels((double)packed, level);
    assert_int_equal(n, strlen(expected));
    assert_int_equal(rt_loss_history_draw((double)packed, text), n);
    assert_int_equal(strlen(text), 3 * n);
    for (int i = 0; i < n; i++)
        assert_int_equal(level[i], expected[i] - '0');
}

static void test_shapes(void **state)
{
    (void)state;
    uint8_t code[RT_LOSS_HISTORY] = {0};
    static const float come[] = {0.5f, 4, 2, 1, 8, 0, -3, 16};
    static const char *const shape[] = {"7", "17", "174", "1742", "04217", "042170", "0421700", "2104007"};
    for (int i = 0; i < 8; i++) {
        rt_loss_history_add(code, come[i]);
        levels_are(code, shape[i]);
    }
    for (int i = 0; i < RT_LOSS_HISTORY; i++)
        rt_loss_history_add(code, 0);
    levels_are(code, "0000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_trail), cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
