/* SPDX-License-Identifier: MIT
 * test_speech: every reason to leave a recording out; trimming, cropping, padding, normalisation
 * and masks; augmentation follows from its random numbers alone; measures move the right way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "formats/recipe.h"
#include "stages/modality/modality.h"
#include "stages/modality/views.h"
#include "tests/support/support.h"

static const struct rt_modality *const speech = &rt_modality_speech;
static struct rt_front front;

static int reset(void **state)
{
    (void)state;
    struct rt_recipe recipe;
    rt_recipe_init(&recipe);
    front = rt_front_of(&recipe);
    return 0;
}

static int load(const char *path, struct rt_tensor *raw, struct rt_error *e)
{
    size_t size;
    uint8_t *bytes = read_bytes(path, &size);
    int rc = speech->load(&RT_INPUT(bytes, size, path), raw, NULL, e);
    free(bytes);
    return rc;
}

static int refuse(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_tensor raw;
    int rc = speech->load(&RT_INPUT(bytes, size, name), &raw, NULL, e);
    assert_null(raw.data);
    return rc;
}

/* Half a second of a voice-like sound (harmonics of 150 Hz, four bursts) between `pause` samples of
 * silence, over noise of the given level. */
static struct rt_tensor voice(int pause, float noise)
{
    struct rt_tensor raw;
    int n = 8000 + 2 * pause;
    assert_int_equal(rt_tensor_init(&raw, RT_F32, 1, (int64_t[]){n}), 0);
    float *x = raw.data;
    uint32_t u = 7;
    for (int i = 0; i < n; i++) {
        double t = (i - pause) / 16000.0;
        u = u * 1664525u + 1013904223u;
        x[i] = noise * (float)(int32_t)u / 2147483648.0f;
        if (i < pause || i >= pause + 8000 || fmod(t, 0.125) > 0.09)
            continue;
        for (int h = 1; h <= 40; h++)
            x[i] += (float)(0.1 / h * sin(2 * M_PI * 150 * h * t));
    }
    return raw;
}

static void test_reasons(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {
        {"bad/empty", RT_EEMPTY, NULL},
        {"bad/noise", RT_EFORMAT, NULL},
        {"bad/short.wav", RT_ESHORT, NULL},
        {"bad/silent.wav", RT_ESILENT, NULL},
        {"bad/nan.wav", RT_ENOTFINITE, NULL},
        {"bad/cut_tone_22k.ogg", RT_EFORMAT, NULL},
        {"bad/no_samples.wav", RT_EEMPTY, NULL},
    };
    check_bad_files(bad, sizeof bad / sizeof *bad, refuse);
}

/* features and measure name the same reasons for samples that do not come from load. */
static void test_reasons_of_raw(void **state)
{
    (void)state;
    float x[4800] = {0};
    struct rt_tensor base, raw = rt_tensor_view(RT_F32, 1, (int64_t[]){4800}, x);
    double value[RT_MEASURES_MAX];
    assert_int_equal(speech->features(&front, &raw, &base, NULL), RT_ESILENT);
    assert_int_equal(speech->measure(&raw, NULL, value, NULL), RT_ESILENT);
    for (int i = 0; i < 4800; i++)
        x[i] = 0.5f; /* only an offset */
    assert_int_equal(speech->features(&front, &raw, &base, NULL), RT_ESILENT);
    for (int i = 0; i < 4800; i += 2)
        x[i] = 0;
    x[100] = INFINITY;
    assert_int_equal(speech->features(&front, &raw, &base, NULL), RT_ENOTFINITE);
    x[100] = NAN;
    assert_int_equal(speech->measure(&raw, NULL, value, NULL), RT_ENOTFINITE);
    raw.dim[0] = 1599;
    assert_int_equal(speech->features(&front, &raw, &base, NULL), RT_ESHORT);
    raw.dim[0] = 0;
    assert_int_equal(speech->measure(&raw, NULL, value, NULL), RT_EEMPTY);
    raw.dtype = RT_U8;
    assert_int_equal(speech->features(&front, &raw, &base, NULL), RT_EMISMATCH);
    assert_null(base.data);
}

