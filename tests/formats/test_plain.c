/* SPDX-License-Identifier: MIT
 * test_plain: what a terminal would obey does not get through, and all else does. */
#include "formats/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void check(const char *from, const char *to)
{
    char text[200];
    snprintf(text, sizeof text, "%s", from);
    assert_string_equal(rt_plain_text(text), to);
}

static void test_text(void **state)
{
    (void)state;
    check("", "");
    check("plain, \"quoted\", two\nlines", "plain, \"quoted\", two\nlines");
    check("caf\u00E9 \u65E5\u672C \U0001F349", "caf\u00E9 \u65E5\u672C \U0001F349");
    check("\x1b[2J\a\b\r\t\x7f", "?[2J?????");         /* C0, DEL */
    check("a\xC2\x9B" "31mb\xC2\x85" "c", "a??31mb??c"); /* C1: CSI, NEL */
    check("\xC2\xA0\xC2\xAD", "\xC2\xA0\xC2\xAD");     /* the first behind C1 */
    check("\x9B" "31m\xFF\xC0\x80", "?31m???");        /* a bare C1 byte; not UTF-8 */
    check("a\u202Eb\u2066c\u2028d", "a???b???c???d");  /* turned around, a faked line */
    check("cut \xE2\x82", "cut ??");
}

static char *printed(const char *format, const char *value)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    assert_true(rt_plain_print(f, format, value) >= 0);
    fclose(f);
    return text;
}

static void test_print(void **state)
{
    (void)state;
    char *text = printed("id %s\n", "\x1b]0;title\a"), *longest = calloc(1, 100001);
    assert_string_equal(text, "id ?]0;title?\n");
    free(text);
    assert_non_null(longest);
    memset(longest, 'x', 99999);
    longest[99999] = '\x1b'; /* beyond what needs no memory */
    text = printed("%s", longest);
    assert_int_equal(strlen(text), 100000);
    assert_int_equal(text[99999], '?');
    free(text);
    free(longest);
}

/* Not a terminal: a program that joins tables by it wants the id as it is. */
static void test_put(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    assert_true(rt_plain_put(f, "\x1b[1m") >= 0);
    fclose(f);
    assert_string_equal(text, "\x1b[1m");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
