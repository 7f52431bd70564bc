/* SPDX-License-Identifier: MIT
 * Tests of frame.h: refusals, round trips of every dtype and level, the written layout byte by byte,
 * and that no truncation and no changed byte goes unnoticed. */
#include "formats/frame.h"
#include "formats/file.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Smooth values: what features and embeddings look like, and compressible. */
static struct rt_tensor make_smooth(enum rt_dtype dtype, int rank, const int64_t *dim)
{
    struct rt_tensor t;
    assert_int_equal(rt_tensor_init(&t, dtype, rank, dim), 0);
    int64_t n = rt_tensor_count(&t);
    for (int64_t i = 0; i < n; i++) {
        double v = 100.0 + 90.0 * sin((double)i * 0.01);
        switch (dtype) {
        case RT_F32: ((float *)t.data)[i] = (float)v; break;
        case RT_F64: ((double *)t.data)[i] = v; break;
        case RT_I32: ((int32_t *)t.data)[i] = (int32_t)v; break;
        case RT_I64: ((int64_t *)t.data)[i] = (int64_t)v - 100; break;
        default: ((uint8_t *)t.data)[i] = (uint8_t)v; break;
        }
    }
    return t;
}

static struct rt_frame *pack(const char *name, const struct rt_tensor *t, int level)
{
    struct rt_frame *f;
    assert_int_equal(rt_frame_pack(&f, name, t, level), 0);
    return f;
}

static void assert_same_tensor(const struct rt_tensor *a, const struct rt_tensor *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    for (int i = 0; i < a->rank; i++)
        assert_int_equal(a->dim[i], b->dim[i]);
    if (rt_tensor_bytes(a))
        assert_memory_equal(a->data, b->data, rt_tensor_bytes(a));
}

/* Through unpack, and through bytes and parse. */
static void assert_round_trip(const struct rt_frame *f, const struct rt_tensor *t, const char *name)
{
    struct rt_tensor u;
    struct rt_frame *g;
    size_t size, used;
    assert_string_equal(rt_frame_name(f), name);
    assert_int_equal(rt_frame_raw_bytes(f), rt_tensor_bytes(t));
    assert_null(rt_frame_shape(f).data);
    assert_int_equal(rt_frame_unpack(f, &u, NULL), 0);
    assert_same_tensor(t, &u);
    rt_tensor_fini(&u);
    const void *bytes = rt_frame_bytes(f, &size);
    assert_int_equal(size, rt_frame_packed_bytes(f));
    assert_int_equal(rt_frame_parse(&g, bytes, size, &used, NULL), 0);
    assert_int_equal(used, size);
    assert_string_equal(rt_frame_name(g), name);
    assert_int_equal(rt_frame_unpack(g, &u, NULL), 0);
    assert_same_tensor(t, &u);
    rt_tensor_fini(&u);
    rt_frame_unref(g);
}

static void bad_names_levels_and_shapes_are_refused(void **state)
{
    (void)state;
    float x = 1;
    struct rt_tensor t = rt_tensor_view(RT_F32, 0, NULL, &x);
    struct rt_frame *f;
    char name[RT_FRAME_NAME + 2];
    memset(name, 'n', sizeof name);
    name[RT_FRAME_NAME + 1] = '\0';
    assert_int_equal(rt_frame_pack(&f, "", &t, 1), RT_ERANGE);
    assert_int_equal(rt_frame_pack(&f, name, &t, 1), RT_ERANGE);
    assert_null(f);
    assert_int_equal(rt_frame_pack(&f, "x", &t, 20), RT_ERANGE);
    assert_int_equal(rt_frame_pack(&f, "x", &t, -8), RT_ERANGE);
    t.rank = RT_TENSOR_RANK + 1;
    assert_int_equal(rt_frame_pack(&f, "x", &t, 1), RT_ERANGE);
    t = rt_tensor_view(RT_F32, 2, (int64_t[]){INT64_MAX, 2}, &x);
    assert_int_equal(rt_frame_pack(&f, "x", &t, 1), RT_ELARGE);

    name[RT_FRAME_NAME] = '\0';
    t = rt_tensor_view(RT_F32, 0, NULL, &x);
    f = pack(name, &t, 1);
    assert_round_trip(f, &t, name);
    rt_frame_unref(f);
    rt_frame_unref(NULL);
}

