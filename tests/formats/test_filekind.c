/* SPDX-License-Identifier: MIT
 * test_filekind: a file is told by its first bytes, also behind tags and when it is short. */
#include "formats/filekind.h"
#include "tests/support/support.h"
#include <stdlib.h>
#include <string.h>

static enum rt_filekind_id kind_of(const char *name)
{
    size_t size;
    uint8_t *bytes = read_bytes(sample_path(name), &size);
    enum rt_filekind_id id = rt_filekind_of(bytes, size).id;
    for (size_t n = 0; n < 16 && n < size; n++) { /* no read beyond a short file */
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, bytes, n);
        rt_filekind_of(cut, n);
        free(cut);
    }
    free(bytes);
    return id;
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum rt_filekind_id id;
    } want[] = {
        {"good/rgb.png", RT_KIND_PNG},       {"good/rgb.jpg", RT_KIND_JPEG},      {"good/lossy.webp", RT_KIND_WEBP},
        {"good/rgb.gif", RT_KIND_GIF},       {"good/rgb.tiff", RT_KIND_TIFF},     {"good/rgb.heic", RT_KIND_HEIF},
        {"good/rgb.avif", RT_KIND_HEIF},     {"good/rgb.bmp", RT_KIND_BMP},       {"good/tone_16k.wav", RT_KIND_WAV},
        {"good/tone_8k.aiff", RT_KIND_WAV},  {"good/tone_44k.flac", RT_KIND_WAV}, {"good/tone_22k.ogg", RT_KIND_OGG},
        {"good/tone_16k.mp3", RT_KIND_MP3},  {"good/tone_16k.m4a", RT_KIND_MP4},  {"good/tone_48k.webm", RT_KIND_WEBM},
        {"bad/noise", RT_KIND_UNKNOWN},      {"bad/empty", RT_KIND_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(kind_of(want[i].name), want[i].id);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *words;
    } want[] = {{"<!DOCTYPE html><title>404</title>", "a web page"},
                {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
                {"%PDF-1.7", "a PDF"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct rt_filekind kind = rt_filekind_of(want[i].bytes, strlen(want[i].bytes));
        assert_int_equal(kind.id, RT_KIND_OTHER);
        assert_non_null(strstr(kind.words, want[i].words));
    }
    static const uint8_t aac[] = {0xff, 0xf1, 0x60, 0x40};
    assert_int_equal(rt_filekind_of(aac, sizeof aac).id, RT_KIND_AAC);
}

/* Two tags of 5 and 0 bytes, then FLAC; a tag that claims more than there is. */
static void test_tags(void **state)
{
    (void)state;
    static const char two[] = "ID3\3\0\0\0\0\0\5XXXXXID3\4\0\0\0\0\0\0fLaC", beyond[] = "ID3\3\0\0\177\177\177\177X";
    assert_int_equal(rt_filekind_behind_id3(two, sizeof two - 1), 25);
    assert_int_equal(rt_filekind_of(two, sizeof two - 1).id, RT_KIND_WAV);
    assert_int_equal(rt_filekind_behind_id3(beyond, sizeof beyond - 1), sizeof beyond - 1);
    assert_int_equal(rt_filekind_of(beyond, sizeof beyond - 1).id, RT_KIND_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
