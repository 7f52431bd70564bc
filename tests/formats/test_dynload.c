/* SPDX-License-Identifier: MIT
 * Tests of dynload.h: functions that are there, a library and a function that are not. */
#include "formats/dynload.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

double not_there(double x);

#define SOME(F) F(hypot) F(copysign)
#define OTHER(F) F(hypot) F(not_there)

static struct {
    SOME(RT_DYNLOAD_FIELD)
} some;
static struct {
    OTHER(RT_DYNLOAD_FIELD)
} other;

static void functions_can_be_called(void **state)
{
    (void)state;
    struct rt_dynload maths = RT_DYNLOAD("libm.so.6", SOME, some);
    struct rt_error e = {0};
    assert_int_equal(rt_dynload(&maths, "a.wav", &e), 0);
    assert_true(some.hypot(3, 4) == 5 && some.copysign(2, -1) == -2);
    some.hypot = NULL;
    assert_int_equal(rt_dynload(&maths, "a.wav", &e), 0);
    assert_null(some.hypot); /* not looked up again */
}

static void a_missing_library_is_named(void **state)
{
    (void)state;
    struct rt_dynload none = RT_DYNLOAD("libnone.so.99", SOME, some);
    struct rt_error e;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rt_dynload(&none, "a.m4a", &e), RT_EMISSING);
        assert_non_null(strstr(e.text, "a.m4a: is read by libnone.so.99, which cannot be loaded: "));
    }
}

static void a_missing_function_is_named(void **state)
{
    (void)state;
    struct rt_dynload maths = RT_DYNLOAD("libm.so.6", OTHER, other);
    struct rt_error e;
    assert_int_equal(rt_dynload(&maths, "a.m4a", &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "not_there"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_can_be_called),
        cmocka_unit_test(a_missing_library_is_named),
        cmocka_unit_test(a_missing_function_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
