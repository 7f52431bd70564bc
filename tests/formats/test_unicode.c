/* SPDX-License-Identifier: MIT
 * test_unicode: the pairs of Unicode's own normalisation examples, and labels that people take for one. */
#include "formats/unicode.h"
#include "formats/work.h"
#include "tests/support/support.h"
#include <stdlib.h>
#include <string.h>

static void assert_nfc(const char *text, const char *want)
{
    char *out;
    size_t size = 0;
    assert_int_equal(rt_unicode_nfc(text, strlen(text), NULL, &out, &size), 0);
    if (!want) {
        assert_null(out);
        return;
    }
    assert_non_null(out);
    assert_int_equal(size, strlen(want));
    assert_memory_equal(out, want, size);
    rt_work_give(NULL, out);
}

static void test_nfc(void **state)
{
    (void)state;
    assert_nfc("", NULL);
    assert_nfc("cafe", NULL);
    assert_nfc("caf\303\251", NULL);
    assert_nfc("cafe\314\201", "caf\303\251");
    assert_nfc("\342\204\253", "\303\205");                         /* the sign of the angstrom */
    assert_nfc("\341\204\222\341\205\241\341\206\253", "\355\225\234"); /* Hangul of three parts */
    assert_nfc("q\314\207\314\243", "q\314\243\314\207");           /* marks in one order */
    assert_nfc("\357\254\201", "\357\254\201");                     /* a ligature stays one: that is not NFKC */
    struct rt_work *work;
    char *out;
    size_t size;
    assert_int_equal(rt_work_create(&work), 0);
    assert_int_equal(rt_unicode_nfc("e\314\201", 3, work, &out, &size), 0);
    assert_int_equal(size, 2);
    rt_work_give(work, out);
    rt_work_destroy(work);
}

static void test_fold(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"cat", "Cat"},           {"cat", " cat\t"},          {"a  b", "A b"},       {"cat", "cat\302\240"},
        {"stra\303\237e", "STRASSE"}, {"caf\303\251", "CAFE\314\201"},
        {"cat", "c\342\200\213at"}, {"1", "\357\274\221"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *a, *b;
        assert_int_equal(rt_unicode_fold(same[i][0], &a), 0);
        assert_int_equal(rt_unicode_fold(same[i][1], &b), 0);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
    char *a, *b;
    assert_int_equal(rt_unicode_fold("cafe", &a), 0);
    assert_int_equal(rt_unicode_fold("caf\303\251", &b), 0);
    assert_string_not_equal(a, b);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nfc), cmocka_unit_test(test_fold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
