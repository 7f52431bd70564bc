/* SPDX-License-Identifier: MIT
 * test_audiofile_source: stops, step, offset and channels of made signals, at every level that a float
 * can have. Real recordings: tests/bench/measures_curves.c. */
#include <math.h>
#include <stdlib.h>
#include "formats/audiofile_source.h"
#include "formats/rng.h"
#include "tests/support/support.h"

enum { COUNT = 20000 };

/* Like speech in that large values are rare: a noise whose level goes up and down. */
static void wave(float x[COUNT])
{
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_TEST);
    for (int i = 0; i < COUNT; i++)
        x[i] = (float)(0.1 * rt_rng_normal(&rng) * (1 + sin(i / 700.0)));
}

static struct rt_audio_source scan(const float *x, int channels)
{
    struct rt_audio_scan *s;
    assert_int_equal(rt_audio_scan_create(&s, channels), 0);
    for (int at = 0; at < COUNT; at += 1000) /* block by block */
        rt_audio_scan_add(s, x + at * channels, 1000);
    struct rt_audio_source r = rt_audio_scan_result(s);
    rt_audio_scan_destroy(s);
    return r;
}

static void test_stops(void **state)
{
    (void)state;
    static float x[COUNT], y[COUNT];
    static const float stop[] = {1, 0.25f, 0.15f, 0.05f};
    wave(x);
    assert_true(scan(x, 1).stops == 0);
    for (int k = 0; k < 4; k++)
        for (int kind = 0; kind < 3; kind++) { /* both sides; the upper; both, with an offset and far louder */
            int cut = 0;
            for (int i = 0; i < COUNT; i++) {
                y[i] = fminf(x[i], stop[k]);
                y[i] = kind == 1 ? y[i] : fmaxf(y[i], -stop[k]);
                cut += y[i] != x[i];
                y[i] = kind == 2 ? 3000 * (y[i] + 0.1f) : y[i];
            }
            assert_true(fabs(scan(y, 1).stops - (double)cut / COUNT) < 0.004);
        }
    rt_audio_scan_destroy(NULL);
}

static void test_step(void **state)
{
    (void)state;
    static float x[COUNT], y[COUNT];
    wave(x);
    assert_true(scan(x, 1).step < 3e-4);
    for (int i = 0; i < COUNT; i++)
        y[i] = 0.7f * rintf(x[i] * 32) / 32; /* 6 bits, and turned down since */
    assert_true(fabs(scan(y, 1).step / (0.7 / 32) - 1) < 0.01);
}

static void test_channels(void **state)
{
    (void)state;
    static float x[COUNT], two[2 * COUNT];
    static const struct {
        float gain, offset;
    } second[] = {{1, 0}, {1, 0.3f}, {0.5f, 0}, {0, 0}, {-1, 0}};
    wave(x);
    assert_true(scan(x, 1).likeness == 1);
    for (int k = 0; k < 5; k++) {
        for (int i = 0; i < COUNT; i++) {
            two[2 * i] = x[i];
            two[2 * i + 1] = second[k].gain * x[i] + second[k].offset;
        }
        struct rt_audio_source r = scan(two, 2);
        assert_true(fabs(r.likeness - second[k].gain) < 1e-3);
        assert_true(fabs(r.offset - second[k].offset) < 3e-3);
    }
}

/* Whatever is finite is counted somewhere. */
static void test_extremes(void **state)
{
    (void)state;
    static float x[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = i % 2 ? 3e38f : -3e38f;
    struct rt_audio_source r = scan(x, 1);
    assert_true(isfinite(r.stops) && isfinite(r.step) && isfinite(r.offset) && isfinite(r.likeness));
    for (int i = 0; i < COUNT; i++)
        x[i] = 0;
    r = scan(x, 1);
    assert_true(r.stops == 0 && r.offset == 0 && r.step > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
