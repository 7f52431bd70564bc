/* SPDX-License-Identifier: MIT
 * test_audiofile: spoilt recordings are refused by name, whole ones give the tone they hold,
 * whatever their container, rate and channels. Files by tests/data/make. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "formats/audiofile.h"
#include "tests/support/support.h"

static int decode(const char *name, struct rt_audio *a, struct rt_error *e)
{
    size_t size;
    uint8_t *bytes = read_bytes(sample_path(name), &size);
    int rc = rt_audio_decode(a, bytes, size, name, e);
    free(bytes);
    return rc;
}

static int refuse(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_audio a;
    int rc = rt_audio_decode(&a, bytes, size, name, e);
    assert_null(a.sample);
    return rc;
}

static void test_bad(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {
        {"bad/empty", RT_EEMPTY, "empty"},
        {"bad/no_samples.wav", RT_EEMPTY, "without a single sample"},
        {"bad/noise", RT_EFORMAT, "not a whole recording"},
        {"good/rgb.png", RT_EFORMAT, "not a whole recording"},
        {"bad/cut_tone_16k.wav", RT_EFORMAT, "byte 6429: cut short"},
        {"bad/cut_tone_22k.ogg", RT_EFORMAT, "inside an Ogg page"},
        {"bad/cut_tone_48k.opus", RT_EFORMAT, "inside an Ogg page"},
        {"bad/cut_tone_44k.flac", RT_EFORMAT, "of 13230 samples"},
        {"bad/flipped.ogg", RT_EFORMAT, "checksum"},
        {"bad/17_channels.wav", RT_EFORMAT, "17 channels"},
        {"bad/rate_7.wav", RT_EFORMAT, "7 Hz"},
        {"bad/nan.wav", RT_ENOTFINITE, "sample 1000"},
        {"bad/infinite.wav", RT_ENOTFINITE, "sample 2000"},
    };
    check_bad_files(bad, sizeof bad / sizeof *bad, refuse);
}

/* Every prefix of an Ogg file that ends before its last page does is refused. */
static void test_ogg_prefixes(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = read_bytes(sample_path("good/tone_22k.ogg"), &size);
    for (size_t n = 4; n < size; n += 1 + n / 50) {
        struct rt_audio a;
        assert_int_equal(rt_audio_decode(&a, bytes, n, "cut", NULL), RT_EFORMAT);
    }
    free(bytes);
}

/* A header alone that promises more than an hour is refused before anything is read. */
static void test_too_long(void **state)
{
    (void)state;
    size_t size = 44 + 2 * 1000 * (RT_AUDIO_SECONDS_MAX + 1);
    uint8_t *wav = calloc(1, size);
    uint32_t field[] = {(uint32_t)size - 8, 16, 1000, 2000, (uint32_t)size - 44};
    memcpy(wav, "RIFF....WAVEfmt ....\1\0\1\0........\2\0\20\0data....", 44);
    memcpy(wav + 4, field, 4), memcpy(wav + 16, field + 1, 4), memcpy(wav + 24, field + 2, 8);
    memcpy(wav + 40, field + 4, 4);
    struct rt_audio a;
    struct rt_error e;
    assert_int_equal(rt_audio_decode(&a, wav, size, "long.wav", &e), RT_ELARGE);
    assert_non_null(strstr(e.text, "3600 s"));
    free(wav);
}

/* Amplitude of the 440 Hz component over the middle of the recording. */
static double amplitude(const struct rt_audio *a)
{
    double re = 0, im = 0;
    size_t from = a->count / 4, n = 1600;
    for (size_t t = from; t < from + n; t++) {
        double w = 2 * 3.14159265358979 * 440 * (double)t / RT_AUDIO_RATE;
        re += a->sample[t] * cos(w), im += a->sample[t] * sin(w);
    }
    return 2 * sqrt(re * re + im * im) / (double)n;
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rate, channels;
        double slack; /* of amplitude: lossy codecs */
    } good[] = {
        {"good/tone_16k.wav", 16000, 1, 1e-3},   {"good/tone_8k_stereo.wav", 8000, 2, 1e-3},
        {"good/tone_float.wav", 11025, 1, 1e-3}, {"good/tone_44k.flac", 44100, 1, 1e-3},
        {"good/tone_22k.ogg", 22050, 1, 0.05},   {"good/tone_48k.opus", 48000, 1, 0.05},
        {"good/tone_16k.mp3", 16000, 1, 0.05},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct rt_audio a;
        struct rt_error e = {0};
        assert_int_equal(decode(good[i].name, &a, &e), 0);
        assert_int_equal(a.source_rate, good[i].rate);
        assert_int_equal(a.source_channels, good[i].channels);
        assert_in_range(a.count, 4700, 6000); /* MP3 adds its frame's padding */
        assert_true(fabs(amplitude(&a) - 0.5) < good[i].slack);
        rt_audio_fini(&a);
        assert_null(a.sample);
    }
}

static void test_repeatable(void **state)
{
    (void)state;
    struct rt_audio a, b;
    assert_int_equal(decode("good/tone_44k.flac", &a, NULL), 0);
    assert_int_equal(decode("good/tone_44k.flac", &b, NULL), 0);
    assert_int_equal(a.count, b.count);
    assert_int_equal(a.count, 4800);
    assert_memory_equal(a.sample, b.sample, a.count * sizeof *a.sample);
    rt_audio_fini(&a);
    rt_audio_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),        cmocka_unit_test(test_ogg_prefixes),
        cmocka_unit_test(test_too_long),   cmocka_unit_test(test_good),
        cmocka_unit_test(test_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
