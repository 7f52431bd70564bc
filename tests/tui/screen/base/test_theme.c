/* SPDX-License-Identifier: MIT
 * Tests of the themes: each style is told apart from plain text in each, and a ground is known for what it is. */
#include "tests/support/support.h"
#include "tui/screen/base/theme.h"

#include <stdbool.h>

static void test_looks(void **state)
{
    (void)state;
    for (int theme = 0; theme < RT_THEMES; theme++)
        for (int colours = 0; colours <= 256; colours += colours ? 248 : 8) {
            struct rt_look plain = rt_theme_look(RT_STYLE_PLAIN, colours, (enum rt_theme)theme);
            assert_true(plain.colour == -1 && plain.ground == -1 && plain.attributes == 0);
            for (int s = 0; s < RT_STYLES; s++) {
                struct rt_look look = rt_theme_look((enum rt_style)s, colours, (enum rt_theme)theme);
                bool colour = colours >= 8 && theme != RT_THEME_MONO;
                assert_true(colour || (look.colour == -1 && look.ground == -1));
                assert_true(look.colour < (colours ? colours : 1) && look.ground < (colours ? colours : 1));
                if (s == RT_STYLE_SELECT || s == RT_STYLE_BAD || s == RT_STYLE_KEY)
                    assert_true(look.attributes || look.colour >= 0);
            }
        }
    for (int theme = 0; theme < RT_THEMES; theme++)
        assert_int_equal(rt_theme_find(rt_theme_names[theme]), theme);
    assert_int_equal(rt_theme_find("pink"), -1);
}

static void test_ground(void **state)
{
    static const struct {
        const char *said;
        int theme;
    } ground[] = {
        {"rgb:ffff/ffff/ffff\033\\", RT_THEME_LIGHT}, {"rgb:0000/0000/0000\007", RT_THEME_DARK},
        {"rgb:ff/ff/ff", RT_THEME_LIGHT},   {"rgb:f/f/f", RT_THEME_LIGHT},   {"rgb:28/2c/34", RT_THEME_DARK},
        {"rgb:fdfd/f6f6/e3e3", RT_THEME_LIGHT}, {"rgb:0000/0000/ffff", RT_THEME_DARK},
        {"rgb:ffff/ffff", -1}, {"?", -1}, {"", -1}, {"rgb:x/y/z", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ground / sizeof *ground; i++)
        assert_int_equal(rt_theme_of_ground(ground[i].said), ground[i].theme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_looks), cmocka_unit_test(test_ground)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
