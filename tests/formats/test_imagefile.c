/* SPDX-License-Identifier: MIT
 * test_imagefile: spoilt pictures are refused by name, whole ones give their pixels whatever their
 * kind, alpha lies over white, EXIF turns, resizing keeps areas. Files by tests/data/make. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "formats/imagefile.h"
#include "tests/support/support.h"

static int decode(const char *name, struct rt_image *im, struct rt_error *e)
{
    size_t size;
    uint8_t *bytes = read_bytes(sample_path(name), &size);
    int rc = rt_image_decode(im, bytes, size, name, e);
    free(bytes);
    return rc;
}

static int refuse(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_image im;
    int rc = rt_image_decode(&im, bytes, size, name, e);
    assert_null(im.rgb);
    return rc;
}

static void test_bad(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {
        {"bad/empty", RT_EEMPTY, "empty"},
        {"bad/noise", RT_EFORMAT, "not a picture"},
        {"good/tone_16k.wav", RT_EFORMAT, "a WAV recording; pictures are read as PNG"},
        {"bad/jpeg_head_only", RT_EFORMAT, "JPEG"},
        {"bad/webp_head_only", RT_EFORMAT, "WebP"},
        {"bad/cut_rgb.png", RT_EFORMAT, "ends too early"},
        {"bad/flipped.png", RT_EFORMAT, "PNG"},
        {"bad/cut_rgb.jpg", RT_EFORMAT, "Premature end"},
        {"bad/cut_progressive.jpg", RT_EFORMAT, "Premature end"},
        {"bad/cut_lossy.webp", RT_EFORMAT, "ends too early"},
        {"bad/cut_lossless.webp", RT_EFORMAT, "ends too early"},
        {"bad/huge.png", RT_ELARGE, "16000 x 16000"},
        {"bad/wide.png", RT_ELARGE, "70000 x 1"},
    };
    check_bad_files(bad, sizeof bad / sizeof *bad, refuse);
}

/* No prefix of a picture passes for the whole, and none crashes. */
static void test_prefixes(void **state)
{
    (void)state;
    static const char *const names[] = {"good/interlaced.png", "good/progressive.jpg",
                                        "good/rgb.jpg", "good/lossy.webp", "good/lossless.webp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        uint8_t *bytes = read_bytes(sample_path(names[i]), &size);
        for (size_t n = 1; n + 2 < size; n++) {
            struct rt_image im;
            assert_int_equal(rt_image_decode(&im, bytes, n, "cut", NULL), RT_EFORMAT);
        }
        free(bytes);
    }
}

static void assert_pixel(const struct rt_image *im, int x, int y, int r, int g, int b, int slack)
{
    const uint8_t *p = im->rgb + (y * im->width + x) * 3;
    assert_in_range(p[0] + 256, r + 256 - slack, r + 256 + slack);
    assert_in_range(p[1] + 256, g + 256 - slack, g + 256 + slack);
    assert_in_range(p[2] + 256, b + 256 - slack, b + 256 + slack);
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int slack;
    } good[] = {{"good/rgb.png", 0},    {"good/interlaced.png", 0},  {"good/rgb16.png", 0},
                {"good/rgb.jpg", 9},    {"good/progressive.jpg", 9}, {"good/lossless.webp", 0},
                {"good/lossy.webp", 30}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct rt_image im;
        struct rt_error e = {0};
        assert_int_equal(decode(good[i].name, &im, &e), 0);
        assert_int_equal(im.width, 24);
        assert_int_equal(im.height, 16);
        assert_pixel(&im, 3, 1, 100, 0, 0, good[i].slack);
        assert_pixel(&im, 3, 12, 200, 0, 0, good[i].slack);
        assert_pixel(&im, 20, 1, 0, 0, 100, good[i].slack);
        assert_pixel(&im, 20, 12, 0, 0, 200, good[i].slack);
        rt_image_fini(&im);
        assert_null(im.rgb);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    struct rt_image im;
    assert_int_equal(decode("good/alpha.png", &im, NULL), 0);
    assert_pixel(&im, 3, 1, 255, 255, 255, 0); /* transparent */
    assert_pixel(&im, 3, 12, 200, 0, 0, 0);
    rt_image_fini(&im);
    assert_int_equal(decode("good/palette.png", &im, NULL), 0);
    assert_pixel(&im, 3, 1, 255, 255, 255, 0); /* colour 0 is transparent */
    assert_pixel(&im, 20, 1, 0, 0, 100, 0);
    rt_image_fini(&im);
    assert_int_equal(decode("good/grey.png", &im, NULL), 0);
    assert_pixel(&im, 5, 5, 50, 50, 50, 0);
    rt_image_fini(&im);
    assert_int_equal(decode("good/grey.jpg", &im, NULL), 0);
    assert_pixel(&im, 3, 12, 60, 60, 60, 6); /* luma of (200, 0, 0) */
    rt_image_fini(&im);
    assert_int_equal(decode("good/inks.jpg", &im, NULL), 0); /* (255 - ink) * (255 - black) / 255 */
    assert_pixel(&im, 4, 4, 55 * 205 / 255, 155 * 205 / 255, 205, 2);
    rt_image_fini(&im);
}

