/* SPDX-License-Identifier: MIT
 * Tests of utf8.h: what is not UTF-8 gives -1 and one byte on; every code point survives a round
 * trip. */
#include "formats/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void malformed_bytes_are_refused_one_at_a_time(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x9F\xBF",
        "\xE4\xB8",
        "\xE4\xB8\x41",
        "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF0\x9F\x98",
        "\xFE",
        "\xFF",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t at = 0;
        assert_int_equal(rt_utf8_next(bad[i], strlen(bad[i]), &at), -1);
        assert_int_equal(at, 1);
        assert_int_equal(rt_utf8_check(bad[i], strlen(bad[i])), 0);
    }
    assert_int_equal(rt_utf8_check("ab\xC3\xA9\xFFz", 6), 4);
    assert_int_equal(rt_utf8_check("", 0), 0);
}

static void every_code_point_survives(void **state)
{
    (void)state;
    for (int32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        char text[4];
        size_t at = 0;
        int n = rt_utf8_put(c, text);
        if (rt_utf8_next(text, (size_t)n, &at) != c || at != (size_t)n)
            fail_msg("U+%04X does not come back", (unsigned)c);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
    }
    assert_int_equal(rt_utf8_check("\xF0\x9F\x98\x80", 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_bytes_are_refused_one_at_a_time),
        cmocka_unit_test(every_code_point_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
