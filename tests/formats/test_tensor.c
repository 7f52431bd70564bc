/* SPDX-License-Identifier: MIT
 * Tests of tensor.h: refused shapes first, then sizes, alignment and views. */
#include "formats/tensor.h"
#include "formats/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void bad_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        int dtype, rank;
        int64_t dim[RT_TENSOR_RANK + 1];
        int code;
    } list[] = {
        {-1, 1, {1}, RT_ERANGE},
        {RT_DTYPES, 1, {1}, RT_ERANGE},
        {RT_F32, -1, {1}, RT_ERANGE},
        {RT_F32, RT_TENSOR_RANK + 1, {1, 1, 1, 1, 1, 1, 1}, RT_ERANGE},
        {RT_F32, 2, {3, -1}, RT_ERANGE},
        {RT_F32, 1, {INT64_MIN}, RT_ERANGE},
        {RT_F32, 1, {INT64_MAX}, RT_ELARGE},
        {RT_F32, 2, {INT64_MAX, INT64_MAX}, RT_ELARGE},
        {RT_F32, 2, {(int64_t)1 << 32, (int64_t)1 << 32}, RT_ELARGE},
        {RT_F32, 3, {0, (int64_t)1 << 40, (int64_t)1 << 40}, RT_ELARGE},
        {RT_U8, 1, {((int64_t)1 << 36) + 1}, RT_ELARGE},
        {RT_F64, 2, {(int64_t)1 << 33, 2}, RT_ELARGE},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_tensor t;
        memset(&t, 0xAA, sizeof t);
        enum rt_dtype dtype = (enum rt_dtype)list[i].dtype;
        assert_int_equal(rt_tensor_init(&t, dtype, list[i].rank, list[i].dim), list[i].code);
        assert_null(t.data);
        rt_tensor_fini(&t);
    }
}

static void sizes_follow_the_shape(void **state)
{
    (void)state;
    int64_t count;
    size_t bytes;
    int64_t dim[] = {2, 3, 5};
    assert_int_equal(rt_tensor_size(RT_F64, 3, dim, &count, &bytes), 0);
    assert_int_equal(count, 30);
    assert_int_equal(bytes, 240);
    assert_int_equal(rt_tensor_size(RT_I32, 0, NULL, &count, &bytes), 0);
    assert_int_equal(count, 1);
    assert_int_equal(bytes, 4);
    assert_int_equal(rt_tensor_size(RT_U8, 1, (int64_t[]){(int64_t)1 << 36}, &count, &bytes), 0);
    assert_int_equal(bytes, RT_TENSOR_BYTES_MAX);
    assert_int_equal(rt_tensor_size(RT_F32, 2, (int64_t[]){7, 0}, &count, &bytes), 0);
    assert_int_equal(count, 0);
    assert_int_equal(bytes, 0);
}

static void owned_data_is_aligned_and_zero(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 200; n += 7) {
        struct rt_tensor t;
        assert_int_equal(rt_tensor_init(&t, RT_F32, 2, (int64_t[]){n, 3}), 0);
        assert_non_null(t.data);
        assert_int_equal((uintptr_t)t.data % 64, 0);
        assert_int_equal(rt_tensor_count(&t), n * 3);
        assert_int_equal(rt_tensor_bytes(&t), (size_t)n * 12);
        for (int64_t i = 0; i < n * 3; i++)
            assert_true(((float *)t.data)[i] == 0.0f);
        memset(t.data, 0xFF, rt_tensor_bytes(&t));
        rt_tensor_fini(&t);
        assert_null(t.data);
        rt_tensor_fini(&t);
    }
}

static void a_view_owns_nothing(void **state)
{
    (void)state;
    double x[6] = {0};
    struct rt_tensor t = rt_tensor_view(RT_F64, 2, (int64_t[]){2, 3}, x);
    assert_ptr_equal(t.data, x);
    assert_int_equal(t.dim[1], 3);
    assert_int_equal(t.dim[2], 0);
    assert_int_equal(rt_tensor_bytes(&t), sizeof x);
}

static void dtypes_know_their_size(void **state)
{
    (void)state;
    assert_int_equal(rt_dtype_size(RT_F32), 4);
    assert_int_equal(rt_dtype_size(RT_I64), 8);
    assert_int_equal(rt_dtype_size(RT_U8), 1);
    assert_int_equal(rt_dtype_size(RT_BOOL), 1);
    assert_int_equal(rt_dtype_size(RT_DTYPES), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_shapes_are_refused),
        cmocka_unit_test(sizes_follow_the_shape),
        cmocka_unit_test(owned_data_is_aligned_and_zero),
        cmocka_unit_test(a_view_owns_nothing),
        cmocka_unit_test(dtypes_know_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