/* ---- orientation ---- */

static const uint8_t exif[] = {'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                               0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
#define EXIF_VALUE 25 /* where the orientation's low byte is */

/* Puts `count` bytes at `at` into a file that grows by them. */
static uint8_t *insert(uint8_t *bytes, size_t *size, size_t at, const void *more, size_t count)
{
    bytes = realloc(bytes, *size + count);
    assert_non_null(bytes);
    memmove(bytes + at + count, bytes + at, *size - at);
    memcpy(bytes + at, more, count);
    *size += count;
    return bytes;
}

/* Behind the JPEG's first two bytes. */
static uint8_t *jpeg_with(const uint8_t *block, size_t *size)
{
    uint8_t *jpeg = read_bytes(sample_path("good/rgb.jpg"), size);
    jpeg = insert(jpeg, size, 2, block, sizeof exif);
    return insert(jpeg, size, 2, (uint8_t[]){0xff, 0xe1, 0, sizeof exif + 2}, 4);
}

/* The rest of a polynomial division, bit by bit: PNG's checksum. */
static uint32_t png_sum(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* Before the PNG's last chunk, 12 bytes; without the header that JPEG has. */
static uint8_t *png_with(const uint8_t *block, size_t *size)
{
    enum { BODY = sizeof exif - 6 };
    uint8_t chunk[12 + BODY] = {0, 0, 0, BODY, 'e', 'X', 'I', 'f'};
    memcpy(chunk + 8, block + 6, BODY);
    uint32_t sum = png_sum(chunk + 4, 4 + BODY);
    for (int i = 0; i < 4; i++)
        chunk[8 + BODY + i] = (uint8_t)(sum >> (24 - 8 * i));
    uint8_t *png = read_bytes(sample_path("good/rgb.png"), size);
    return insert(png, size, *size - 12, chunk, sizeof chunk);
}

/* Behind the WebP's picture, announced by a chunk in front of it. */
static uint8_t *webp_with(const uint8_t *block, size_t *size)
{
    enum { BODY = sizeof exif - 6 };
    static const uint8_t front[18] = {'V', 'P', '8', 'X', 10, 0, 0, 0, 0x08, 0, 0, 0, 23, 0, 0, 15, 0, 0};
    uint8_t chunk[8 + BODY] = {'E', 'X', 'I', 'F', BODY};
    memcpy(chunk + 8, block + 6, BODY);
    uint8_t *webp = read_bytes(sample_path("good/lossless.webp"), size);
    webp = insert(webp, size, *size, chunk, sizeof chunk);
    webp = insert(webp, size, 12, front, sizeof front);
    uint32_t riff = (uint32_t)*size - 8;
    memcpy(webp + 4, &riff, 4);
    return webp;
}

/* Stored: dark quarter on top, red left, blue right. Where the dark red corner must come out: */
static void test_orientation(void **state)
{
    (void)state;
    static const struct {
        bool turned, right, bottom; /* sides exchanged; the corner's place */
    } want[10] = {
        [1] = {0, 0, 0}, [2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
        [6] = {1, 1, 0}, [7] = {1, 1, 1}, [8] = {1, 0, 1}, [9] = {0, 0, 0}};
    uint8_t *(*const make[])(const uint8_t *block, size_t *size) = {jpeg_with, png_with, webp_with};
    for (int k = 0; k < 3; k++)
        for (int o = 1; o <= 9; o++) {
            uint8_t block[sizeof exif];
            memcpy(block, exif, sizeof exif);
            block[EXIF_VALUE] = (uint8_t)o;
            size_t size;
            uint8_t *bytes = make[k](block, &size);
            struct rt_image im;
            assert_int_equal(rt_image_decode(&im, bytes, size, "turned", NULL), 0);
            assert_int_equal(im.width, want[o].turned ? 16 : 24);
            assert_int_equal(im.height, want[o].turned ? 24 : 16);
            assert_pixel(&im, want[o].right ? im.width - 2 : 1, want[o].bottom ? im.height - 2 : 1, 100, 0, 0, 9);
            assert_pixel(&im, want[o].right ? 1 : im.width - 2, want[o].bottom ? 1 : im.height - 2, 0, 0, 200, 9);
            rt_image_fini(&im);
            free(bytes);
        }
}

/* ---- optional kinds ---- */

static const struct {
    const char *name;
    bool built;
    int slack;
    const char *option;
} optional[] = {
#ifdef RT_HAVE_GIF
    {"good/rgb.gif", true, 0, NULL},
#else
    {"good/rgb.gif", false, 0, "-Dgif=enabled"},
#endif
#ifdef RT_HAVE_AV
    {"good/rgb.bmp", true, 0, NULL},     {"good/runs.bmp", true, 0, NULL},
#else
    {"good/rgb.bmp", false, 0, "-Dav=enabled"},
#endif
#ifdef RT_HAVE_TIFF
    {"good/rgb.tiff", true, 0, NULL},    {"good/turned.tiff", true, 0, NULL},
#else
    {"good/rgb.tiff", false, 0, "-Dtiff=enabled"},
#endif
#ifdef RT_HAVE_HEIF
    {"good/rgb.heic", true, 12, NULL},   {"good/rgb.avif", true, 12, NULL},
#else
    {"good/rgb.heic", false, 0, "-Dheif=enabled"},
#endif
};

/* Read as any other picture, and refused when cut; or named as what it is, with what would help. */
static void test_optional(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        struct rt_image im;
        struct rt_error e = {0};
        int rc = decode(optional[i].name, &im, &e);
        if (!optional[i].built) {
            assert_int_equal(rc, RT_EFORMAT);
            assert_non_null(strstr(e.text, optional[i].option));
            continue;
        }
        if (rc)
            print_error("%s\n", e.text);
        assert_int_equal(rc, 0);
        assert_int_equal(im.width, 24);
        assert_int_equal(im.height, 16);
        assert_pixel(&im, 3, 1, 100, 0, 0, optional[i].slack);
        assert_pixel(&im, 3, 12, 200, 0, 0, optional[i].slack);
        assert_pixel(&im, 20, 12, 0, 0, 200, optional[i].slack);
        rt_image_fini(&im);
        size_t size;
        uint8_t *bytes = read_bytes(sample_path(optional[i].name), &size);
        for (size_t n = 8; n < size / 2; n += 7)
            assert_true(rt_image_decode(&im, bytes, n, "cut", NULL) < 0);
        assert_true(strstr(optional[i].name, "tiff") || rt_image_decode(&im, bytes, size - 2, "cut", NULL) < 0);
        free(bytes);
    }
}

#if defined RT_HAVE_GIF && defined RT_HAVE_TIFF
static void test_several(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {{"bad/animated.gif", RT_EFORMAT, "an animated GIF"},
                                          {"bad/pages.tiff", RT_EFORMAT, "several pages"}};
    check_bad_files(bad, 2, refuse);
    static const char *const names[] = {"good/alpha.gif", "good/alpha.tiff"};
    for (int i = 0; i < 2; i++) {
        struct rt_image im;
        assert_int_equal(decode(names[i], &im, NULL), 0);
        assert_pixel(&im, 3, 1, 255, 255, 255, 0);
        assert_pixel(&im, 3, 12, 200, 0, 0, 0);
        rt_image_fini(&im);
    }
}
#endif

static void test_resize(void **state)
{
    (void)state;
    uint8_t in[4 * 2 * 3], out[64 * 64 * 3];
    for (int i = 0; i < 8; i++)
        memset(in + 3 * i, i * 10, 3);
    struct rt_image im = {in, 4, 2}, none = {in, 0, 2};
    assert_int_equal(rt_image_resize(&im, 0, 1, out), RT_ERANGE);
    assert_int_equal(rt_image_resize(&none, 1, 1, out), RT_ERANGE);
    assert_int_equal(rt_image_fit(&im, 1, 20000, out, NULL), RT_ERANGE);
    assert_int_equal(rt_image_resize(&im, 4, 2, out), 0); /* the same size: the same bytes */
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(rt_image_resize(&im, 1, 1, out), 0); /* one pixel: the mean of all */
    assert_int_equal(out[0], 35);
    assert_int_equal(rt_image_resize(&im, 3, 1, out),
                     0); /* cells of 4/3: 1 + 1/3, 2/3 + 2/3, ... */
    assert_int_equal(out[0], (int)(20 + 10 * (0 * 1 + 1 * (1 / 3.0)) / (4 / 3.0) + 0.5));
    assert_int_equal(out[3], 35);
    assert_int_equal(rt_image_resize(&im, 8, 4, out),
                     0); /* twice as large: corners stay, between is linear */
    assert_int_equal(out[0], 0);
    assert_int_equal(out[3], 3); /* 2.5 */
    assert_int_equal(out[(3 * 8 + 7) * 3], 70);
    assert_int_equal(rt_image_resize(&im, 2, 4, out), 0); /* narrower and higher at once */
    assert_int_equal(out[0], 5);
    assert_int_equal(out[(3 * 2 + 1) * 3], 65);
}

static void test_fit(void **state)
{
    (void)state;
    uint8_t in[200 * 2 * 3] = {0}, out[8 * 8 * 3];
    struct rt_image im = {in, 4, 2};
    assert_int_equal(rt_image_fit(&im, 8, 8, out, NULL), 0);
    struct rt_image fit = {out, 8, 8};
    for (int y = 0; y < 8; y++)
        assert_pixel(&fit, 3, y, y < 2 || y > 5 ? 255 : 0, y < 2 || y > 5 ? 255 : 0,
                     y < 2 || y > 5 ? 255 : 0, 0);
    struct rt_image line = {in, 200, 2}; /* too flat for a whole row: one row is kept */
    assert_int_equal(rt_image_fit(&line, 8, 8, out, NULL), 0);
    assert_pixel(&fit, 0, 3, 0, 0, 0, 0);
    assert_pixel(&fit, 0, 4, 255, 255, 255, 0);
    struct rt_image column = {in, 2, 200};
    assert_int_equal(rt_image_fit(&column, 8, 8, out, NULL), 0);
    assert_pixel(&fit, 3, 7, 0, 0, 0, 0);
    assert_pixel(&fit, 0, 0, 255, 255, 255, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),         cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_good),        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_orientation), cmocka_unit_test(test_resize),
        cmocka_unit_test(test_fit),         cmocka_unit_test(test_optional),
#if defined RT_HAVE_GIF && defined RT_HAVE_TIFF
        cmocka_unit_test(test_several),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
