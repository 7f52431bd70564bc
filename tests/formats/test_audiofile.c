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
    int rc = rt_audio_decode(a, &RT_INPUT(bytes, size, name), false, e);
    free(bytes);
    return rc;
}

static int refuse(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_audio a;
    int rc = rt_audio_decode(&a, &RT_INPUT(bytes, size, name), false, e);
    assert_null(a.sample);
    return rc;
}

static void test_bad(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {
        {"bad/empty", RT_EEMPTY, "empty"},
        {"bad/no_samples.wav", RT_EEMPTY, "without a single sample"},
        {"bad/noise", RT_EFORMAT, "not a recording"},
        {"good/rgb.png", RT_EFORMAT, "a PNG picture; recordings are read as WAV"},
        {"bad/cut_tone_16k.wav", RT_EFORMAT, "byte 6429: cut short: 6385 of 9600 bytes of sound"},
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
        assert_int_equal(rt_audio_decode(&a, &RT_INPUT(bytes, n, "cut"), false, NULL), RT_EFORMAT);
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
    assert_int_equal(rt_audio_decode(&a, &RT_INPUT(wav, size, "long.wav"), false, &e), RT_ELARGE);
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
        double slack; /* of amplitude: lossy codecs */
    } good[] = {
        {"good/tone_16k.wav", 1e-3}, {"good/tone_8k_stereo.wav", 1e-3}, {"good/tone_float.wav", 1e-3},
        {"good/tone_44k.flac", 1e-3}, {"good/tone_22k.ogg", 0.05}, {"good/tone_48k.opus", 0.05},
        {"good/tone_16k.mp3", 0.05},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct rt_audio a;
        struct rt_error e = {0};
        assert_int_equal(decode(good[i].name, &a, &e), 0);
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

/* ---- containers ---- */

/* A file of tests/data in memory, with room behind it. */
struct file {
    uint8_t *bytes;
    size_t size;
};

static struct file file_read(const char *name, size_t room)
{
    struct file f;
    f.bytes = read_bytes(sample_path(name), &f.size);
    f.bytes = realloc(f.bytes, f.size + room);
    assert_non_null(f.bytes);
    return f;
}

static void file_add(struct file *f, const void *bytes, size_t size)
{
    memcpy(f->bytes + f->size, bytes, size);
    f->size += size;
}

static struct rt_audio decode_whole(const struct file *f, const char *name)
{
    struct rt_audio a;
    struct rt_error e = {0};
    int rc = rt_audio_decode(&a, &RT_INPUT(f->bytes, f->size, name), false, &e);
    if (rc)
        print_error("%s\n", e.text);
    assert_int_equal(rc, 0);
    return a;
}

static void refuse_with(const struct file *f, const char *words)
{
    struct rt_audio a;
    struct rt_error e = {0};
    assert_int_equal(rt_audio_decode(&a, &RT_INPUT(f->bytes, f->size, "x"), false, &e), RT_EFORMAT);
    if (!strstr(e.text, words))
        print_error("%s\n", e.text);
    assert_non_null(strstr(e.text, words));
}

/* What programs leave in a WAV that they write to a pipe: the size of the whole, and of the sound. */
static void test_pipe(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{0x7ffff024, 0x7ffff000}, {2000000036, 2000000000}, {0, 0},
                                        {0xffffffff, 0xffffffff}, {36, 0},                  {9636, 0x80000000}};
    struct file f = file_read("good/tone_16k.wav", 0);
    struct rt_audio whole = decode_whole(&f, "whole");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memcpy(f.bytes + 4, &sizes[i][0], 4);
        memcpy(f.bytes + 40, &sizes[i][1], 4);
        struct rt_audio a = decode_whole(&f, "pipe");
        assert_int_equal(a.count, whole.count);
        assert_memory_equal(a.sample, whole.sample, a.count * sizeof *a.sample);
        rt_audio_fini(&a);
    }
    rt_audio_fini(&whole);
    uint32_t plausible[2] = {19236, 19200};
    memcpy(f.bytes + 4, &plausible[0], 4);
    memcpy(f.bytes + 40, &plausible[1], 4);
    refuse_with(&f, "9600 of 19200 bytes of sound");
    free(f.bytes);
}

/* The size of the whole is often wrong where that of the sound is right. */
static void test_size_of_whole(void **state)
{
    (void)state;
    struct file f = file_read("good/tone_16k.wav", 0);
    uint32_t size = (uint32_t)f.size;
    memcpy(f.bytes + 4, &size, 4);
    struct rt_audio a = decode_whole(&f, "8 too many");
    assert_int_equal(a.count, 4800);
    rt_audio_fini(&a);
    free(f.bytes);
}

/* Each kind of container is read whole, and refused as cut short. */
static void test_cut(void **state)
{
    (void)state;
    static const char *const names[] = {"good/tone_8k.aiff", "good/tone_8k.w64", "good/tone_8k.rf64",
                                        "good/tone_8k.caf",  "good/tone_8k.au",
#ifdef RT_HAVE_AV
                                        "good/tone_16k.m4a", "good/tone_48k.webm",
#endif
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct file f = file_read(names[i], 0);
        struct rt_audio a = decode_whole(&f, names[i]);
        assert_in_range(a.count, 4700, 6200);
        assert_true(fabs(amplitude(&a) - 0.5) < 0.05);
        rt_audio_fini(&a);
        for (size_t n = f.size * 2 / 3; n < f.size - 1400; n += f.size / 8) {
            struct file cut = {f.bytes, n};
            refuse_with(&cut, "cut short");
        }
        free(f.bytes);
    }
}

