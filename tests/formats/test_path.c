/* SPDX-License-Identifier: MIT
 * Tests of path.h: what does not fit, then both directions. */
#include "formats/path.h"
#include "formats/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char out[1024];

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char small[8];
    assert_int_equal(rt_path_absolute("/1234567", "", small, sizeof small), RT_ELARGE);
    assert_int_equal(rt_path_absolute("/123456", "", small, sizeof small), 0);
    assert_int_equal(rt_path_relative("/a", "/b/c/d", small, sizeof small), RT_ELARGE);
    assert_int_equal(rt_path_relative("/a/12345678", "/a", small, sizeof small), RT_ELARGE);
}

static void paths_become_absolute(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"x", "/a", "/a/x"},      {"./x//y/.", "/a/", "/a/x/y"},
        {"../x", "/a/b", "/a/x"}, {"../../../x", "/a", "/x"},
        {"/x", "/a", "/x"},       {"..", "/a", "/"},
        {"", "/a", "/a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(rt_path_absolute(rows[i][0], rows[i][1], out, sizeof out), 0);
        assert_string_equal(out, rows[i][2]);
    }
    char here[900];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(rt_path_absolute("x", NULL, out, sizeof out), 0);
    strcat(here, "/x");
    assert_string_equal(out, here);
}

static void paths_become_relative(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"/a/b/x", "/a/b", "x"},  {"/a/b/c/x", "/a/b", "c/x"},
        {"/a/x", "/a/b", "../x"}, {"/a/bc/x", "/a/b", "../bc/x"},
        {"/x", "/", "x"},         {"/x", "/a/b", "../../x"},
        {"/a", "/a", "."},        {"/a", "/a/b", "../"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(rt_path_relative(rows[i][0], rows[i][1], out, sizeof out), 0);
        assert_string_equal(out, rows[i][2]);
        char back[1024];
        assert_int_equal(rt_path_absolute(out, rows[i][1], back, sizeof back), 0);
        assert_string_equal(back, rows[i][0]);
    }
}

static void endings_are_behind_something(void **state)
{
    (void)state;
    assert_true(rt_path_ends_in("a.onnx", ".onnx"));
    assert_false(rt_path_ends_in(".onnx", ".onnx"));
    assert_false(rt_path_ends_in("a.onnx.part", ".onnx"));
    assert_false(rt_path_ends_in("nx", ".onnx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(paths_become_absolute),
        cmocka_unit_test(paths_become_relative),
        cmocka_unit_test(endings_are_behind_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
