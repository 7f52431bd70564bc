/* SPDX-License-Identifier: MIT
 * Tests that samples survive running out of memory: the way of a sample from bytes to network input
 * and measures is repeated with its 1st, 2nd, ... allocation failing until none fails. Until then
 * it must give RT_EMEM and leave nothing behind. The linker wraps the allocators (meson.build). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kiss_fftr.h>
#include <soxr.h>
#include <cmocka.h>
#include "formats/file.h"
#include "stages/modality/idf.h"
#include "stages/modality/modality.h"

#define ATTEMPTS_MAX 1000

/* The allocation that fails, counted down; 0 = none. live counts blocks of the wrapped calls. */
static long fail_at, live;
static bool failed;

static bool is_failing(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    return failed = true;
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
void __real_free(void *p);
kiss_fftr_cfg __real_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size);
soxr_t __real_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *p);
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size);
soxr_t __wrap_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);

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

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

/* Made by the library's malloc, freed by our free. */
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size)
{
    return is_failing() ? NULL : counted(__real_kiss_fftr_alloc(points, inverse, memory, size));
}

soxr_t __wrap_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime)
{
    return is_failing() ? NULL : __real_soxr_create(in, out, channels, error, io, quality, runtime);
}

static struct rt_recipe recipe;
static const struct rt_front front = {.recipe = &recipe};

/* Network input out of base; frees what it made. */
static int present(const struct rt_modality *m, const struct rt_tensor *base)
{
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_TEST);
    struct rt_bag bag;
    static float row[144 * 64];
    if (m->present)
        return m->present(&front, base, &rng, row);
    int rc = m->present_bag(&front, base, &rng, &bag);
    if (rc)
        assert_true(!bag.bucket && !bag.weight);
    free(bag.bucket);
    free(bag.weight);
    return rc;
}

/* The whole way of one sample. */
static int walk(const struct rt_modality *m, const void *bytes, size_t size)
{
    struct rt_tensor raw, base;
    struct rt_error e = {0};
    double value[RT_MEASURES_MAX];
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_TEST);
    int rc = m->load(bytes, size, "sample", &raw, &e);
    assert_int_equal(rc, e.code);
    if (rc)
        return rc;
    rc = m->measure(&raw, value, &e);
    assert_int_equal(rc, e.code);
    if (rc == 0 && m->augment)
        rc = m->augment(&front, &raw, &rng);
    if (rc == 0) {
        rc = m->features(&front, &raw, &base, &e);
        assert_int_equal(rc, e.code);
        rc = rc ? rc : present(m, &base);
        rt_tensor_fini(&base);
    }
    rt_tensor_fini(&raw);
    return rc;
}

static void exhaust(const struct rt_modality *m, const void *bytes, size_t size, long fewest)
{
    long before = live, attempt = 1;
    for (; attempt < ATTEMPTS_MAX; attempt++) {
        failed = false;
        fail_at = attempt;
        int rc = walk(m, bytes, size);
        fail_at = 0;
        assert_int_equal(live, before);
        assert_int_equal(rc, failed ? RT_EMEM : 0);
        if (!failed)
            break;
    }
    assert_in_range(attempt, fewest, ATTEMPTS_MAX - 1);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const struct rt_modality *modality;
        long fewest; /* allocations on the way, or the test tests nothing */
    } files[] = {
        {"tests/data/good/tone_8k_stereo.wav", &rt_modality_speech, 10},
        {"tests/data/good/rgb.png", &rt_modality_image, 8},
        {"tests/data/good/rgb.jpg", &rt_modality_image, 8},
        {"tests/data/good/lossy.webp", &rt_modality_image, 8},
    };
    rt_recipe_init(&recipe);
    recipe.augment_speed = 0.1;
    recipe.augment_noise = 1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint8_t *bytes;
        size_t size;
        assert_int_equal(rt_file_read(files[i].path, 1 << 20, &bytes, &size, NULL), 0);
        exhaust(files[i].modality, bytes, size, files[i].fewest);
        free(bytes);
    }
}

static void test_text(void **state)
{
    (void)state;
    static const char words[] = "out of memory";
    rt_recipe_init(&recipe);
    exhaust(&rt_modality_text, words, sizeof words - 1, 6);
    struct rt_idf idf;
    fail_at = 1;
    assert_int_equal(rt_idf_init(&idf, 100), RT_EMEM);
    rt_idf_fini(&idf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
