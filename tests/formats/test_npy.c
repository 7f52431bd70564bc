/* SPDX-License-Identifier: MIT
 * Tests of npy.h: a table of refused headers, files that NumPy wrote, the written bytes, and that
 * damage never gets further than an error. */
#include "formats/npy.h"
#include "formats/file.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scratch dir;
static const char *path; /* of the file that tests write */

/* A file with this dict and `data` bytes 0, 1, 2, ... */
static uint8_t *make_file(int major, const char *dict, size_t data, size_t *size)
{
    size_t n = strlen(dict), start = major == 1 ? 10 : 12;
    uint8_t *b = calloc(1, start + n + data + 1);
    *size = start + n + data;
    memcpy(b, "\x93NUMPY", 6);
    b[6] = (uint8_t)major;
    b[8] = (uint8_t)n;
    b[9] = (uint8_t)(n >> 8);
    memcpy(b + start, dict, n);
    for (size_t i = 0; i < data; i++)
        b[start + n + i] = (uint8_t)i;
    return b;
}

static void bad_files_are_refused_with_the_reason(void **state)
{
    (void)state;
#define BRACES "header is not {"
    static const struct {
        int major;
        const char *dict;
        size_t data;
        int code;
        const char *words;
    } list[] = {
        {0, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT, "version 0.0"},
        {4, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT, "version 4.0"},
        {1, "", 0, RT_EFORMAT, BRACES},
        {1, "{}", 0, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT,
         BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': No, 'shape': ()}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': 1}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1)}", 4, RT_EFORMAT,
         BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", 4,
         RT_EFORMAT, BRACES},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}", 4,
         RT_ELARGE, "too large"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
         RT_ELARGE, "too large"},
        {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT, BRACES},
        {1, "{'descr': '<f2', 'fortran_order': False, 'shape': ()}", 2, RT_EFORMAT, "'<f2'"},
        {1, "{'descr': '>f4', 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT, "'>f4'"},
        {1, "{'descr': '|O', 'fortran_order': False, 'shape': ()}", 4, RT_EFORMAT, "astype"},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16, RT_EFORMAT,
         "ascontiguousarray"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", 15, RT_EFORMAT,
         "15 bytes of data; its shape needs 16"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", 17, RT_EFORMAT, "17 bytes"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_tensor t;
        struct rt_error e = {0};
        size_t size;
        uint8_t *b = make_file(list[i].major, list[i].dict, list[i].data, &size);
        int rc = rt_npy_parse(&t, b, size, "x.npy", &e);
        if (rc != list[i].code || !strstr(e.text, list[i].words))
            fail_msg("%s -> %d \"%s\"", list[i].dict, rc, e.text);
        assert_null(t.data);
        assert_ptr_equal(strstr(e.text, "x.npy: "), e.text);
        free(b);
    }
    struct rt_tensor t;
    struct rt_error e;
    assert_int_equal(rt_npy_parse(&t, "", 0, "x", &e), RT_EFORMAT);
    assert_int_equal(rt_npy_parse(&t, "\x93NUMPZ\1\0\0\0", 10, "x", &e), RT_EFORMAT);
    assert_int_equal(rt_npy_parse(&t, "\x93NUMPY\1\0\xff\xff{}", 12, "x", &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "header of 65535 bytes, 2 remain"));
    assert_int_equal(rt_npy_parse(&t, "\x93NUMPY\2\0\xff\xff\xff\xff{}", 14, "x", &e), RT_EFORMAT);
    assert_int_equal(rt_npy_read(&t, "/nowhere/x.npy", &e), RT_EMISSING);
}

static void every_spelling_of_a_header_is_read(void **state)
{
    (void)state;
    static const struct {
        int major;
        const char *dict;
        int rank;
    } list[] = {
        {1, "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }  \n", 2},
        {2, "{'shape':(1,1,),'fortran_order':False,'descr':'<i4'}", 2},
        {3, " { \"descr\" : \"<i4\" , \"fortran_order\" : False , \"shape\" : ( 1 , ) , } ", 1},
        {1, "{'descr': '<i4', 'fortran_order': False, 'shape': ()}", 0},
        {1, "{'descr': '<i4', 'fortran_order': False, 'shape': (1,1,1,1,1,1)}", 6},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_tensor t;
        struct rt_error e = {0};
        size_t size;
        uint8_t *b = make_file(list[i].major, list[i].dict, 4, &size);
        if (rt_npy_parse(&t, b, size, "x", &e))
            fail_msg("%s -> %s", list[i].dict, e.text);
        assert_int_equal(t.dtype, RT_I32);
        assert_int_equal(t.rank, list[i].rank);
        assert_int_equal(*(int32_t *)t.data, 0x03020100);
        rt_tensor_fini(&t);
        free(b);
    }
}