static void every_dtype_level_and_size_comes_back(void **state)
{
    (void)state;
    static const int level[] = {-7, -1, 0, 1, 3, 19};
    static const int64_t rows[] = {0, 1, 3, 64, 511, 1021};
    for (int dtype = 0; dtype < RT_DTYPES; dtype++)
        for (size_t l = 0; l < sizeof level / sizeof level[0]; l++)
            for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
                struct rt_tensor t =
                    make_smooth((enum rt_dtype)dtype, 3, (int64_t[]){rows[r], 1, 13});
                struct rt_frame *f = pack("speech", &t, level[l]);
                assert_round_trip(f, &t, "speech");
                rt_frame_unref(f);
                rt_tensor_fini(&t);
            }
}

static void smooth_floats_shrink_and_noise_stays_raw(void **state)
{
    (void)state;
    struct rt_tensor t = make_smooth(RT_F32, 1, (int64_t[]){1 << 16});
    struct rt_frame *f = pack("x", &t, 1);
    assert_int_equal(((const uint8_t *)rt_frame_bytes(f, &(size_t){0}))[4], 2);
    assert_true(rt_frame_packed_bytes(f) < rt_frame_raw_bytes(f) * 9 / 10);
    rt_frame_unref(f);

    uint64_t s = 1;
    for (size_t i = 0; i < rt_tensor_bytes(&t) / 8; i++)
        ((uint64_t *)t.data)[i] = next_random(&s);
    f = pack("x", &t, 3);
    assert_int_equal(((const uint8_t *)rt_frame_bytes(f, &(size_t){0}))[4], 0);
    assert_int_equal(rt_frame_packed_bytes(f), rt_tensor_bytes(&t) + 48);
    assert_round_trip(f, &t, "x");
    rt_frame_unref(f);
    rt_tensor_fini(&t);

    /* NaN payloads and signed zeros are bits like any other. */
    t = make_smooth(RT_F32, 1, (int64_t[]){4096});
    ((uint32_t *)t.data)[5] = 0x7FC01234;
    ((uint32_t *)t.data)[6] = 0x80000000;
    f = pack("x", &t, 1);
    assert_round_trip(f, &t, "x");
    rt_frame_unref(f);
    rt_tensor_fini(&t);
}

static void data_on_odd_addresses_is_fine(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < RT_DTYPES; dtype++) {
        struct rt_tensor t = make_smooth((enum rt_dtype)dtype, 1, (int64_t[]){9000});
        size_t bytes = rt_tensor_bytes(&t);
        char *shifted = malloc(bytes + 1), *back = malloc(bytes + 1);
        memcpy(shifted + 1, t.data, bytes);
        struct rt_tensor v = rt_tensor_view((enum rt_dtype)dtype, 1, t.dim, shifted + 1);
        struct rt_frame *f = pack("x", &v, 1);
        assert_round_trip(f, &t, "x");
        assert_int_equal(rt_frame_unpack_into(f, back + 1, bytes, NULL), 0);
        assert_memory_equal(back + 1, t.data, bytes);
        rt_frame_unref(f);
        free(shifted);
        free(back);
        rt_tensor_fini(&t);
    }
}

static void unpack_into_wants_the_exact_size(void **state)
{
    (void)state;
    float x[3] = {1, 2, 3}, y[3];
    struct rt_error e;
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, (int64_t[]){3}, x);
    struct rt_frame *f = pack("x", &t, 1);
    assert_int_equal(rt_frame_unpack_into(f, y, 8, &e), RT_EMISMATCH);
    assert_string_equal(e.text, "frame 'x': holds 12 bytes, 8 were expected");
    assert_int_equal(rt_frame_unpack_into(f, y, sizeof y, &e), 0);
    assert_memory_equal(x, y, sizeof y);
    rt_frame_unref(f);
}