static int64_t frames_of(struct rt_tensor raw)
{
    struct rt_tensor base;
    assert_int_equal(speech->features(&front, &raw, &base, NULL), 0);
    int64_t frames = base.dim[0];
    rt_tensor_fini(&base);
    rt_tensor_fini(&raw);
    return frames;
}

static void test_trim(void **state)
{
    (void)state;
    front.speech.trim = false;
    assert_int_equal(frames_of(voice(8000, 0)), 148);
    front.speech.trim = true;
    assert_in_range(frames_of(voice(8000, 0)), 53, 58); /* 0.46 s of sound and 50 ms on each side */
    assert_in_range(frames_of(voice(8000, 0.002f)), 53, 58);
    struct rt_tensor click = voice(8000, 0);
    memset(click.data, 0, rt_tensor_bytes(&click));
    ((float *)click.data)[0] = 1; /* at least 100 ms are kept */
    assert_int_equal(frames_of(click), 8);
    struct rt_tensor last = voice(8000, 0);
    memset(last.data, 0, rt_tensor_bytes(&last));
    ((float *)last.data)[23999] = 1;
    assert_int_equal(frames_of(last), 8);
}

static void test_features_key(void **state)
{
    (void)state;
    char a[64], b[64];
    speech->features_key(&front, a, sizeof a);
    front.speech.trim = !front.speech.trim;
    speech->features_key(&front, b, sizeof b);
    assert_string_not_equal(a, b);
    front.speech.bands = 80;
    speech->features_key(&front, a, sizeof a);
    assert_string_not_equal(a, b);
}

/* base[t, b] = t + 100 b: after normalisation every band is the same ramp about 0. */
static struct rt_tensor ramp(int64_t frames)
{
    struct rt_tensor base;
    assert_int_equal(rt_tensor_init(&base, RT_F32, 2, (int64_t[]){frames, 40}), 0);
    for (int64_t i = 0; i < frames * 40; i++)
        ((float *)base.data)[i] = (float)(i / 40 + 100 * (i % 40));
    return base;
}

static void test_present(void **state)
{
    (void)state;
    front.speech.bands = 40;
    front.speech.frames = 16;
    int64_t dim[3];
    float out[16 * 40];
    assert_int_equal(speech->shape(&front, dim), 2);
    assert_int_equal(dim[0], 16);
    assert_int_equal(dim[1], 40);
    struct rt_tensor base = ramp(32);
    front.speech.bands = 64;
    assert_int_equal(speech->present(&front, &base, NULL, out), RT_EMISMATCH);
    front.speech.bands = 40;
    assert_int_equal(speech->present(&front, &base, NULL, out),
                     0); /* the middle, less the mean 15.5 */
    float unit = out[40] - out[0];
    assert_true(unit > 0);
    for (int t = 0; t < 16; t++)
        for (int b = 0; b < 40; b++)
            assert_true(fabsf(out[t * 40 + b] - unit * ((float)(t + 8) - 15.5f)) < 1e-3f);
    rt_tensor_fini(&base);
    base = ramp(10);
    assert_int_equal(speech->present(&front, &base, NULL, out),
                     0); /* centred, 3 empty rows each side */
    for (int t = 0; t < 16; t++)
        for (int b = 0; b < 40; b++) {
            float want = t < 3 || t > 12 ? 0 : unit * ((float)(t - 3) - 4.5f);
            assert_true(fabsf(out[t * 40 + b] - want) < 1e-3f);
        }
    rt_tensor_fini(&base);
}

/* First row of the crop, from a ramp of 64 frames. */
static int crop_start(uint64_t sample)
{
    float out[16 * 40];
    struct rt_tensor base = ramp(64);
    struct rt_rng rng = rt_rng_init(1, 1, sample, RT_RNG_SPEECH);
    assert_int_equal(speech->present(&front, &base, &rng, out), 0);
    rt_tensor_fini(&base);
    return (int)lrintf(out[0] / (out[40] - out[0]) + 31.5f);
}