static void test_chained(void **state)
{
    (void)state;
    static const char *const names[] = {"good/tone_22k.ogg", "good/tone_48k.opus"};
    for (size_t i = 0; i < 2; i++) {
        struct file f = file_read(names[i], 8192), once = file_read(names[i], 0);
        struct rt_audio a = decode_whole(&f, "one"), b;
        file_add(&f, once.bytes, once.size);
        b = decode_whole(&f, "two");
        assert_in_range(b.count, 2 * a.count - 1, 2 * a.count + 1);
        assert_memory_equal(b.sample, a.sample, a.count / 2 * sizeof *a.sample);
        for (size_t k = a.count / 4; k < a.count / 2; k++)
            assert_true(fabsf(b.sample[a.count + k] - a.sample[k]) < 0.1f); /* up to part of a sample apart */
        f.size -= 700;
        refuse_with(&f, "Ogg page");
        rt_audio_fini(&a);
        rt_audio_fini(&b);
        free(f.bytes);
        free(once.bytes);
    }
    struct file f = file_read(names[0], 8192), other = file_read(names[1], 0);
    file_add(&f, other.bytes, other.size);
    refuse_with(&f, "22050 Hz with 1 channels and of 48000 Hz with 1");
    free(f.bytes);
    free(other.bytes);
}

/* ---- MP3 ---- */

/* The frames behind the header's own one, which holds no sound: what a stream without a Xing header is. */
static const uint8_t *frames_of(const struct file *f, size_t *size)
{
    const uint8_t *from = memmem(f->bytes + 8, f->size - 8, f->bytes, 2);
    assert_non_null(from);
    *size = f->size - (size_t)(from - f->bytes);
    return from;
}

static void test_mp3_without_header(void **state)
{
    (void)state;
    struct file f = file_read("good/tone_16k.mp3", 0), stream = {calloc(1, 100 * 1548), 0};
    size_t size;
    const uint8_t *frames = frames_of(&f, &size);
    for (int i = 0; i < 40; i++)
        file_add(&stream, frames, size);
    struct rt_audio a = decode_whole(&stream, "stream.mp3");
    assert_in_range(a.count, 40 * 4800, 40 * 6400); /* with padding, which nothing tells */
    assert_int_equal(a.count % 576, 0);
    size_t count = a.count;
    rt_audio_fini(&a);
    memset(stream.bytes + stream.size, 0, 20000); /* a block of zeros at the end */
    stream.size += 20000;
    a = decode_whole(&stream, "zeros.mp3");
    assert_int_equal(a.count, count);
    rt_audio_fini(&a);
    memset(stream.bytes + 2000, 0x55, 5000);
    refuse_with(&stream, "damaged MP3 after");
    free(stream.bytes);
    free(f.bytes);
}

static void test_mp3_put_together(void **state)
{
    (void)state;
    struct file f = file_read("good/tone_16k.mp3", 100 * 1548), once = file_read("good/tone_16k.mp3", 0);
    file_add(&f, once.bytes, once.size);
    struct rt_audio a = decode_whole(&f, "two.mp3");
    assert_int_equal(a.count, 2 * 4800);
    rt_audio_fini(&a);
    size_t size;
    const uint8_t *frames = frames_of(&once, &size);
    for (int i = 0; i < 40; i++)
        file_add(&f, frames, size);
    refuse_with(&f, "sound goes on behind");
    f.size = once.size * 2 / 3;
    refuse_with(&f, "of 4800 samples");
    free(f.bytes);
    free(once.bytes);
}

/* ---- channels ---- */

/* The tone as stereo, the second channel `gain` times the first. */
static struct file stereo(const struct file *mono, float gain)
{
    struct file f = {calloc(1, 2 * mono->size), 0};
    uint32_t size = (uint32_t)(mono->size - 44) * 2;
    memcpy(f.bytes, mono->bytes, 44);
    f.bytes[22] = 2, f.bytes[32] = 4;
    memcpy(f.bytes + 40, &size, 4);
    f.size = 44;
    for (size_t at = 44; at < mono->size; at += 2) {
        int16_t pair[2];
        memcpy(pair, mono->bytes + at, 2);
        pair[1] = (int16_t)lrintf((float)pair[0] * gain);
        file_add(&f, pair, 4);
    }
    return f;
}

static void test_opposite_polarity(void **state)
{
    (void)state;
    static const struct {
        float gain;
        int only;
        double amplitude;
    } want[] = {{1, -1, 0.5}, {0, -1, 0.25}, {-0.4f, -1, 0.15}, {-1, 0, 0.5}, {-0.7f, 0, 0.5}, {-1.4f, 1, 0.7}};
    struct file mono = file_read("good/tone_16k.wav", 0);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct file f = stereo(&mono, want[i].gain);
        struct rt_audio a, b;
        a = decode_whole(&f, "stereo");
        assert_int_equal(a.count, 4800);
        assert_int_equal(a.only, want[i].only);
        assert_true(fabs(amplitude(&a) - want[i].amplitude) < 1e-3);
        assert_int_equal(rt_audio_decode(&b, &RT_INPUT(f.bytes, f.size, "stereo"), true, NULL), 0);
        assert_memory_equal(a.sample, b.sample, a.count * sizeof *a.sample);
        assert_true(b.only < 0 || b.source.likeness < RT_AUDIO_OPPOSED);
        rt_audio_fini(&a);
        rt_audio_fini(&b);
        free(f.bytes);
    }
    free(mono.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),        cmocka_unit_test(test_ogg_prefixes),
        cmocka_unit_test(test_too_long),   cmocka_unit_test(test_good),
        cmocka_unit_test(test_repeatable), cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_size_of_whole), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_chained),    cmocka_unit_test(test_mp3_without_header),
        cmocka_unit_test(test_mp3_put_together), cmocka_unit_test(test_opposite_polarity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
