/* SPDX-License-Identifier: MIT
 * Tests of layout and canvas: what they promise holds at every size. */
#include "tui/screen/base/canvas.h"
#include "tui/screen/base/layout.h"

#include "formats/error.h"
#include "tests/support/support.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static bool within(struct rt_rect inner, struct rt_rect outer)
{
    return inner.w >= 0 && inner.h >= 0 && inner.x >= outer.x && inner.y >= outer.y &&
           inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h;
}

static bool apart(struct rt_rect a, struct rt_rect b)
{
    struct rt_rect both = rt_layout_clip(a, b);
    return both.w == 0 || both.h == 0;
}

static void test_page(void **state)
{
    (void)state;
    for (int w = -1; w < 90; w++)
        for (int h = -1; h < 40; h++) {
            struct rt_rect all = {0, 0, w < 0 ? 0 : w, h < 0 ? 0 : h};
            struct rt_page p = rt_layout_page(w, h);
            assert_true(within(p.header, all) && within(p.body, all) && within(p.footer, all));
            assert_true(apart(p.header, p.body) && apart(p.body, p.footer) && apart(p.header, p.footer));
            assert_int_equal(p.header.h + p.body.h + p.footer.h, all.h);
            assert_true(all.h == 0 || p.body.h > 0);
        }
}

static void test_grid(void **state)
{
    struct rt_rect cell[20];
    (void)state;
    for (int w = 0; w < 70; w++)
        for (int h = 0; h < 30; h++)
            for (int count = 0; count <= 20; count += 1 + count / 3) {
                struct rt_rect r = {3, 2, w, h};
                int across, n = rt_layout_grid(r, count, 20, 6, cell, &across);
                assert_true(n <= count && across >= 1 && (n >= 1 || count == 0));
                for (int i = 0; i < n; i++) {
                    assert_true(within(cell[i], r));
                    assert_true(cell[i].w >= (w < 20 ? w : 20) && cell[i].h >= (h < 6 ? h : 6));
                    for (int k = 0; k < i; k++)
                        assert_true(apart(cell[i], cell[k]));
                }
            }
}

static void test_scroll(void **state)
{
    (void)state;
    for (int first = 0; first < 12; first++)
        for (int at = 0; at < 10; at++)
            for (int lines = 0; lines < 14; lines++) {
                int to = rt_layout_scroll(first, at, lines, 10), seen = lines > 1 ? lines : 1;
                assert_true(to >= 0 && at >= to && at < to + seen);
                assert_true(to + seen <= 10 || to == 0);
                if (at >= first && at < first + seen && first + seen <= 10)
                    assert_int_equal(to, first); /* seen already: nothing moves */
            }
}

static void test_cuts(void **state)
{
    struct rt_rect r = {1, 1, 5, 3}, top = rt_layout_top(&r, 9);
    (void)state;
    assert_int_equal(top.h, 3);
    assert_int_equal(r.h, 0);
    assert_int_equal(rt_layout_bottom(&r, 2).h, 0);
    assert_int_equal(rt_layout_right(&r, 2).x, 4);
    assert_int_equal(r.w, 3);
    assert_int_equal(rt_layout_top(&r, -1).h, 0);
}

/* The canvas as text; the caller frees. */
static char *written(const struct rt_canvas *c)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    rt_canvas_write(c, f);
    fclose(f);
    return text;
}

static void check_text(bool ascii, int room, const char *text, const char *expected, int width)
{
    struct rt_canvas c = {0};
    assert_int_equal(rt_canvas_resize(&c, 12, 1), 0);
    c.ascii = ascii;
    assert_int_equal(rt_canvas_text(&c, 0, 0, room, RT_STYLE_PLAIN, text), width);
    char *out = written(&c);
    assert_string_equal(out, expected);
    free(out);
    rt_canvas_fini(&c);
}

static void test_text(void **state)
{
    (void)state;
    check_text(false, 12, "caf\u00e9", "caf\u00e9\n", 4);
    check_text(false, 12, "\u732b cat", "\u732b cat\n", 6); /* two columns wide */
    check_text(false, 4, "\u732b\u732b\u732b", "\u732b\u2026\n", 3); /* no half of one */
    check_text(false, 12, "e\u0301x", "e\u0301x\n", 2); /* an accent that stands on its letter */
    check_text(false, 2, "e\u0301xy", "e\u0301\u2026\n", 2);
    check_text(false, 12, "\u0301\u0e01\u0e34", "\u0e01\u0e34\n", 1); /* over nothing there is none */
    check_text(false, 12, "\U0001F468\u200d\U0001F469", "\U0001F468\U0001F469\n", 4); /* not joined */
    check_text(false, 12, "a\033[31mb\xffz", "a?[31mb?z\n", 9);
    check_text(true, 12, "\u732b caf\u00e9", "? caf?\n", 6);
    check_text(true, 4, "abcdef", "abc~\n", 4);
    check_text(false, 0, "abc", "\n", 0);
    check_text(false, 1, "abc", "\u2026\n", 1);
}

/* Both ends of what is too long. */
static void test_name(void **state)
{
    static const struct {
        int room;
        const char *text, *expected;
    } cases[] = {
        {12, "short", "short\n"},
        {12, "speaker-1-take-0042", "spe\u2026ake-0042\n"},
        {12, "\u732b\u732b\u732b\u732b\u732b\u732b/7.wav", "\u732b\u2026\u732b/7.wav\n"},
        {5, "abcdefgh", "abcd\u2026\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rt_canvas c = {0};
        assert_int_equal(rt_canvas_resize(&c, 20, 1), 0);
        assert_in_range(rt_canvas_name(&c, 0, 0, cases[i].room, RT_STYLE_PLAIN, cases[i].text), 5, cases[i].room);
        char *out = written(&c);
        assert_string_equal(out, cases[i].expected);
        free(out);
        rt_canvas_fini(&c);
    }
}

static void test_clip(void **state)
{
    struct rt_canvas c = {0};
    (void)state;
    assert_int_equal(rt_canvas_resize(&c, 8, 2), 0);
    c.clip = (struct rt_rect){2, 0, 3, 1};
    rt_canvas_text(&c, 0, 0, 20, RT_STYLE_PLAIN, "abcdefgh");
    rt_canvas_text(&c, 0, 1, 20, RT_STYLE_PLAIN, "abcdefgh");
    rt_canvas_put(&c, -1, -1, RT_STYLE_PLAIN, 'x');
    rt_canvas_fill(&c, (struct rt_rect){4, -3, 90, 90}, RT_STYLE_PLAIN);
    char *out = written(&c);
    assert_string_equal(out, "  cd\n\n");
    free(out);
    c.clip = (struct rt_rect){0, 0, 8, 2};
    assert_int_equal(rt_canvas_wrap(&c, c.clip, RT_STYLE_PLAIN, "one two three"), 2);
    out = written(&c);
    assert_string_equal(out, "one two\nthree\n");
    free(out);
    rt_canvas_fini(&c);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page), cmocka_unit_test(test_grid), cmocka_unit_test(test_scroll),
        cmocka_unit_test(test_cuts), cmocka_unit_test(test_text), cmocka_unit_test(test_name),
        cmocka_unit_test(test_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