static void test_random_crop(void **state)
{
    (void)state;
    front.speech.bands = 40;
    front.speech.frames = 16;
    int lowest = 64, highest = 0;
    for (uint64_t s = 0; s < 500; s++) {
        int start = crop_start(s);
        assert_int_equal(start, crop_start(s)); /* equal numbers, equal bytes */
        lowest = start < lowest ? start : lowest;
        highest = start > highest ? start : highest;
    }
    assert_int_equal(lowest, 0);
    assert_int_equal(highest, 48);
    front.augment.crop = false;
    assert_int_equal(crop_start(3), 24);
}

/* Crops at test time: the first and the last at the ends, one alone in the middle; a whole recording as it is. */
static void test_views(void **state)
{
    (void)state;
    front.speech.bands = 40;
    front.speech.frames = 16;
    float out[64 * 40];
    struct rt_tensor base = ramp(64);
    struct rt_views crops = {.crops = 4}, one = {.crops = 1}, whole = {.whole = true};
    static const int start[] = {0, 16, 32, 48};
    assert_int_equal(rt_views_count(&crops), 4);
    assert_int_equal(rt_views_count(&whole), 1);
    for (int k = 0; k < 5; k++) {
        struct rt_front view = rt_views_front(k < 4 ? &crops : &one, k % 4, &front, 64);
        assert_int_equal(view.speech.frames, 16);
        assert_int_equal(speech->present(&view, &base, NULL, out), 0);
        assert_int_equal(lrintf(out[0] / (out[40] - out[0]) + 31.5f), k < 4 ? start[k] : 24);
    }
    struct rt_front view = rt_views_front(&whole, 0, &front, 64);
    assert_int_equal(view.speech.frames, 64);
    assert_int_equal(speech->present(&view, &base, NULL, out), 0);
    assert_int_equal(lrintf(out[0] / (out[40] - out[0]) + 31.5f), 0);
    assert_int_equal(rt_views_front(&whole, 0, &front, 9).speech.frames, 16); /* padded, as in training */
    assert_int_equal(rt_views_front(&whole, 0, &front, 1 << 20).speech.frames, RT_WHOLE_FRAMES);
    rt_tensor_fini(&base);
}

static void test_masks(void **state)
{
    (void)state;
    front.speech.bands = 40;
    front.speech.frames = 64;
    front.augment.time_masks = 1;
    front.augment.time_width = 500; /* more than there is: cut to it */
    front.augment.band_masks = 2;
    front.augment.band_width = 8;
    float out[64 * 40];
    int rows = 0, bands = 0, most_bands = 0;
    struct rt_tensor base = ramp(64);
    for (uint64_t s = 0; s < 200; s++) {
        struct rt_rng rng = rt_rng_init(1, 1, s, RT_RNG_SPEECH);
        assert_int_equal(speech->present(&front, &base, &rng, out), 0);
        int empty_rows = 0, empty_bands = 0;
        for (int t = 0; t < 64; t++) {
            int zero = 0;
            for (int b = 0; b < 40; b++)
                zero += out[t * 40 + b] == 0;
            empty_rows += zero == 40;
            empty_bands = zero < 40 && zero > empty_bands ? zero : empty_bands;
        }
        rows += empty_rows > 0;
        bands += empty_bands > 0;
        most_bands = empty_bands > most_bands ? empty_bands : most_bands;
    }
    rt_tensor_fini(&base);
    assert_in_range(rows, 150, 200);
    assert_in_range(bands, 150, 200);
    assert_in_range(most_bands, 12, 16); /* two masks of up to 8 */
}

static double power(const struct rt_tensor *raw)
{
    const float *x = raw->data;
    double sum = 0;
    for (int64_t i = 0; i < raw->dim[0]; i++)
        sum += (double)x[i] * x[i];
    return sum / (double)raw->dim[0];
}

static struct rt_tensor augmented(uint64_t sample)
{
    struct rt_tensor raw = voice(1000, 0);
    struct rt_rng rng = rt_rng_init(1, 1, sample, RT_RNG_SPEECH);
    assert_int_equal(speech->augment(&front, 0, &raw, &rng, NULL), 0);
    return raw;
}

