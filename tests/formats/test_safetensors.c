/* SPDX-License-Identifier: MIT
 * Tests of safetensors.h: a table of refused files, round trips, the written bytes against the
 * format's description, and that damage never gets further than an error. */
#include "formats/safetensors.h"
#include "formats/file.h"
#include "formats/half.h"
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scratch dir;
static const char *path; /* of the file that tests write */

/* A file of this header text and `data` bytes 0, 1, 2, ... */
static uint8_t *make_file(const char *header, size_t data, size_t *size)
{
    size_t n = strlen(header);
    uint8_t *b = calloc(1, 8 + n + data + 1);
    *size = 8 + n + data;
    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)((uint64_t)n >> (8 * i));
    memcpy(b + 8, header, n);
    for (size_t i = 0; i < data; i++)
        b[8 + n + i] = (uint8_t)i;
    return b;
}

static void bad_files_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        int code;
        const char *words; /* part of the message */
    } list[] = {
        {"", 0, RT_EFORMAT, "byte 8"},
        {"{", 0, RT_EFORMAT, "header"},
        {"[]", 0, RT_EFORMAT, "not an object"},
        {"{\"a\":1,\"a\":2}", 0, RT_EFORMAT, "duplicate"},
        {"{\"a\":1}", 0, RT_EFORMAT, "'a': no \"dtype\""},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RT_EFORMAT, "no \"dtype\""},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, RT_EFORMAT,
         "\"BF16\" is not read"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":3,\"data_offsets\":[0,4]}}", 4, RT_EFORMAT, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         RT_EFORMAT, "at most 6"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, RT_EFORMAT,
         "dimension 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1.0],\"data_offsets\":[0,4]}}", 4, RT_EFORMAT,
         "dimension 1"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
         RT_ELARGE, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, RT_EFORMAT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, RT_EFORMAT,
         "needs 4 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, RT_EFORMAT,
         "holds 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, RT_EFORMAT, "-4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, RT_EFORMAT, "4 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, RT_EFORMAT,
         "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, RT_EFORMAT,
         "begins at 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[2,10]}}",
         10, RT_EFORMAT, "'b' begins at 2"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, RT_EFORMAT,
         "4 bytes of data belong"},
        {"{}", 1, RT_EFORMAT, "0 bytes of data belong"},
        {"{\"__metadata__\":[]}", 0, RT_EFORMAT, "not an object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, RT_EFORMAT, "'k' is not a text"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_safetensors *s;
        struct rt_error e = {0};
        size_t size;
        uint8_t *b = make_file(list[i].header, list[i].data, &size);
        int rc = rt_safetensors_parse(&s, b, size, "m.safetensors", &e);
        if (rc != list[i].code || !strstr(e.text, list[i].words))
            fail_msg("%s -> %d \"%s\"", list[i].header, rc, e.text);
        assert_null(s);
        assert_ptr_equal(strstr(e.text, "m.safetensors: "), e.text);
        free(b);
    }
}

static void a_header_length_beyond_the_file_is_refused(void **state)
{
    (void)state;
    struct rt_safetensors *s;
    struct rt_error e;
    uint8_t b[10] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    for (size_t n = 0; n <= sizeof b; n++)
        assert_int_equal(rt_safetensors_parse(&s, b, n, "x", &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "header of 3 bytes, 2 remain"));
    memset(b, 0xFF, 8);
    assert_int_equal(rt_safetensors_parse(&s, b, sizeof b, "x", &e), RT_EFORMAT);
    assert_int_equal(rt_safetensors_read(&s, "/nowhere/x.safetensors", &e), RT_EMISSING);
    assert_null(s);
}

