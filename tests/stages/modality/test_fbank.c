/* SPDX-License-Identifier: MIT
 * test_fbank: agreement with an independent reference (tests/golden/fbank.py) to 1e-3 on excerpts
 * of real recordings, and the edges: too few samples, silence, band counts. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "formats/audiofile.h"
#include "formats/npy.h"
#include "stages/modality/fbank.h"
#include "tests/support/support.h"

static void test_limits(void **state)
{
    (void)state;
    struct rt_fbank *f;
    assert_int_equal(rt_fbank_create(&f, 0, NULL), RT_ERANGE);
    assert_null(f);
    assert_int_equal(rt_fbank_create(&f, RT_FBANK_BANDS + 1, NULL), RT_ERANGE);
    rt_fbank_destroy(NULL);
    assert_int_equal(rt_fbank_frames(0), 0);
    assert_int_equal(rt_fbank_frames(399), 0);
    assert_int_equal(rt_fbank_frames(400), 1);
    assert_int_equal(rt_fbank_frames(559), 1);
    assert_int_equal(rt_fbank_frames(560), 2);
    assert_int_equal(rt_fbank_frames(16000), 98);
}

/* Silence, and a constant, which the removal of DC makes silence: every band at the floor. */
static void test_silence(void **state)
{
    (void)state;
    float sample[RT_FBANK_WINDOW], out[80];
    for (int constant = 0; constant < 2; constant++) {
        struct rt_fbank *f;
        for (int i = 0; i < RT_FBANK_WINDOW; i++)
            sample[i] = (float)constant * 0.25f;
        assert_int_equal(rt_fbank_create(&f, 80, NULL), 0);
        rt_fbank_run(f, sample, RT_FBANK_WINDOW, out);
        for (int b = 0; b < 80; b++)
            assert_true(out[b] == logf(FLT_EPSILON));
        rt_fbank_destroy(f);
    }
}

/* Every band of every allowed count hears something of white noise: none is without a bin. */
static void test_no_empty_band(void **state)
{
    (void)state;
    float sample[RT_FBANK_WINDOW], out[80];
    uint32_t x = 1;
    for (int i = 0; i < RT_FBANK_WINDOW; i++) {
        x = x * 1664525u + 1013904223u;
        sample[i] = (float)(int32_t)x / 4294967296.0f;
    }
    for (int bands = 1; bands <= 80; bands++) {
        struct rt_fbank *f;
        assert_int_equal(rt_fbank_create(&f, bands, NULL), 0);
        rt_fbank_run(f, sample, RT_FBANK_WINDOW, out);
        for (int b = 0; b < bands; b++)
            assert_true(out[b] > 0);
        rt_fbank_destroy(f);
    }
}

static void check_golden(const char *name, int bands)
{
    char path[128];
    size_t size;
    struct rt_audio a;
    struct rt_tensor want;
    struct rt_fbank *f;
    snprintf(path, sizeof path, "tests/golden/fbank_in_%s.wav", name);
    uint8_t *bytes = read_bytes(path, &size);
    assert_int_equal(rt_audio_decode(&a, &RT_INPUT(bytes, size, path), false, NULL), 0);
    free(bytes);
    snprintf(path, sizeof path, "tests/golden/fbank_%s_%d.npy", name, bands);
    assert_int_equal(rt_npy_read(&want, path, NULL), 0);
    assert_int_equal(want.rank, 2);
    assert_int_equal(want.dim[0], rt_fbank_frames((int64_t)a.count));
    assert_int_equal(want.dim[1], bands);
    float *got = malloc(rt_tensor_bytes(&want));
    assert_int_equal(rt_fbank_create(&f, bands, NULL), 0);
    rt_fbank_run(f, a.sample, (int64_t)a.count, got);
    for (int64_t i = 0; i < want.dim[0] * bands; i++)
        assert_true(fabsf(got[i] - ((float *)want.data)[i]) < 1e-3f);
    rt_fbank_destroy(f);
    free(got);
    rt_tensor_fini(&want);
    rt_audio_fini(&a);
}

static void test_golden(void **state)
{
    (void)state;
    check_golden("es", 40);
    check_golden("es", 64);
    check_golden("es", 80);
    check_golden("fr", 64);
    check_golden("ru", 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_no_empty_band),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