/* Written by numpy.save; element i is i. Also the seeds of fuzz_npy. */
static void files_of_numpy_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum rt_dtype dtype;
        int rank;
        int64_t dim[3];
    } list[] = {
        {"tests/fuzz/corpus/npy/f4.npy", RT_F32, 2, {3, 4}},
        {"tests/fuzz/corpus/npy/f8.npy", RT_F64, 0, {0}},
        {"tests/fuzz/corpus/npy/i4.npy", RT_I32, 1, {5}},
        {"tests/fuzz/corpus/npy/i8.npy", RT_I64, 3, {2, 0, 3}},
        {"tests/fuzz/corpus/npy/u1_v2.npy", RT_U8, 1, {7}},
        {"tests/fuzz/corpus/npy/b1.npy", RT_BOOL, 1, {2}},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_tensor t;
        struct rt_error e;
        assert_int_equal(rt_npy_read(&t, list[i].path, &e), 0);
        assert_int_equal(t.dtype, list[i].dtype);
        assert_int_equal(t.rank, list[i].rank);
        for (int k = 0; k < t.rank; k++)
            assert_int_equal(t.dim[k], list[i].dim[k]);
        for (int64_t k = 0; k < rt_tensor_count(&t); k++) {
            double v = t.dtype == RT_F32   ? (double)((float *)t.data)[k]
                       : t.dtype == RT_F64 ? ((double *)t.data)[k]
                       : t.dtype == RT_I32 ? ((int32_t *)t.data)[k]
                                           : ((uint8_t *)t.data)[k];
            assert_true(v == (double)k);
        }
        rt_tensor_fini(&t);
    }
}

static void the_written_bytes_follow_the_format(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t dim[RT_TENSOR_RANK];
        const char *shape;
    } list[] = {
        {0, {0}, "()"},
        {1, {3}, "(3,)"},
        {2, {2, 3}, "(2, 3)"},
        {3, {0, 1152921504, 7}, "(0, 1152921504, 7)"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        double x[6] = {0, 1, 2, 3, 4, 5};
        struct rt_tensor t = rt_tensor_view(RT_F64, list[i].rank, list[i].dim, x), back;
        struct rt_error e;
        uint8_t *b;
        char dict[200];
        size_t size, data = rt_tensor_bytes(&t);
        assert_int_equal(rt_npy_write(&t, path, &e), 0);
        assert_int_equal(rt_file_read(path, 1 << 20, &b, &size, &e), 0);
        assert_memory_equal(b, "\x93NUMPY\1\0\x76\0", 10);
        assert_int_equal(size, 128 + data);
        int n = sprintf(dict, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }",
                        list[i].shape);
        assert_memory_equal(b + 10, dict, (size_t)n);
        for (int k = 10 + n; k < 127; k++)
            assert_int_equal(b[k], ' ');
        assert_int_equal(b[127], '\n');
        assert_memory_equal(b + 128, x, data);
        free(b);
        assert_int_equal(rt_npy_read(&back, path, &e), 0);
        assert_int_equal(back.rank, t.rank);
        assert_memory_equal(back.dim, t.dim, sizeof t.dim);
        rt_tensor_fini(&back);
    }
}

static void the_longest_header_fits(void **state)
{
    (void)state;
    int64_t long_dim = INT64_C(68719476736) - 1;
    struct rt_tensor t = {.dtype = RT_U8, .rank = 6, .dim = {0, long_dim, 1, 1, 1, 1}}, back;
    struct rt_error e;
    assert_int_equal(rt_npy_write(&t, path, &e), 0);
    assert_int_equal(rt_npy_read(&back, path, &e), 0);
    assert_int_equal(back.dim[1], long_dim);
    rt_tensor_fini(&back);
    t.rank = 7;
    assert_int_equal(rt_npy_write(&t, path, &e), RT_ERANGE);
    t.rank = 0;
    assert_int_equal(rt_npy_write(&t, "/nowhere/x.npy", &e), RT_EMISSING);
}

static void take_cut(const uint8_t *bytes, size_t size)
{
    struct rt_tensor t;
    assert_int_equal(rt_npy_parse(&t, bytes, size, "x", NULL), RT_EFORMAT);
}

static void take_changed(const uint8_t *bytes, size_t size)
{
    struct rt_tensor t;
    int rc = rt_npy_parse(&t, bytes, size, "x", NULL);
    assert_true(rc == 0 || rc == RT_EFORMAT || rc == RT_ELARGE);
    assert_true((rc == 0) == (t.data != NULL));
    rt_tensor_fini(&t);
}

static void damage_gets_no_further_than_an_error(void **state)
{
    (void)state;
    float x[6] = {0, 1, 2, 3, 4, 5};
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, (int64_t[]){2, 3}, x);
    struct rt_error e;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_npy_write(&t, path, &e), 0);
    assert_int_equal(rt_file_read(path, 1 << 20, &bytes, &size, &e), 0);
    each_prefix(bytes, size, take_cut);
    each_change(bytes, size, EACH_VALUE, take_changed);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_with_the_reason),
        cmocka_unit_test(every_spelling_of_a_header_is_read),
        cmocka_unit_test(files_of_numpy_are_read),
        cmocka_unit_test(the_written_bytes_follow_the_format),
        cmocka_unit_test(the_longest_header_fits),
        cmocka_unit_test(damage_gets_no_further_than_an_error),
    };
    scratch_make(&dir);
    path = scratch_file(&dir, "x.npy");
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
