/* SPDX-License-Identifier: MIT
 * Tests of error.h: codes, words, cutting, masking and prefixes. */
#include "formats/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void set_without_a_place_returns_the_code(void **state)
{
    (void)state;
    assert_int_equal(rt_error_set(NULL, RT_EFORMAT, "x"), RT_EFORMAT);
    rt_error_prefix(NULL, "x");
}

static void set_fills_code_and_text(void **state)
{
    (void)state;
    struct rt_error e;
    assert_int_equal(rt_error_set(&e, RT_ERANGE, "%s:%d: %d", "a.yaml", 3, 42), RT_ERANGE);
    assert_int_equal(e.code, RT_ERANGE);
    assert_string_equal(e.text, "a.yaml:3: 42");
}

static void control_bytes_are_masked(void **state)
{
    (void)state;
    struct rt_error e;
    rt_error_set(&e, RT_EFORMAT, "%s", "a\x1b[31mb\x7f\tc\nd\xc3\xa9");
    assert_string_equal(e.text, "a?[31mb??c\nd\xc3\xa9");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct rt_error e;
    char text[2000];
    for (size_t shift = 0; shift < 5; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[sizeof text - 1] = '\0';
        rt_error_set(&e, RT_EFORMAT, "%s", text);
        size_t size = strlen(e.text);
        assert_in_range(size, sizeof e.text - 3, sizeof e.text - 1);
        assert_int_equal((size - shift) % 3, 0);
        rt_error_prefix(&e, "ab");
        size = strlen(e.text);
        assert_in_range(size, sizeof e.text - 3, sizeof e.text - 1);
        assert_int_equal((size - shift - 4) % 3, 0);
    }
}

static void prefix_keeps_the_code(void **state)
{
    (void)state;
    struct rt_error e;
    rt_error_set(&e, RT_EIO, "inner");
    rt_error_prefix(&e, "row %d", 7);
    assert_string_equal(e.text, "row 7: inner");
    assert_int_equal(e.code, RT_EIO);
}

static void errno_becomes_a_code(void **state)
{
    (void)state;
    static const struct {
        int number, code;
    } list[] = {{ENOSPC, RT_EFULL}, {EDQUOT, RT_EFULL}, {ENOENT, RT_EMISSING},
                {ENOMEM, RT_EMEM},  {EACCES, RT_EIO},   {EIO, RT_EIO}};
    struct rt_error e;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        errno = list[i].number;
        assert_int_equal(rt_error_errno(&e, "cannot read", "a/b"), list[i].code);
        assert_int_equal(e.code, list[i].code);
    }
    errno = ENOENT;
    rt_error_errno(&e, "cannot read", "a/b");
    assert_string_equal(e.text, "cannot read a/b: No such file or directory");
}

static void every_code_has_words_of_its_own(void **state)
{
    (void)state;
    static const int code[] = {
#define RT_ERR(name, number, words) RT_##name,
#include "formats/errors.def"
#undef RT_ERR
    };
    size_t codes = sizeof code / sizeof code[0];
    for (size_t i = 0; i < codes; i++) {
        assert_true(code[i] < 0);
        assert_true(rt_err_words(code[i])[0] != '\0');
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(code[i], code[k]);
            assert_string_not_equal(rt_err_words(code[i]), rt_err_words(code[k]));
        }
    }
    assert_string_equal(rt_err_words(RT_OK), "");
    assert_string_equal(rt_err_words(-9999), "unknown error");
    assert_string_equal(rt_err_words(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_without_a_place_returns_the_code),
        cmocka_unit_test(set_fills_code_and_text),
        cmocka_unit_test(control_bytes_are_masked),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(prefix_keeps_the_code),
        cmocka_unit_test(errno_becomes_a_code),
        cmocka_unit_test(every_code_has_words_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
