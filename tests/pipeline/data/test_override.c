/* SPDX-License-Identifier: MIT
 * Tests of pipeline/data/override: states of samples as text and back, and texts that are refused as a whole. */
#include "pipeline/data/override.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void is_text(const struct rt_override *h, const int *row, int count, const char *want)
{
    char *text = rt_override_text(h, row, count);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void test_text(void **state)
{
    (void)state;
    struct rt_override h, again;
    struct rt_error e = {0};
    assert_int_equal(rt_override_init(&h, 30), 0);
    assert_int_equal(rt_override_init(&again, 30), 0);
    is_text(&h, NULL, 0, "");
    assert_int_equal(rt_override_assign(&h, "0.5@3-10,17 x1@20 # the noisy ones", &e), 0);
    is_text(&h, NULL, 0, "0.5@3-10,17 x1@20");
    assert_true(h.factor[10] == 0.5f && h.factor[11] == 1 && h.excluded[20] && !h.excluded[19]);
    is_text(&h, (const int[]){21, 20, 5, 4, 29}, 5, "0.5@4-5 1@21,29 x1@20");
    h.factor[0] = 1.0f / 3;
    h.factor[29] = 0;
    char *text = rt_override_text(&h, NULL, 0);
    assert_int_equal(rt_override_assign(&again, text, &e), 0);
    assert_memory_equal(h.factor, again.factor, 30 * sizeof *h.factor);
    assert_memory_equal(h.excluded, again.excluded, 30);
    free(text);
    assert_int_equal(rt_override_assign(&h, "1@0-29", &e), 0);
    is_text(&h, NULL, 0, "");
    assert_int_equal(rt_override_assign(&h, " # nothing", &e), 0);
    rt_override_fini(&h);
    rt_override_fini(&again);
}

static void test_rows(void **state)
{
    (void)state;
    struct rt_override h;
    struct rt_error e = {0};
    int *row;
    assert_int_equal(rt_override_init(&h, 9), 0);
    assert_int_equal(rt_override_rows(&h, "2@7,1-2 x0@4,1", &row, &e), 4);
    assert_memory_equal(row, ((const int[]){1, 2, 4, 7}), 4 * sizeof *row);
    free(row);
    assert_int_equal(rt_override_rows(&h, "", &row, &e), 0);
    free(row);
    assert_int_equal(rt_override_rows(&h, "1@9", &row, &e), RT_ERANGE);
    rt_override_fini(&h);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *says;
    } row[] = {
        {"0.5", RT_EFORMAT, "@ is missing"},         {"0.5@", RT_EFORMAT, "a row is missing"},
        {"@3", RT_EFORMAT, "a factor is missing"},   {"-1@3", RT_EFORMAT, "a factor is missing"},
        {"2e6@3", RT_ERANGE, "from 0 to 1000000"},   {"nan@3", RT_EFORMAT, "a factor is missing"},
        {"1@30", RT_ERANGE, "no such row"},          {"1@3-30", RT_ERANGE, "no such row"},
        {"1@5-3", RT_ERANGE, "ends before"},         {"1@3;4", RT_EFORMAT, "comma or blank"},
        {"1@3,", RT_EFORMAT, "a row is missing"},    {"1@3 x@4", RT_EFORMAT, "character 5"},
        {"1@99999999999999999999", RT_ERANGE, "no such row"},
    };
    struct rt_override h;
    assert_int_equal(rt_override_init(&h, 30), 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct rt_error e = {0};
        char text[80];
        snprintf(text, sizeof text, "0.5@1 %s", row[i].text);
        assert_int_equal(rt_override_check(&h, row[i].text, &e), row[i].code);
        if (!strstr(e.text, row[i].says))
            fail_msg("%s: %s", row[i].text, e.text);
        assert_int_equal(rt_override_assign(&h, text, &e), row[i].code);
        assert_true(h.factor[1] == 1); /* all or none */
    }
    rt_override_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
