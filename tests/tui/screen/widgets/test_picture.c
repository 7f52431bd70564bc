/* SPDX-License-Identifier: MIT
 * Tests of what a terminal with pixels is sent for a picture, and of which terminals have any. */
#include "tests/support/support.h"
#include "tui/screen/widgets/picture.h"

#include <stdlib.h>
#include <string.h>

static uint8_t decoded(const char *text, int place)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    for (int i = 0; i < 4; i++)
        bits = bits << 6 | (unsigned)(strchr(digits, text[place / 3 * 4 + i]) - digits);
    return (uint8_t)(bits >> (16 - 8 * (place % 3)));
}

static void test_picture_codes(void **state)
{
    uint8_t rgb[8 * 8 * 3];
    size_t size;
    (void)state;
    for (int i = 0; i < 8 * 8; i++)
        memcpy(rgb + 3 * i, i % 8 < 4 ? "\xff\x00\x00" : "\x00\x00\xff", 3); /* red, blue */
    struct rt_canvas_picture p = {.at = {0, 0, 4, 2}, .rgb = rgb, .w = 8, .h = 8};
    char *code = rt_picture_code(RT_PIXELS_KITTY, &p, 10, 20, &size);
    assert_int_equal(strlen(code), size);
    assert_memory_equal(code, "\033_G", 3);
    const char *data = strstr(code, "m=1;"); /* a piece with pixels: 32 bits each */
    data = data && data[4] != '\033' ? data : data ? strstr(data + 4, "m=1;") : NULL;
    assert_non_null(data);
    assert_in_range(decoded(data + 4, 0), 250, 255);
    assert_in_range(decoded(data + 4, 1), 0, 5);
    assert_in_range(decoded(data + 4, 2), 0, 5);
    free(code);
    code = rt_picture_code(RT_PIXELS_SIXEL, &p, 0, 0, &size);
    assert_memory_equal(code, "\033P", 2);
    assert_memory_equal(code + size - 2, "\033\\", 2);
    free(code);
    static const struct {
        const char *asked, *term;
        enum rt_pixels has;
    } row[] = {{"kitty", "vt100", RT_PIXELS_KITTY},
               {"sixel", "tmux", RT_PIXELS_SIXEL},
               {"cells", "xterm-kitty", RT_PIXELS_NONE},
               {NULL, "xterm-kitty", RT_PIXELS_KITTY},
               {NULL, "mlterm", RT_PIXELS_SIXEL},
               {NULL, "tmux-256color", RT_PIXELS_NONE},
               {"", "vt100", RT_PIXELS_NONE}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        row[i].asked ? setenv("RETORT_PICTURES", row[i].asked, 1) : unsetenv("RETORT_PICTURES");
        setenv("TERM", row[i].term, 1);
        if (rt_picture_pixels() != row[i].has)
            fail_msg("row %zu: %d", i, (int)rt_picture_pixels());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_picture_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
