/* SPDX-License-Identifier: MIT
 * test_lanes: every instruction set this processor has gives the bytes of kissfft, one signal at a time, and of frames
 * made one by one; there and back again is the same sound. */
#include "stages/modality/lanes.h"

#include "formats/rng.h"
#include "stages/nn/isa.h"
#include "tests/support/support.h"

#include <float.h>
#include <kiss_fftr.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 400
#define SHIFT 160
#define POINTS 512
#define MOST 2048

static void noise(float *x, int n, uint64_t seed)
{
    struct rt_rng rng = rt_rng_init(seed, 0, 0, RT_RNG_TEST);
    for (int i = 0; i < n; i++)
        x[i] = (float)rt_rng_normal(&rng);
}

/* Calls `check` once for each instruction set. */
static void with_each(void (*check)(const struct rt_lanes *lanes))
{
    const struct rt_isa *all[RT_ISA_SETS];
    int count = rt_isa_all(all);
    for (int i = 0; i < count; i++) {
        assert_int_equal(rt_isa_ask(all[i]->name, NULL), 0);
        assert_string_equal(rt_lanes()->name, all[i]->name);
        assert_in_range(rt_lanes()->width, 4, RT_LANES_MOST);
        check(rt_lanes());
    }
    rt_isa_ask(all[0]->name, NULL);
}

static void check_forward(const struct rt_lanes *lanes)
{
    static float x[MOST * (RT_LANES_MOST + 1)], work[2 * MOST * RT_LANES_MOST], out[(MOST + 2) * (RT_LANES_MOST + 3)];
    kiss_fft_cpx want[MOST / 2 + 1];
    noise(x, (int)(sizeof x / sizeof *x), 1);
    for (int points = POINTS; points <= MOST; points *= 4) {
        const struct rt_fft *t = rt_fft(points / 2);
        kiss_fftr_cfg kiss = kiss_fftr_alloc(points, 0, NULL, NULL);
        int step = points + 1, stride = lanes->width + 3;
        lanes->forward(t, x, step, work, out, stride);
        for (int l = 0; l < lanes->width; l++) {
            kiss_fftr(kiss, x + l * step, want);
            for (int k = 0; k <= points / 2; k++) {
                assert_true(out[2 * k * stride + l] == want[k].r);
                assert_true(out[(2 * k + 1) * stride + l] == want[k].i);
            }
        }
        kiss_fftr_free(kiss);
    }
}

static void test_forward(void **state)
{
    (void)state;
    with_each(check_forward);
}

/* Multiplied by a spectrum that is 1 everywhere, and by nothing. */
static void check_back(const struct rt_lanes *lanes)
{
    enum { N = MOST / 2, BINS = N + 1 };
    static float x[MOST * RT_LANES_MOST], work[2 * MOST * RT_LANES_MOST], out[N * RT_LANES_MOST],
        heard[2 * BINS * (RT_LANES_MOST + 1)], product[2 * BINS * RT_LANES_MOST], part[BINS * 2 * 3];
    int width = lanes->width;
    noise(x, MOST * width, 2);
    memset(heard, 0, sizeof heard);
    memset(part, 0, sizeof part);
    for (int k = 0; k < BINS; k++)
        part[6 * k] = 1; /* the first of two parts */
    lanes->forward(rt_fft(N), x, MOST, work, heard + 1, width + 1);
    lanes->multiply(heard + 1, width + 1, part, 3, 2, BINS, product);
    lanes->backward(rt_fft(N), product, work, out, N);
    for (int l = 0; l < width; l++)
        for (int i = 0; i < N; i++)
            assert_true(fabsf(out[l * N + i] / MOST - x[l * MOST + N + i]) < 4e-6f); /* 1.2e-6 was seen */
}

static void test_there_and_back(void **state)
{
    (void)state;
    with_each(check_back);
}

/* ---- frames ---- */

static float frames_sound[WINDOW + 40 * SHIFT];
static float frames_window[WINDOW];
static const float weights[6] = {0.1f, 0.9f, 0.5f, 1, 0.25f, 0.75f};
static const struct rt_lanes_band frames_band[3] = {{3, 2, weights}, {250, 6, weights}, {0, 0, weights}};

static void frame_alone(kiss_fftr_cfg kiss, const struct rt_lanes_fbank *f, const float *x, float *out)
{
    float frame[POINTS] = {0}, plain[WINDOW], mean = 0;
    kiss_fft_cpx bin[POINTS / 2 + 1];
    for (int i = 0; i < WINDOW; i++)
        mean += x[i];
    mean /= WINDOW;
    for (int i = 0; i < WINDOW; i++)
        plain[i] = (x[i] - mean) * f->scale;
    frame[0] = plain[0] * (1 - f->emphasis) * f->window[0];
    for (int i = 1; i < WINDOW; i++)
        frame[i] = (plain[i] - f->emphasis * plain[i - 1]) * f->window[i];
    kiss_fftr(kiss, frame, bin);
    for (int b = 0; b < f->bands; b++) {
        float sum = 0;
        for (int i = f->band[b].first; i < f->band[b].first + f->band[b].count; i++) {
            float power = bin[i].r * bin[i].r + bin[i].i * bin[i].i;
            sum += f->band[b].weight[i - f->band[b].first] * power;
        }
        out[b] = logf(fmaxf(sum, f->floor));
    }
}

static void check_frames(const struct rt_lanes *lanes)
{
    const struct rt_lanes_fbank f = {.fft = rt_fft(POINTS / 2), .window = frames_window, .size = WINDOW, .shift = SHIFT,
                                     .scale = 32768, .emphasis = 0.97f, .floor = FLT_EPSILON, .band = frames_band,
                                     .bands = 3};
    kiss_fftr_cfg kiss = kiss_fftr_alloc(POINTS, 0, NULL, NULL);
    for (int frames = 0; frames <= 35; frames++) {
        float out[3 * 36], want[3];
        size_t covered = frames ? (size_t)(WINDOW + (frames - 1) * SHIFT) : 0;
        float *x = malloc(covered * sizeof *x + 1); /* so that a sanitizer sees a read behind it */
        memcpy(x, frames_sound, covered * sizeof *x);
        out[3 * frames] = 77;
        lanes->fbank(&f, x, frames, out);
        for (int t = 0; t < frames; t++) {
            frame_alone(kiss, &f, x + t * SHIFT, want);
            assert_memory_equal(out + 3 * t, want, sizeof want);
        }
        assert_true(out[3 * frames] == 77);
        free(x);
    }
    kiss_fftr_free(kiss);
}

static void test_frames(void **state)
{
    (void)state;
    noise(frames_sound, (int)(sizeof frames_sound / sizeof *frames_sound), 3);
    for (int i = 0; i < WINDOW; i++)
        frames_window[i] = (float)pow(0.5 - 0.5 * cos(2 * M_PI * i / (WINDOW - 1)), 0.85);
    memset(frames_sound + 5 * SHIFT, 0, 2 * WINDOW * sizeof *frames_sound); /* silence: at the floor */
    with_each(check_frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
