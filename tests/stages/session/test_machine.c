/* SPDX-License-Identifier: MIT
 * Tests of stages/session/machine: the line's form, and for which kernels there is a warning. */
#include "stages/session/machine.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void matches(const char *text, const char *pattern)
{
    regex_t r;
    assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&r, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" is not of the form %s", text, pattern);
    regfree(&r);
}

static void test_line(void **state)
{
    (void)state;
    struct rt_machine m;
    assert_int_equal(rt_machine_look(&m, 1), 0);
    matches(m.line, "^.+, (avx512|avx2|baseline); OpenBLAS [0-9]+\\.[0-9.]+ [A-Za-z0-9_]+, "
                    "[1-9][0-9]* GFLOP/s a thread; 1 thread$");
    assert_true(m.gflops > 0);
    assert_int_equal(rt_machine_look(&m, 12), 0);
    matches(m.line, "; 12 threads$");
}

static void test_warning(void **state)
{
    (void)state;
    static const struct {
        const char *core, *isa;
        int avx2;
        const char *says; /* "" for no warning */
    } row[] = {
        {"Haswell", "avx2", 1, ""},          {"Cooperlake", "avx512", 1, ""},
        {"Prescott", "avx512", 1, "Prescott"}, {"Generic", "baseline", 0, "Generic"},
        {"Nehalem", "avx2", 1, "Nehalem"},   {"Nehalem", "baseline", 0, ""},
        {"Zen", "baseline", 1, "without AVX2"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[256] = "?";
        rt_machine_warn(text, sizeof text, row[i].core, row[i].isa, row[i].avx2);
        if (!*row[i].says)
            assert_string_equal(text, "");
        else
            assert_non_null(strstr(text, row[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_line), cmocka_unit_test(test_warning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