/* The layout at the top of frame.h, byte by byte; a change here needs another magic. */
static void the_written_layout_is_version_1(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        'R', 'T', 'F', '1', 0, RT_I32, 2, 5,                    /* */
        12, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0,       /* raw, payload */
        0, 0, 0, 0, 0, 0, 0, 0,                                 /* checksum: set below */
        3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,         /* dimensions */
        'l', 'a', 'b', 'e', 'l', 0, 0, 0,                       /* name, padding */
        1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 3, 2, 0, 0,         /* payload */
    };
    int32_t x[] = {1, -2, 0x203};
    size_t size;
    struct rt_tensor t = rt_tensor_view(RT_I32, 2, (int64_t[]){3, 1}, x);
    struct rt_frame *f = pack("label", &t, 3);
    const uint8_t *bytes = rt_frame_bytes(f, &size);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(bytes, expected, 24);
    assert_memory_equal(bytes + 32, expected + 32, size - 32);
    /* Computed apart from frame.c, with libxxhash's streaming calls one byte at a time. */
    uint64_t sum = 0;
    for (int i = 7; i >= 0; i--)
        sum = sum << 8 | bytes[24 + i];
    assert_true(sum == UINT64_C(0x43762FE379DB16A0));
    rt_frame_unref(f);
}

/* Element i of the files is i % 64. They are also the seeds of fuzz_frame. */
static void frames_written_earlier_stay_readable(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
        enum rt_dtype dtype;
        int rank;
        int64_t count;
    } list[] = {
        {"tests/fuzz/corpus/frame/scalar_f64", "loss", RT_F64, 0, 1},
        {"tests/fuzz/corpus/frame/raw_i32", "label", RT_I32, 2, 3},
        {"tests/fuzz/corpus/frame/none_f32", "empty", RT_F32, 2, 0},
        {"tests/fuzz/corpus/frame/shuffled_f32", "speech", RT_F32, 3, 2048},
        {"tests/fuzz/corpus/frame/shuffled_i64", "sample", RT_I64, 1, 1024},
        {"tests/fuzz/corpus/frame/zstd_u8", "image", RT_U8, 6, 6144},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_frame *f;
        struct rt_tensor t;
        struct rt_error e;
        uint8_t *bytes;
        size_t size, used;
        assert_int_equal(rt_file_read(list[i].path, 1 << 20, &bytes, &size, &e), 0);
        assert_int_equal(rt_frame_parse(&f, bytes, size, &used, &e), 0);
        assert_int_equal(used, size);
        assert_string_equal(rt_frame_name(f), list[i].name);
        assert_int_equal(rt_frame_unpack(f, &t, &e), 0);
        assert_int_equal(t.dtype, list[i].dtype);
        assert_int_equal(t.rank, list[i].rank);
        assert_int_equal(rt_tensor_count(&t), list[i].count);
        for (int64_t k = 0; k < list[i].count; k++) {
            double v = t.dtype == RT_F32   ? (double)((float *)t.data)[k]
                       : t.dtype == RT_F64 ? ((double *)t.data)[k]
                       : t.dtype == RT_I32 ? ((int32_t *)t.data)[k]
                       : t.dtype == RT_I64 ? (double)((int64_t *)t.data)[k]
                                           : ((uint8_t *)t.data)[k];
            assert_true(v == (double)(k % 64));
        }
        rt_tensor_fini(&t);
        rt_frame_unref(f);
        free(bytes);
    }
}

static void take_cut(const uint8_t *bytes, size_t size)
{
    struct rt_frame *f;
    struct rt_error e;
    size_t used;
    assert_int_equal(rt_frame_parse(&f, bytes, size, &used, &e), RT_EFORMAT);
    assert_null(f);
    assert_int_equal(e.code, RT_EFORMAT);
}