static void a_foreign_file_is_read(void **state)
{
    (void)state;
    /* Any order of names and places, spaces, an empty tensor, a scalar, a field of a later version. */
    const char *header = "{\"b\": {\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[4,8]}, "
                         "\"e\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[4,4]},"
                         "\"a\":{\"shape\":[],\"dtype\":\"I32\",\"data_offsets\":[0,4],\"x\":null},"
                         "\"__metadata__\":{\"format\":\"pt\"}}   ";
    struct rt_safetensors *s;
    struct rt_error e;
    const char *name;
    size_t size;
    uint8_t *b = make_file(header, 8, &size);
    assert_int_equal(rt_safetensors_parse(&s, b, size, "x", &e), 0);
    free(b);
    assert_int_equal(rt_safetensors_count(s), 3);
    assert_int_equal(*(int32_t *)rt_safetensors_get(s, "a")->data, 0x03020100);
    assert_memory_equal(rt_safetensors_get(s, "b")->data, "\4\5\6\7", 4);
    assert_int_equal(rt_safetensors_get(s, "e")->dim[0], 3);
    assert_null(rt_safetensors_get(s, "c"));
    assert_string_equal(rt_safetensors_text(s, "format"), "pt");
    assert_null(rt_safetensors_text(s, "other"));
    static const char *const order[] = {"a", "b", "e"};
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(rt_safetensors_at(s, i, &name), rt_safetensors_get(s, order[i]));
        assert_string_equal(name, order[i]);
    }
    assert_null(rt_safetensors_at(s, 3, NULL));
    assert_null(rt_safetensors_at(s, -1, NULL));
    rt_safetensors_destroy(s);
    rt_safetensors_destroy(NULL);
}

static struct rt_safetensors *make_model(int backwards)
{
    static const char *const names[] = {"conv1.weight", "bn.mean", "label", "step", "mask", "none"};
    static const enum rt_dtype dtypes[] = {RT_F32, RT_F64, RT_I32, RT_I64, RT_U8, RT_F32};
    struct rt_safetensors *s;
    assert_int_equal(rt_safetensors_create(&s), 0);
    for (int k = 0; k < 6; k++) {
        int i = backwards ? 5 - k : k;
        struct rt_tensor t;
        assert_int_equal(rt_tensor_init(&t, dtypes[i], 2, (int64_t[]){3, i == 5 ? 0 : 2 * i + 1}),
                         0);
        memset(t.data, 'a' + i, rt_tensor_bytes(&t));
        assert_int_equal(rt_safetensors_add(s, names[i], &t), 0);
        rt_tensor_fini(&t);
    }
    assert_int_equal(rt_safetensors_set_text(s, backwards ? "recipe" : "classes", "old"), 0);
    assert_int_equal(rt_safetensors_set_text(s, "classes", "caf\xc3\xa9 \"x\"\n\t"), 0);
    assert_int_equal(rt_safetensors_set_text(s, "recipe", ""), 0);
    return s;
}

static void wrong_names_are_refused(void **state)
{
    (void)state;
    struct rt_safetensors *s = make_model(0);
    float x = 1;
    struct rt_tensor t = rt_tensor_view(RT_F32, 0, NULL, &x);
    assert_int_equal(rt_safetensors_add(s, "label", &t), RT_EUSAGE);
    assert_int_equal(rt_safetensors_add(s, "", &t), RT_EUSAGE);
    assert_int_equal(rt_safetensors_add(s, "__metadata__", &t), RT_EUSAGE);
    assert_int_equal(rt_safetensors_add(s, "\xff", &t), RT_EUSAGE);
    assert_int_equal(rt_safetensors_set_text(s, "\xff", "x"), RT_EUSAGE);
    assert_int_equal(rt_safetensors_set_text(s, "x", "\xff"), RT_EUSAGE);
    t.rank = -1;
    assert_int_equal(rt_safetensors_add(s, "new", &t), RT_ERANGE);
    assert_int_equal(rt_safetensors_count(s), 6);
    rt_safetensors_destroy(s);
}

