/* SPDX-License-Identifier: MIT
 * Tests that frames, safetensors, .npy and ONNX survive running out of memory: each operation is repeated
 * with its 1st, 2nd, ... allocation failing until none fails. Until then it must give RT_EMEM and
 * leave nothing behind. jansson's allocators are set through its own hook. */
#include "formats/file.h"
#include "formats/frame.h"
#include "formats/npy.h"
#include "formats/onnx.h"
#include "formats/safetensors.h"
#include "tests/support/allocation.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define NONE ((struct mercy){0})

static struct scratch dir;
static const char *path; /* of the file that tests write */

ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    return allocation_fails() ? NULL : __real_ZSTD_createCCtx();
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return allocation_fails() ? NULL : __real_ZSTD_createDCtx();
}

/* ---- operations: each gives 0 or an error, and on success frees what it made ---- */

static float values[3000];
static const int64_t shape[] = {1000, 3};

static struct rt_tensor a_tensor(void)
{
    return rt_tensor_view(RT_F32, 2, shape, values);
}

static int pack_and_unpack(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_tensor t = a_tensor(), back;
    struct rt_frame *f;
    int rc = rt_frame_pack(&f, "speech", &t, 1);
    if (rc) {
        assert_null(f);
        return rt_error_set(e, rc, "pack");
    }
    rc = rt_frame_unpack(f, &back, e);
    if (rc)
        assert_null(back.data);
    else
        assert_memory_equal(back.data, values, sizeof values);
    if (!rc)
        rt_tensor_fini(&back);
    rt_frame_unref(f);
    return rc;
}

static struct rt_frame *parsed_from;

static int parse_frame(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_frame *f;
    size_t size, used;
    const void *bytes = rt_frame_bytes(parsed_from, &size);
    int rc = rt_frame_parse(&f, bytes, size, &used, e);
    if (rc)
        assert_null(f);
    rt_frame_unref(f);
    return rc;
}

/* More tensors than the first allocation has room for. */
static int write_safetensors(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_tensor t = a_tensor();
    struct rt_safetensors *s;
    char name[32];
    t.dim[0] = 2;
    int rc = rt_safetensors_create(&s);
    for (int i = 0; i < 20 && !rc; i++) {
        snprintf(name, sizeof name, "layer%d", i);
        rc = rt_safetensors_add(s, name, &t);
        assert_int_equal(rt_safetensors_count(s), rc ? i : i + 1);
    }
    if (!rc)
        rc = rt_safetensors_set_text(s, "classes", "animals, plants, mushrooms and stones");
    if (!rc)
        rc = rt_safetensors_seal(s);
    if (rc)
        rt_error_set(e, rc, "build");
    else
        rc = rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int read_safetensors(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_safetensors *s;
    int rc = rt_safetensors_read(&s, path, e);
    if (rc)
        assert_null(s);
    else
        assert_int_equal(rt_safetensors_count(s), 20);
    rt_safetensors_destroy(s);
    return rc;
}

static int write_npy(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_tensor t = a_tensor();
    return rt_npy_write(&t, path, e);
}

static int read_npy(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_tensor t;
    int rc = rt_npy_read(&t, path, e);
    if (rc)
        assert_null(t.data);
    rt_tensor_fini(&t);
    return rc;
}

/* Every kind of part; the writer and the reader meet each allocation they have. */
static int write_onnx(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_tensor t = a_tensor();
    struct rt_onnx *o;
    int rc = rt_onnx_create(&o, 13);
    if (rc)
        return rt_error_set(e, rc, "create");
    rt_onnx_set_text(o, "key", "value");
    rt_onnx_add_input(o, "x", RT_F32, 2, (int64_t[]){-1, 3}, "batch");
    rt_onnx_add_initializer(o, "w", &t);
    struct rt_onnx_node *n = rt_onnx_add_node(o, "MatMul", "m", (const char *[]){"x", "w", NULL},
                                              (const char *[]){"h", NULL});
    rt_onnx_attr_int(o, n, "i", 1);
    rt_onnx_attr_string(o, n, "s", "text");
    rt_onnx_attr_ints(o, n, "is", shape, 2);
    rt_onnx_attr_tensor(o, n, "t", &t);
    rt_onnx_add_node(o, "Relu", "r", (const char *[]){"h", NULL}, (const char *[]){"y", NULL});
    rt_onnx_add_output(o, "y", RT_F32, 2, (int64_t[]){-1, 3}, "batch");
    rc = rt_onnx_write(o, path, e);
    rt_onnx_destroy(o);
    return rc;
}

static int read_onnx(void *self, struct rt_error *e)
{
    (void)self;
    struct rt_onnx *o;
    int rc = rt_onnx_read(&o, path, e);
    if (rc)
        assert_null(o);
    rt_onnx_destroy(o);
    return rc;
}

static void onnx(void **state)
{
    (void)state;
    assert_in_range(exhaust(write_onnx, NULL, NONE), 40, 200);
    assert_in_range(exhaust(read_onnx, NULL, NONE), 60, 300);
}

static void frames(void **state)
{
    (void)state;
    struct rt_tensor t = a_tensor();
    /* Contexts, both zstd objects, the frame, its shrinking, two scratch blocks, the tensor. */
    assert_in_range(exhaust(pack_and_unpack, NULL, (struct mercy){.kept = 1, .spared = 1}), 5, 20);
    assert_int_equal(rt_frame_pack(&parsed_from, "speech", &t, 1), 0);
    assert_int_equal(exhaust(parse_frame, NULL, NONE), 1);
    rt_frame_unref(parsed_from);
}

static void safetensors(void **state)
{
    (void)state;
    assert_in_range(exhaust(write_safetensors, NULL, NONE), 100, 1000);
    /* jansson takes running out of memory inside a text for a wrong text. */
    assert_in_range(exhaust(read_safetensors, NULL, (struct mercy){.also = RT_EFORMAT}), 100, 1000);
}

static void npy(void **state)
{
    (void)state;
    assert_int_equal(exhaust(write_npy, NULL, NONE), 0);
    assert_int_equal(exhaust(read_npy, NULL, NONE), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(safetensors),
        cmocka_unit_test(npy),
        cmocka_unit_test(onnx),
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        values[i] = (float)(i % 100);
    json_set_alloc_funcs(malloc, free); /* ours: jansson's own calls are not wrapped */
    scratch_make(&dir);
    path = scratch_file(&dir, "x");
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