static void take_changed(const uint8_t *bytes, size_t size)
{
    struct rt_frame *f;
    struct rt_error e;
    size_t used;
    int rc = rt_frame_parse(&f, bytes, size, &used, &e);
    assert_true(rc == RT_EFORMAT || rc == RT_ECHECKSUM || rc == RT_ELARGE);
    assert_null(f);
    assert_int_equal(e.code, rc);
}

static void every_truncation_and_changed_byte_is_noticed(void **state)
{
    (void)state;
    for (int level = 0; level < 2; level++) {
        struct rt_tensor t = make_smooth(RT_F32, 2, (int64_t[]){2, 600});
        struct rt_frame *f = pack("teacher.logits", &t, level);
        size_t size;
        const void *bytes = rt_frame_bytes(f, &size);
        each_prefix(bytes, size, take_cut);
        each_change(bytes, size, EACH_BIT, take_changed);
        rt_frame_unref(f);
        rt_tensor_fini(&t);
    }
}

static void frames_lie_one_behind_the_other(void **state)
{
    (void)state;
    struct rt_tensor a = make_smooth(RT_F32, 1, (int64_t[]){5000});
    struct rt_tensor b = make_smooth(RT_U8, 1, (int64_t[]){5});
    struct rt_frame *f = pack("a", &a, 1), *g = pack("b", &b, 1), *h;
    size_t n, m, used;
    const void *p = rt_frame_bytes(f, &n), *q = rt_frame_bytes(g, &m);
    uint8_t *both = malloc(n + m);
    memcpy(both, p, n);
    memcpy(both + n, q, m);
    assert_int_equal(rt_frame_parse(&h, both, n + m, &used, NULL), 0);
    assert_int_equal(used, n);
    assert_string_equal(rt_frame_name(h), "a");
    rt_frame_unref(h);
    assert_int_equal(rt_frame_parse(&h, both + n, m, &used, NULL), 0);
    assert_string_equal(rt_frame_name(h), "b");
    rt_frame_unref(h);
    free(both);
    rt_frame_unref(f);
    rt_frame_unref(g);
    rt_tensor_fini(&a);
    rt_tensor_fini(&b);
}

static void equal_tensors_are_equal_bytes(void **state)
{
    (void)state;
    struct rt_tensor t = make_smooth(RT_F64, 2, (int64_t[]){33, 77});
    struct rt_frame *f = pack("x", &t, 3), *other = pack("y", &t, 19), *g = pack("x", &t, 3);
    size_t n, m;
    const void *p = rt_frame_bytes(f, &n), *q = rt_frame_bytes(g, &m);
    assert_int_equal(n, m);
    assert_memory_equal(p, q, n);
    rt_frame_unref(f);
    rt_frame_unref(g);
    rt_frame_unref(other);
    rt_tensor_fini(&t);
}

static void a_reference_keeps_the_frame(void **state)
{
    (void)state;
    float x = 7, y = 0;
    struct rt_tensor t = rt_tensor_view(RT_F32, 0, NULL, &x);
    struct rt_frame *f = pack("x", &t, 1);
    assert_ptr_equal(rt_frame_ref(f), f);
    rt_frame_unref(f);
    assert_int_equal(rt_frame_unpack_into(f, &y, sizeof y, NULL), 0);
    assert_true(y == 7);
    rt_frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_names_levels_and_shapes_are_refused),
        cmocka_unit_test(every_dtype_level_and_size_comes_back),
        cmocka_unit_test(smooth_floats_shrink_and_noise_stays_raw),
        cmocka_unit_test(data_on_odd_addresses_is_fine),
        cmocka_unit_test(unpack_into_wants_the_exact_size),
        cmocka_unit_test(the_written_layout_is_version_1),
        cmocka_unit_test(frames_written_earlier_stay_readable),
        cmocka_unit_test(every_truncation_and_changed_byte_is_noticed),
        cmocka_unit_test(frames_lie_one_behind_the_other),
        cmocka_unit_test(equal_tensors_are_equal_bytes),
        cmocka_unit_test(a_reference_keeps_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