static void a_model_comes_back_and_equal_contents_are_equal_bytes(void **state)
{
    (void)state;
    struct rt_error e;
    uint8_t *bytes[2];
    size_t size[2];
    for (int k = 0; k < 2; k++) {
        struct rt_safetensors *s = make_model(k), *t;
        assert_int_equal(rt_safetensors_write(s, path, &e), 0);
        assert_int_equal(rt_safetensors_read(&t, path, &e), 0);
        assert_int_equal(rt_safetensors_count(t), 6);
        for (int i = 0; i < 6; i++) {
            const char *name, *other;
            const struct rt_tensor *a = rt_safetensors_at(s, i, &name);
            const struct rt_tensor *b = rt_safetensors_at(t, i, &other);
            assert_string_equal(name, other);
            assert_int_equal(a->dtype, b->dtype);
            assert_int_equal(a->rank, b->rank);
            assert_int_equal(a->dim[1], b->dim[1]);
            assert_int_equal(rt_tensor_bytes(a), rt_tensor_bytes(b));
            assert_memory_equal(a->data, b->data, rt_tensor_bytes(a));
        }
        assert_string_equal(rt_safetensors_text(t, "classes"), "caf\xc3\xa9 \"x\"\n\t");
        assert_string_equal(rt_safetensors_text(t, "recipe"), "");
        rt_safetensors_destroy(s);
        rt_safetensors_destroy(t);
        assert_int_equal(rt_file_read(path, 1 << 20, &bytes[k], &size[k], &e), 0);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void the_written_bytes_follow_the_format(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"},"
        "\"a\":{\"data_offsets\":[8,11],\"dtype\":\"U8\",\"shape\":[3]},"
        "\"b\":{\"data_offsets\":[0,8],\"dtype\":\"F32\",\"shape\":[2,1]}}";
    struct rt_safetensors *s;
    struct rt_error e;
    uint8_t *bytes;
    size_t size, text = sizeof header - 1, padded = (text + 7) / 8 * 8;
    float x[2] = {1.0f, -2.0f};
    struct rt_tensor a = rt_tensor_view(RT_U8, 1, (int64_t[]){3}, "xyz");
    struct rt_tensor b = rt_tensor_view(RT_F32, 2, (int64_t[]){2, 1}, x);
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_safetensors_add(s, "b", &b), 0);
    assert_int_equal(rt_safetensors_add(s, "a", &a), 0);
    assert_int_equal(rt_safetensors_set_text(s, "k", "v"), 0);
    assert_int_equal(rt_safetensors_write(s, path, &e), 0);
    rt_safetensors_destroy(s);
    assert_int_equal(rt_file_read(path, 1 << 20, &bytes, &size, &e), 0);
    assert_int_equal(size, 8 + padded + 11);
    assert_int_equal(bytes[0], padded);
    assert_memory_equal(bytes + 1, "\0\0\0\0\0\0\0", 7);
    assert_memory_equal(bytes + 8, header, text);
    for (size_t i = text; i < padded; i++)
        assert_int_equal(bytes[8 + i], ' ');
    assert_memory_equal(bytes + 8 + padded, "\0\0\x80\x3f\0\0\0\xc0xyz", 11);
    free(bytes);
}

static void take_cut(const uint8_t *bytes, size_t size)
{
    struct rt_safetensors *s;
    assert_int_equal(rt_safetensors_parse(&s, bytes, size, "x", NULL), RT_EFORMAT);
}

static void take_changed(const uint8_t *bytes, size_t size)
{
    struct rt_safetensors *s;
    int rc = rt_safetensors_parse(&s, bytes, size, "x", NULL);
    assert_true(rc == 0 || rc == RT_EFORMAT || rc == RT_ELARGE);
    assert_true((rc == 0) == (s != NULL));
    rt_safetensors_destroy(s);
}

static void damage_gets_no_further_than_an_error(void **state)
{
    (void)state;
    struct rt_safetensors *s = make_model(0);
    struct rt_error e;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_safetensors_write(s, path, &e), 0);
    rt_safetensors_destroy(s);
    assert_int_equal(rt_file_read(path, 1 << 20, &bytes, &size, &e), 0);
    each_prefix(bytes, size, take_cut);
    each_change(bytes, size, EACH_BIT, take_changed);
    free(bytes);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct rt_safetensors *s = make_model(0);
    struct rt_error e;
    assert_int_equal(rt_safetensors_write(s, "/nowhere/m.safetensors", &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "/nowhere/m.safetensors"));
    rt_safetensors_destroy(s);
}

