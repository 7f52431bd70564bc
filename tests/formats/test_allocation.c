/* SPDX-License-Identifier: MIT
 * Tests that frames, safetensors and .npy survive running out of memory: each operation is repeated
 * with its 1st, 2nd, ... allocation failing until none fails. Until then it must give RT_EMEM and
 * leave nothing behind. The allocators are wrapped by the linker (see meson.build); jansson's are
 * set through its own hook. */
#include "formats/file.h"
#include "formats/frame.h"
#include "formats/npy.h"
#include "formats/safetensors.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include <cmocka.h>

#define ATTEMPTS_MAX 10000

static char path[] = "/tmp/retort-allocation-XXXXXX";

/* The allocation that fails, counted down; 0 = none. live counts blocks of the wrapped calls. */
static long fail_at;
static int failed;
static long live;

static int is_failing(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return 0;
    failed = 1;
    return 1;
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *p);
ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);

void *__wrap_malloc(size_t size)
{
    return is_failing() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return is_failing() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (is_failing())
        return NULL;
    return p ? __real_realloc(p, size) : counted(__real_realloc(p, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return is_failing() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return is_failing() ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    return is_failing() ? NULL : __real_ZSTD_createCCtx();
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return is_failing() ? NULL : __real_ZSTD_createDCtx();
}

/* ---- operations: each gives 0 or an error, and on success frees what it made ---- */

static float values[3000];
static const int64_t shape[] = {1000, 3};

static struct rt_tensor a_tensor(void)
{
    return rt_tensor_view(RT_F32, 2, shape, values);
}

static int pack_and_unpack(struct rt_error *e)
{
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

static int parse_frame(struct rt_error *e)
{
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
static int write_safetensors(struct rt_error *e)
{
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
        rc = rt_safetensors_set_text(s, "classes", "animals");
    if (rc)
        rt_error_set(e, rc, "build");
    else
        rc = rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

static int read_safetensors(struct rt_error *e)
{
    struct rt_safetensors *s;
    int rc = rt_safetensors_read(&s, path, e);
    if (rc)
        assert_null(s);
    else
        assert_int_equal(rt_safetensors_count(s), 20);
    rt_safetensors_destroy(s);
    return rc;
}

static int write_npy(struct rt_error *e)
{
    struct rt_tensor t = a_tensor();
    return rt_npy_write(&t, path, e);
}

static int read_npy(struct rt_error *e)
{
    struct rt_tensor t;
    int rc = rt_npy_read(&t, path, e);
    if (rc)
        assert_null(t.data);
    rt_tensor_fini(&t);
    return rc;
}

/* Gives how many allocations were made to fail. kept: blocks that a thread may keep (its zstd
 * contexts). spared: failures that may be survived (a block that could not be shrunk). also: a code
 * allowed beside RT_EMEM. */
static long exhaust(int (*operation)(struct rt_error *e), long kept, int spared, int also)
{
    for (long n = 1; n < ATTEMPTS_MAX; n++) {
        struct rt_error e = {0};
        long before = live;
        failed = 0;
        fail_at = n;
        int rc = operation(&e);
        fail_at = 0;
        if (live < before || live > before + kept)
            fail_msg("allocation %ld failed, then %ld blocks were left", n, live - before);
        if (!failed) {
            assert_int_equal(rc, 0);
            return n - 1;
        }
        if (rc == 0 && spared-- == 0)
            fail_msg("allocation %ld failed and nobody noticed", n);
        if (rc && ((rc != RT_EMEM && rc != also) || e.code != rc || !e.text[0]))
            fail_msg("allocation %ld failed: %d \"%s\"", n, rc, e.text);
    }
    fail_msg("still failing after %d allocations", ATTEMPTS_MAX);
    return 0;
}

static void frames(void **state)
{
    (void)state;
    struct rt_tensor t = a_tensor();
    /* Contexts, both zstd objects, the frame, its shrinking, two scratch blocks, the tensor. */
    assert_in_range(exhaust(pack_and_unpack, 1, 1, 0), 5, 20);
    assert_int_equal(rt_frame_pack(&parsed_from, "speech", &t, 1), 0);
    assert_int_equal(exhaust(parse_frame, 0, 0, 0), 1);
    rt_frame_unref(parsed_from);
}

static void safetensors(void **state)
{
    (void)state;
    assert_in_range(exhaust(write_safetensors, 0, 0, 0), 100, 1000);
    /* jansson takes running out of memory inside a text for a wrong text. */
    assert_in_range(exhaust(read_safetensors, 0, 0, RT_EFORMAT), 100, 1000);
}

static void npy(void **state)
{
    (void)state;
    assert_int_equal(exhaust(write_npy, 0, 0, 0), 0);
    assert_int_equal(exhaust(read_npy, 0, 0, 0), 2);
}

static int prepare(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        values[i] = (float)(i % 100);
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int clean_up(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(safetensors),
        cmocka_unit_test(npy),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
