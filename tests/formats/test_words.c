/* SPDX-License-Identifier: MIT
 * Tests of words.h: quoting of hostile values, distances, and which names are near enough to
 * suggest. */
#include "formats/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char quoted[RT_QUOTE];

static void hostile_values_are_made_safe(void **state)
{
    (void)state;
    assert_string_equal(rt_quote(quoted, sizeof quoted, "a\x1b[31m\n\x7f"), "\"a?[31m??\"");
    assert_string_equal(rt_quote(quoted, sizeof quoted, ""), "\"\"");
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(strlen(rt_quote(quoted, sizeof quoted, longer)), 80 + 5);
    assert_string_equal(quoted + 81, "...\"");
    memcpy(longer + 79, "\xC3\xA9", 2); /* would be split by the cut */
    assert_string_equal(rt_quote(quoted, sizeof quoted, longer) + 78, "xx...\"");
    char small[12];
    assert_string_equal(rt_quote(small, sizeof small, "abcdefghi"), "\"abcdef...\"");
}

static void a_list_ends_where_its_room_does(void **state)
{
    (void)state;
    char list[24] = "";
    rt_list_add(list, sizeof list, "snr");
    assert_string_equal(list, "snr");
    rt_list_add(list, sizeof list, "clipped");
    assert_string_equal(list, "snr, clipped");
    rt_list_add(list, sizeof list, "bandwidth");
    assert_string_equal(list, "snr, clipped, ...");
    rt_list_add(list, sizeof list, "a"); /* after the end: a list with a hole would lie */
    assert_string_equal(list, "snr, clipped, ...");
    char small[8] = "";
    rt_list_add(small, sizeof small, "bandwidth");
    assert_string_equal(small, "...");
}

static void distance_counts_edits(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int distance;
    } rows[] = {{"", "", 0},           {"", "abc", 3},    {"abc", "", 3},
                {"abc", "abc", 0},     {"abc", "ABC", 0}, {"abc", "abd", 1},
                {"abc", "acb", 1},     {"abc", "bc", 1},  {"kitten", "sitting", 3},
                {"lable", "label", 1}, {"ab", "ba", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(rt_edit_distance(rows[i].a, rows[i].b, 64), rows[i].distance);
        assert_int_equal(rt_edit_distance(rows[i].b, rows[i].a, 64), rows[i].distance);
    }
    char a[200], b[200];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    a[199] = b[199] = '\0';
    assert_int_equal(rt_edit_distance(a, b, 64), 64);
}

/* Short words of three letters: whatever the most, it is the distance or one more than the most. */
static void a_limit_changes_no_distance(void **state)
{
    (void)state;
    unsigned draw = 1;
    for (int trial = 0; trial < 3000; trial++) {
        char word[2][9] = {""};
        for (int k = 0; k < 2; k++)
            for (unsigned i = 0; i < (unsigned)trial % (7u + (unsigned)k); i++)
                word[k][i] = (char)('a' + ((draw = draw * 1103515245u + 12345u) >> 16) % 3);
        int whole = rt_edit_distance(word[0], word[1], 64);
        for (int most = 0; most < 9; most++)
            assert_int_equal(rt_edit_distance(word[0], word[1], most), whole <= most ? whole : most + 1);
    }
}

static void only_near_names_are_suggested(void **state)
{
    (void)state;
    char hint[100];
    struct rt_nearest n = {.word = "marginn"};
    assert_string_equal(rt_nearest_hint(&n, hint, sizeof hint), "");
    rt_nearest_offer(&n, "gamma");
    assert_string_equal(rt_nearest_hint(&n, hint, sizeof hint), "");
    rt_nearest_offer(&n, "margins");
    rt_nearest_offer(&n, "margin_2");
    assert_string_equal(rt_nearest_hint(&n, hint, sizeof hint), "; did you mean margins?");
    rt_nearest_offer_as(&n, "marginn", "task.margin", 1); /* no nearer: the first stays */
    assert_string_equal(rt_nearest_hint(&n, hint, sizeof hint), "; did you mean margins?");
    rt_nearest_offer_as(&n, "marginn", "task.margin", 0);
    assert_string_equal(rt_nearest_hint(&n, hint, sizeof hint), "; did you mean task.margin?");
    struct rt_nearest one = {.word = "x"}; /* a letter is near to everything */
    rt_nearest_offer(&one, "y");
    assert_string_equal(rt_nearest_hint(&one, hint, sizeof hint), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_values_are_made_safe),
        cmocka_unit_test(a_list_ends_where_its_room_does),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(a_limit_changes_no_distance),
        cmocka_unit_test(only_near_names_are_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
