/* SPDX-License-Identifier: MIT
 * Tests that samples survive running out of memory: the way of a sample from bytes to network input
 * and measures is repeated with its 1st, 2nd, ... allocation failing until none fails. Until then
 * it must give RT_EMEM and leave nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kiss_fftr.h>
#include <soxr.h>
#include "stages/modality/idf.h"
#include "formats/recipe.h"
#include "stages/modality/modality.h"
#include "tests/support/allocation.h"

kiss_fftr_cfg __real_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size);
soxr_t __real_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size);
soxr_t __wrap_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);

/* Made by the library's malloc, freed by our free. */
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int points, int inverse, void *memory, size_t *size)
{
    if (allocation_fails())
        return NULL;
    return allocation_counted(__real_kiss_fftr_alloc(points, inverse, memory, size));
}

soxr_t __wrap_soxr_create(double in, double out, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime)
{
    if (allocation_fails())
        return NULL;
    return __real_soxr_create(in, out, channels, error, io, quality, runtime);
}

static struct rt_front front;

static void reset(void)
{
    struct rt_recipe recipe;
    rt_recipe_init(&recipe);
    front = rt_front_of(&recipe);
}

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

struct sample {
    const struct rt_modality *modality;
    const void *bytes;
    size_t size;
};

/* The whole way of one sample. */
static int walk(void *self, struct rt_error *e)
{
    const struct sample *s = self;
    const struct rt_modality *m = s->modality;
    struct rt_tensor raw, base;
    double value[RT_MEASURES_MAX];
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_TEST);
    int rc = m->load(&RT_INPUT(s->bytes, s->size, "sample"), &raw, NULL, e);
    assert_int_equal(rc, e->code);
    if (rc)
        return rc;
    rc = m->measure(&raw, NULL, value, e);
    assert_int_equal(rc, e->code);
    if (rc == 0 && m->augment && (rc = m->augment(&front, 0, &raw, &rng, NULL)) != 0)
        rt_error_set(e, rc, "augment");
    if (rc == 0) {
        rc = m->features(&front, &raw, &base, e);
        assert_int_equal(rc, e->code);
        if (rc == 0 && (rc = present(m, &base)) != 0)
            rt_error_set(e, rc, "present");
        rt_tensor_fini(&base);
    }
    rt_tensor_fini(&raw);
    return rc;
}

/* fewest: allocations on the way, or the test tests nothing. */
static void check(struct sample s, long fewest)
{
    assert_in_range(exhaust(walk, &s, (struct mercy){0}), fewest, 1000);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const struct rt_modality *modality;
        long fewest;
    } files[] = {
        {"tests/data/good/tone_8k_stereo.wav", &rt_modality_speech, 10},
        {"tests/data/good/rgb.png", &rt_modality_image, 8},
        {"tests/data/good/rgb.jpg", &rt_modality_image, 8},
        {"tests/data/good/lossy.webp", &rt_modality_image, 8},
    };
    reset();
    front.augment.speed = 0.1;
    front.augment.noise = 1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t size;
        uint8_t *bytes = read_bytes(files[i].path, &size);
        check((struct sample){files[i].modality, bytes, size}, files[i].fewest);
        free(bytes);
    }
}

static void test_text(void **state)
{
    (void)state;
    static const char words[] = "out of memory";
    reset();
    check((struct sample){&rt_modality_text, words, sizeof words - 1}, 6);
    struct rt_idf idf;
    allocation_fail(1);
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
