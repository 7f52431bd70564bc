/* SPDX-License-Identifier: MIT
 * Tests of a list of which a part is seen: at every size the cursor stays in it and is seen. */
#include "tests/support/support.h"
#include "tui/screen/base/list.h"

static void check(const struct rt_list *l)
{
    int seen = l->lines > 1 ? l->lines : 1;
    assert_true(l->at >= 0 && (l->count == 0 ? l->at == 0 : l->at < l->count));
    assert_true(l->first >= 0 && l->at >= l->first && l->at < l->first + seen);
}

/* Every way, over and over, at every height, while the list grows and shrinks. */
static void test_every_way(void **state)
{
    (void)state;
    for (int h = 0; h < 12; h++)
        for (int tall = 0; tall < 4; tall++) {
            struct rt_list l = {0};
            for (int i = 0; i < 400; i++) {
                rt_list_lay(&l, (struct rt_rect){2, 3, 20, h}, tall, i * 7 % 40);
                check(&l);
                assert_int_equal(rt_list_go(&l, (enum rt_way)(i * 5 % 7)), i * 5 % 7 != RT_WAY_NONE);
                assert_true(l.at >= 0 && l.at < (l.count ? l.count : 1));
            }
        }
}

static void test_ways(void **state)
{
    struct rt_list l = {0};
    (void)state;
    rt_list_lay(&l, (struct rt_rect){0, 0, 10, 5}, 1, 12);
    rt_list_go(&l, RT_WAY_UP);
    assert_int_equal(l.at, 0);
    rt_list_go(&l, RT_WAY_PAGE_DOWN);
    assert_int_equal(l.at, 4); /* the line that was last is first */
    rt_list_go(&l, RT_WAY_DOWN);
    rt_list_lay(&l, l.place, 1, 12);
    assert_int_equal(l.first, 1);
    rt_list_go(&l, RT_WAY_END);
    assert_int_equal(l.at, 11);
    rt_list_go(&l, RT_WAY_DOWN);
    assert_int_equal(l.at, 11);
    rt_list_go(&l, RT_WAY_PAGE_UP);
    assert_int_equal(l.at, 7);
    rt_list_go(&l, RT_WAY_HOME);
    assert_int_equal(l.at, 0);
    assert_false(rt_list_go(&l, RT_WAY_NONE));
}

/* What lies under a cell is what was laid there. */
static void test_under(void **state)
{
    struct rt_list l = {.at = 6};
    (void)state;
    rt_list_lay(&l, (struct rt_rect){4, 2, 10, 9}, 2, 8);
    assert_int_equal(l.lines, 4);
    assert_int_equal(l.first, 3);
    for (int y = 0; y < 14; y++)
        for (int x = 0; x < 20; x++) {
            int at = rt_list_under(&l, x, y), expected = -1;
            for (int i = 0; l.first + i < l.count; i++)
                if (rt_layout_within(l.place, x, y) && rt_layout_within(rt_list_cell(&l, i), x, y))
                    expected = l.first + i;
            assert_int_equal(at, expected);
        }
    l.place = (struct rt_rect){0, 0, 0, 0};
    assert_int_equal(rt_list_under(&l, 0, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way), cmocka_unit_test(test_ways), cmocka_unit_test(test_under),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