/* Whether augment changes this sample; where it does not, the numbers that follow are the same without it. */
static bool alters(uint64_t sample)
{
    struct rt_rng ahead = rt_rng_init(1, 1, sample, RT_RNG_SPEECH), rng = ahead;
    if (speech->alters(&front, &ahead))
        return true;
    struct rt_tensor raw = voice(1000, 0), plain = voice(1000, 0);
    assert_int_equal(speech->augment(&front, 0, &raw, &rng, NULL), 0);
    assert_memory_equal(raw.data, plain.data, rt_tensor_bytes(&raw));
    if (front.augment.noise > 0)
        assert_true(rt_rng_u64(&ahead) == rt_rng_u64(&rng));
    rt_tensor_fini(&raw);
    rt_tensor_fini(&plain);
    return false;
}

static void test_augment(void **state)
{
    (void)state;
    assert_false(alters(1));
    struct rt_tensor plain = voice(1000, 0), same = augmented(1);
    assert_memory_equal(plain.data, same.data,
                        rt_tensor_bytes(&plain)); /* nothing set: nothing done */
    rt_tensor_fini(&same);
    front.augment.gain = 12;
    assert_true(alters(1));
    double lowest = 99, highest = -99;
    for (uint64_t s = 0; s < 100; s++) {
        struct rt_tensor a = augmented(s);
        double gain = 10 * log10(power(&a) / power(&plain));
        lowest = fmin(lowest, gain), highest = fmax(highest, gain);
        rt_tensor_fini(&a);
    }
    assert_true(lowest >= -12 && lowest < -9 && highest <= 12 && highest > 9);
    rt_tensor_fini(&plain);
}

static void test_noise(void **state)
{
    (void)state;
    front.augment.noise = 0.5;
    front.augment.snr_low = 10;
    front.augment.snr_high = 10;
    struct rt_tensor plain = voice(1000, 0);
    int noisy = 0;
    for (uint64_t s = 0; s < 200; s++) {
        struct rt_tensor a = augmented(s), b = augmented(s);
        assert_memory_equal(a.data, b.data, rt_tensor_bytes(&a));
        for (int64_t i = 0; i < a.dim[0]; i++)
            ((float *)b.data)[i] -= ((float *)plain.data)[i];
        assert_true(alters(s) == (power(&b) > 0));
        if (power(&b) > 0) {
            noisy++;
            assert_true(fabs(10 * log10(power(&plain) / power(&b)) - 10) < 0.01);
        }
        rt_tensor_fini(&a);
        rt_tensor_fini(&b);
    }
    assert_in_range(noisy, 70, 130);
    rt_tensor_fini(&plain);
}

static void test_speed(void **state)
{
    (void)state;
    front.augment.speed = 0.2;
    int64_t shortest = 99999, longest = 0;
    for (uint64_t s = 0; s < 200; s++) {
        struct rt_tensor a = augmented(s);
        shortest = a.dim[0] < shortest ? a.dim[0] : shortest;
        longest = a.dim[0] > longest ? a.dim[0] : longest;
        for (int64_t i = 0; i < a.dim[0]; i++)
            assert_true(fabsf(((float *)a.data)[i]) < 1);
        rt_tensor_fini(&a);
    }
    assert_in_range(shortest, 8333, 8600); /* 10000 samples between 1.2 and 0.8 times as fast */
    assert_in_range(longest, 12000, 12500);
    struct rt_tensor bytes = {.dtype = RT_U8, .rank = 1};
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_SPEECH);
    assert_int_equal(speech->augment(&front, 0, &bytes, &rng, NULL), RT_EMISMATCH);
}

/* Mean distance between the network's inputs from a real recording, plain and augmented. */
static double heard(void)
{
    enum { SIZE = 144 * 64 };
    static float input[2][SIZE];
    for (int i = 0; i < 2; i++) {
        struct rt_tensor raw, base;
        struct rt_rng rng = rt_rng_init(1, 1, 5, RT_RNG_SPEECH);
        assert_int_equal(load("tests/golden/fbank_in_es.wav", &raw, NULL), 0);
        if (i)
            assert_int_equal(speech->augment(&front, 0, &raw, &rng, NULL), 0);
        assert_int_equal(speech->features(&front, &raw, &base, NULL), 0);
        assert_int_equal(speech->present(&front, &base, NULL, input[i]), 0);
        rt_tensor_fini(&raw);
        rt_tensor_fini(&base);
    }
    double sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum += fabs(input[0][i] - input[1][i]);
    return sum / SIZE;
}