/* All halves come back; what lies between two goes to the nearer, and to the even one from their middle. */
static void half_precision_rounds_to_the_nearest(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x7C00; h++) {
        float here = rt_half_float((uint16_t)h), next = h == 0x7BFF ? 65536 : rt_half_float((uint16_t)(h + 1));
        float middle = here + (next - here) / 2;
        assert_int_equal(rt_half_of(here), h);
        assert_int_equal(rt_half_of(-here), h | 0x8000);
        assert_int_equal(rt_half_of(middle), h + (h & 1));
        assert_int_equal(rt_half_of(nextafterf(middle, 0)), h);
        assert_int_equal(rt_half_of(nextafterf(middle, INFINITY)), h + 1);
    }
    assert_true(rt_half_float(0x3C00) == 1 && rt_half_float(0xC000) == -2 && rt_half_float(0x0001) == 0x1p-24f);
    assert_true(isinf(rt_half_float(0x7C00)) && isnan(rt_half_float(0x7E00)) && isnan(rt_half_float(rt_half_of(NAN))));
    assert_int_equal(rt_half_of(INFINITY), 0x7C00);
    assert_int_equal(rt_half_of(1e-10f), 0);
}

static void halved_tensors_come_back(void **state)
{
    (void)state;
    struct rt_safetensors *s, *back;
    struct rt_error e = {0};
    float value[] = {1, -0.1f, 65504, 1e-6f, 3.14159f}, large[] = {1, 1e6f};
    int32_t whole[] = {1};
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, (int64_t[]){5}, value);
    struct rt_tensor beyond = rt_tensor_view(RT_F32, 1, (int64_t[]){2}, large);
    struct rt_tensor other = rt_tensor_view(RT_I32, 1, (int64_t[]){1}, whole);
    assert_int_equal(rt_safetensors_create(&s), 0);
    assert_int_equal(rt_safetensors_add(s, "w", &t), 0);
    assert_int_equal(rt_safetensors_add(s, "large", &beyond), 0);
    assert_int_equal(rt_safetensors_add(s, "whole", &other), 0);
    assert_int_equal(rt_safetensors_halve(s, "w"), 0);
    assert_int_equal(rt_safetensors_halve(s, "large"), RT_ERANGE);
    assert_int_equal(rt_safetensors_halve(s, "whole"), RT_EUSAGE);
    assert_int_equal(rt_safetensors_halve(s, "none"), RT_EUSAGE);
    assert_int_equal(rt_safetensors_seal(s), 0);
    assert_int_equal(rt_safetensors_write(s, path, &e), 0);
    assert_int_equal(rt_safetensors_read(&back, path, &e), 0);
    const float *now = rt_safetensors_get(back, "w")->data, *then = rt_safetensors_get(s, "w")->data;
    assert_memory_equal(now, then, sizeof value);
    for (int i = 0; i < 5; i++)
        assert_true(fabsf(now[i] - value[i]) <= fabsf(value[i]) / 2048 + 0x1p-25f);
    assert_memory_equal(rt_safetensors_get(back, "large")->data, large, sizeof large);
    size_t size;
    uint8_t *bytes = read_bytes(path, &size);
    assert_non_null(memmem(bytes, size, "\"F16\",\"shape\":[5]", 17));
    size_t again_size;
    assert_int_equal(rt_safetensors_write(back, path, &e), 0); /* as it is: whoever adds a text does so */
    uint8_t *again = read_bytes(path, &again_size);
    assert_int_equal(again_size, size);
    assert_memory_equal(again, bytes, size);
    free(again);
    free(bytes);
    rt_safetensors_destroy(s);
    rt_safetensors_destroy(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_with_the_reason),
        cmocka_unit_test(a_header_length_beyond_the_file_is_refused),
        cmocka_unit_test(a_foreign_file_is_read),
        cmocka_unit_test(wrong_names_are_refused),
        cmocka_unit_test(a_model_comes_back_and_equal_contents_are_equal_bytes),
        cmocka_unit_test(the_written_bytes_follow_the_format),
        cmocka_unit_test(half_precision_rounds_to_the_nearest),
        cmocka_unit_test(halved_tensors_come_back),
        cmocka_unit_test(damage_gets_no_further_than_an_error),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
    };
    scratch_make(&dir);
    path = scratch_file(&dir, "x.safetensors");
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
