/* SPDX-License-Identifier: MIT
 * Tests of what `retort replay` says of two checkpoints: each kind of difference, and what is none. */
#include "tui/report/checkpoint_difference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct rt_safetensors *there, *repeated;
static char text[600];

static void add(struct rt_safetensors *s, const char *name, int rank, int64_t columns, float last)
{
    float value[6] = {1, 2, 3, 4, 5, last};
    int64_t dim[2] = {rank == 1 ? 6 : 6 / columns, columns};
    struct rt_tensor t = rt_tensor_view(RT_F32, rank, dim, value);
    assert_int_equal(rt_safetensors_add(s, name, &t), 0);
}

static int begin(void **state)
{
    (void)state;
    struct rt_safetensors **both[] = {&there, &repeated};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rt_safetensors_create(both[i]), 0);
        assert_int_equal(rt_safetensors_set_text(*both[i], "retort.progress", "12"), 0);
        add(*both[i], "model.a", 2, 3, 6);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    rt_safetensors_destroy(there);
    rt_safetensors_destroy(repeated);
    return 0;
}

static void equal_contents_do_not_differ(void **state)
{
    (void)state;
    add(there, "model.b", 1, 0, 0);
    add(repeated, "model.b", 1, 0, 0);
    assert_int_equal(rt_safetensors_set_text(there, "retort.recipe", "written here"), 0);
    assert_false(rt_checkpoint_differs(there, repeated, text, sizeof text));
}

static void a_value_is_named_with_its_place(void **state)
{
    (void)state;
    add(there, "model.b", 2, 2, 6);
    add(repeated, "model.b", 2, 2, 6.5f);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "model.b differs from element 5 on");
}

static void the_sign_of_zero_is_a_difference(void **state)
{
    (void)state;
    add(there, "model.b", 1, 0, 0.0f);
    add(repeated, "model.b", 1, 0, -0.0f);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
}

static void shapes_and_numbers_of_tensors_count(void **state)
{
    (void)state;
    add(there, "model.b", 2, 2, 6);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "2 tensors there, 1 repeated");
    add(repeated, "model.b", 2, 3, 6);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "model.b is there, but not repeated in that shape");
}

static void a_tensor_of_another_name_is_missed(void **state)
{
    (void)state;
    add(there, "model.b", 1, 0, 6);
    add(repeated, "model.c", 1, 0, 6);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "model.b is there, but not repeated in that shape");
}

static void progress_and_settings_count(void **state)
{
    (void)state;
    assert_int_equal(rt_safetensors_set_text(repeated, "retort.settings", "train.lr=1"), 0);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "retort.settings: \"\" there, \"train.lr=1\" repeated");
    assert_int_equal(rt_safetensors_set_text(repeated, "retort.progress", "13"), 0);
    assert_true(rt_checkpoint_differs(there, repeated, text, sizeof text));
    assert_string_equal(text, "retort.progress: \"12\" there, \"13\" repeated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_contents_do_not_differ, begin, end),
        cmocka_unit_test_setup_teardown(a_value_is_named_with_its_place, begin, end),
        cmocka_unit_test_setup_teardown(the_sign_of_zero_is_a_difference, begin, end),
        cmocka_unit_test_setup_teardown(shapes_and_numbers_of_tensors_count, begin, end),
        cmocka_unit_test_setup_teardown(a_tensor_of_another_name_is_missed, begin, end),
        cmocka_unit_test_setup_teardown(progress_and_settings_count, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