static void test_augmentation_reaches_the_input(void **state)
{
    (void)state;
    front.speech.frames = 144;
    front.speech.bands = 64;
    assert_true(heard() == 0);
    front.augment.noise = 1;
    front.augment.snr_low = front.augment.snr_high = 30;
    double soft = heard();
    front.augment.snr_low = front.augment.snr_high = 5;
    assert_true(soft > 0.1 && heard() > 1.5 * soft);
    front.augment.noise = 0;
    front.augment.speed = 0.2;
    assert_true(heard() > 0.1);
    front.augment.speed = 0;
    front.augment.gain = 12; /* taken out again with the mean, as the setting's help says */
    assert_true(heard() < 1e-4);
}

/* The shortest and softest recording that may be used may still be used, whatever is done to it. */
static void test_augmentation_makes_nothing_unusable(void **state)
{
    (void)state;
    front.augment.speed = 0.5;
    front.augment.gain = 40;
    for (uint64_t s = 0; s < 100; s++) {
        struct rt_tensor raw = voice(0, 0), base;
        struct rt_rng rng = rt_rng_init(1, 1, s, RT_RNG_SPEECH);
        raw.dim[0] = 1600;
        for (int i = 0; i < 1600; i++)
            ((float *)raw.data)[i] *= 3e-3f;
        assert_int_equal(speech->augment(&front, 0, &raw, &rng, NULL), 0);
        assert_int_equal(speech->features(&front, &raw, &base, NULL), 0);
        rt_tensor_fini(&raw);
        rt_tensor_fini(&base);
    }
}

enum { SNR, CLIPPED, ACTIVITY, LEVEL, BANDWIDTH, DURATION, GAPS, DC, HUM, CHANNELS };

/* is_soundless: its pauses hold less than the last bit, so that nobody knows the noise. */
static void measure_pauses(struct rt_tensor raw, bool is_soundless, double *value)
{
    assert_int_equal(speech->measure(&raw, NULL, value, NULL), 0);
    for (int i = 0; i < speech->measure_count; i++)
        assert_true(isfinite(value[i]) || (i == HUM && raw.dim[0] < 3200) || /* 0.2 s tell 50 from 60 Hz */
                    (i == SNR && is_soundless));
    rt_tensor_fini(&raw);
}

static void measure(struct rt_tensor raw, double *value)
{
    measure_pauses(raw, false, value);
}

static void test_measures(void **state)
{
    (void)state;
    double clean[RT_MEASURES_MAX], v[RT_MEASURES_MAX], before = 1e9;
    measure_pauses(voice(4000, 1e-5f), true, clean);
    assert_true(isnan(clean[SNR]));
    assert_true(clean[CLIPPED] == 0);
    assert_true(fabs(clean[DURATION] - 1) < 1e-9);
    assert_true(clean[ACTIVITY] > 0.3 && clean[ACTIVITY] < 0.6);
    for (float noise = 1e-4f; noise < 0.2f; noise *= 3) { /* more noise: lower SNR each time */
        measure(voice(4000, noise), v);
        assert_true(v[SNR] < before - 5);
        before = v[SNR];
    }
    struct rt_tensor raw = voice(4000, 1e-5f);
    float *x = raw.data;
    for (int64_t i = 0; i < raw.dim[0]; i++)
        x[i] = fmaxf(-0.05f, fminf(0.05f, x[i]));
    measure_pauses(raw, true, v);
    assert_true(v[CLIPPED] > 0.05);
    raw = voice(4000, 1e-5f);
    x = raw.data;
    for (int64_t i = 0; i < raw.dim[0]; i++)
        x[i] *= 0.1f;
    measure_pauses(raw, true, v);
    assert_true(fabs(v[LEVEL] + 20 - clean[LEVEL]) < 0.01);
    raw = voice(4000, 1e-5f);
    x = raw.data;
    for (int pass = 0; pass < 4; pass++) /* a low-pass */
        for (int64_t i = raw.dim[0] - 1; i > 0; i--)
            x[i] = 0.5f * (x[i] + x[i - 1]);
    measure_pauses(raw, true, v);
    assert_true(v[BANDWIDTH] < clean[BANDWIDTH] - 0.5);
}

/* A noise without speech, the shortest recording and a real file: values, not reasons. */
static void test_measures_of_odd_input(void **state)
{
    (void)state;
    double v[RT_MEASURES_MAX];
    struct rt_tensor raw = voice(0, 0.3f);
    for (int64_t i = 0; i < 8000; i++)
        ((float *)raw.data)[i] = (float)((i * 7919 % 1000) - 500) / 1000;
    measure(raw, v);
    assert_true(v[SNR] < 0 && v[ACTIVITY] == 0);
    raw = voice(0, 0.1f);
    raw.dim[0] = 1600;
    measure(raw, v);
    assert_true(fabs(v[DURATION] - 0.1) < 1e-9);
    assert_int_equal(load("tests/golden/fbank_in_es.wav", &raw, NULL), 0);
    measure(raw, v);
    assert_true(v[SNR] > 10 && v[BANDWIDTH] > 2);
}

/* Dropouts are lost speech, silence around it is not; neither makes the noise smaller. */
static void test_silence_is_not_quiet(void **state)
{
    (void)state;
    double plain[RT_MEASURES_MAX], v[RT_MEASURES_MAX];
    struct rt_tensor raw = voice(8000, 0.01f), padded;
    float *x = raw.data;
    assert_int_equal(rt_tensor_init(&padded, RT_F32, 1, (int64_t[]){raw.dim[0] + 32000}), 0);
    memcpy((float *)padded.data + 16000, x, rt_tensor_bytes(&raw));
    struct rt_tensor whole = rt_tensor_view(RT_F32, 1, raw.dim, x);
    assert_int_equal(speech->measure(&whole, NULL, plain, NULL), 0);
    assert_true(plain[GAPS] == 0 && plain[DC] < 1e-3 && plain[CHANNELS] == 1);
    measure(padded, v);
    assert_true(fabs(v[SNR] - plain[SNR]) < 1 && v[GAPS] == 0);
    memset(x + 8400, 0, 640 * sizeof *x); /* in the first burst */
    measure(raw, v);
    assert_true(fabs(v[SNR] - plain[SNR]) < 3 && v[GAPS] > 0.05);
}

static void test_hum(void **state)
{
    (void)state;
    double v[RT_MEASURES_MAX], before = -79;
    for (int k = 0; k < 4; k++) {
        struct rt_tensor raw = voice(8000, 1e-3f);
        float *x = raw.data;
        for (int64_t i = 0; i < raw.dim[0]; i++)
            x[i] += powf(4, (float)k) * 1e-3f * sinf((float)(2 * M_PI * (k % 2 ? 60 : 50) * (double)i / 16000));
        measure(raw, v);
        assert_true(v[HUM] > before + (k ? 10 : 0));
        before = v[HUM];
    }
}

/* Measures that a program with other meanings kept are not taken for these. */
static void test_measures_key(void **state)
{
    (void)state;
    struct rt_modality other = rt_modality_speech;
    struct rt_key128 content = {1, 2}, a = rt_modality_measures_key(speech, content);
    other.measures_version++;
    struct rt_key128 b = rt_modality_measures_key(&other, content);
    assert_true(a.lo != b.lo || a.hi != b.hi);
    assert_true(a.lo != content.lo || a.hi != content.hi);
}

#define TEST(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reasons),      TEST(test_reasons_of_raw), TEST(test_trim),
        TEST(test_features_key), TEST(test_present),        TEST(test_random_crop), TEST(test_views),
        TEST(test_masks),        TEST(test_augment),        TEST(test_noise),
        TEST(test_speed),        TEST(test_measures),       TEST(test_measures_of_odd_input),
        TEST(test_silence_is_not_quiet), TEST(test_hum), TEST(test_measures_key),
        TEST(test_augmentation_reaches_the_input),
        TEST(test_augmentation_makes_nothing_unusable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
