/* SPDX-License-Identifier: MIT
 * test_image: every reason to leave a picture out; the base picture; each augmentation by itself,
 * and that it follows from its random numbers alone; measures move the right way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "formats/recipe.h"
#include "stages/modality/modality.h"
#include "stages/modality/views.h"
#include "tests/support/support.h"

#define SIDE 8

static const struct rt_modality *const image = &rt_modality_image;
static struct rt_front front;

static int reset(void **state)
{
    (void)state;
    struct rt_recipe recipe;
    rt_recipe_init(&recipe);
    front = rt_front_of(&recipe);
    front.image.size = SIDE;
    return 0;
}

static int load(const char *path, struct rt_tensor *raw, struct rt_error *e)
{
    size_t size;
    uint8_t *bytes = read_bytes(path, &size);
    int rc = image->load(&RT_INPUT(bytes, size, path), raw, NULL, e);
    free(bytes);
    return rc;
}

static int refuse(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_tensor raw;
    int rc = image->load(&RT_INPUT(bytes, size, name), &raw, NULL, e);
    assert_null(raw.data);
    return rc;
}

static void test_reasons(void **state)
{
    (void)state;
    static const struct bad_file bad[] = {
        {"bad/empty", RT_EEMPTY, NULL},
        {"bad/noise", RT_EFORMAT, NULL},
        {"bad/1x1.png", RT_ESMALL, NULL},
        {"bad/blank.png", RT_EBLANK, NULL},
        {"bad/huge.png", RT_ELARGE, NULL},
        {"bad/cut_rgb.jpg", RT_EFORMAT, NULL},
    };
    check_bad_files(bad, sizeof bad / sizeof *bad, refuse);
}

static void test_reasons_of_raw(void **state)
{
    (void)state;
    uint8_t rgb[16 * 3] = {0};
    double value[RT_MEASURES_MAX];
    struct rt_tensor base, raw = rt_tensor_view(RT_U8, 3, (int64_t[]){4, 4, 3}, rgb);
    assert_int_equal(image->features(&front, &raw, &base, NULL), RT_EBLANK);
    assert_int_equal(image->measure(&raw, NULL, value, NULL), RT_EBLANK);
    raw.dim[0] = 1;
    assert_int_equal(image->features(&front, &raw, &base, NULL), RT_ESMALL);
    raw.dim[0] = 4, raw.dim[1] = 1;
    assert_int_equal(image->measure(&raw, NULL, value, NULL), RT_ESMALL);
    raw.dim[1] = 4, raw.dim[2] = 4;
    assert_int_equal(image->features(&front, &raw, &base, NULL), RT_EMISMATCH);
    assert_null(base.data);
}

static void test_features(void **state)
{
    (void)state;
    struct rt_tensor raw, base;
    char a[64], b[64];
    assert_int_equal(load("tests/data/good/rgb.png", &raw, NULL), 0);
    assert_int_equal(raw.dim[0], 16);
    assert_int_equal(raw.dim[1], 24);
    front.image.size = 24;
    assert_int_equal(image->features(&front, &raw, &base, NULL), 0);
    assert_int_equal(base.dim[0], 24);
    const uint8_t *rgb = base.data; /* 16 rows in the middle, white above and below */
    assert_memory_equal(rgb + 4 * 24 * 3, raw.data, 16 * 24 * 3);
    for (int i = 0; i < 4 * 24 * 3; i++)
        assert_int_equal(rgb[i] & rgb[20 * 24 * 3 + i], 255);
    image->features_key(&front, a, sizeof a);
    front.image.size = 32;
    image->features_key(&front, b, sizeof b);
    assert_string_not_equal(a, b);
    rt_tensor_fini(&raw);
    rt_tensor_fini(&base);
}

/* Grey 200, but one black pixel in the corner at the left and top, one dark red below it. */
static uint8_t corner[SIDE * SIDE * 3];
static struct rt_tensor corner_base(void)
{
    memset(corner, 200, sizeof corner);
    memset(corner, 0, 3);
    corner[SIDE * 3 + 1] = corner[SIDE * 3 + 2] = 0;
    return rt_tensor_view(RT_U8, 3, (int64_t[]){SIDE, SIDE, 3}, corner);
}

static void present(uint64_t sample, float out[SIDE * SIDE * 3])
{
    struct rt_tensor base = corner_base();
    struct rt_rng rng = rt_rng_init(1, 1, sample, RT_RNG_IMAGE);
    assert_int_equal(image->present(&front, &base, &rng, out), 0);
}

static void test_present(void **state)
{
    (void)state;
    float out[SIDE * SIDE * 3], again[SIDE * SIDE * 3];
    int64_t dim[3];
    struct rt_tensor base = corner_base();
    assert_int_equal(image->shape(&front, dim), 3);
    assert_int_equal(dim[0] * dim[1] * dim[2], SIDE * SIDE * 3);
    assert_int_equal(image->present(&front, &base, NULL, out), 0);
    assert_true(fabsf(out[0] + 2) < 1e-6f);
    assert_true(fabsf(out[SIDE * SIDE * 3 - 1] - (200 / 255.0f - 0.5f) * 4) < 1e-6f);
    present(5, again); /* random numbers, but nothing switched on */
    assert_memory_equal(out, again, sizeof out);
    front.image.size = 16;
    assert_int_equal(image->present(&front, &base, NULL, out), RT_EMISMATCH);
    assert_null(image->alters);
}

static bool near_to(const float *pixel, int r, int g, int b)
{
    return fabsf(pixel[0] - ((float)r / 255 - 0.5f) * 4) < 1e-4f &&
           fabsf(pixel[1] - ((float)g / 255 - 0.5f) * 4) < 1e-4f &&
           fabsf(pixel[2] - ((float)b / 255 - 0.5f) * 4) < 1e-4f;
}

static void test_flip(void **state)
{
    (void)state;
    front.augment.flip = true;
    int flipped = 0;
    for (uint64_t s = 0; s < 400; s++) {
        float out[SIDE * SIDE * 3];
        present(s, out);
        bool left = near_to(out, 0, 0, 0), right = near_to(out + (SIDE - 1) * 3, 0, 0, 0);
        assert_true(left != right);
        int red = SIDE + (right ? SIDE - 1 : 0);
        assert_true(near_to(out + red * 3, 200, 0, 0));
        flipped += right;
    }
    assert_in_range(flipped, 150, 250);
}

static void test_shift(void **state)
{
    (void)state;
    front.augment.shift = 0.5;
    int white = 0, gone = 0;
    for (uint64_t s = 0; s < 200; s++) {
        float out[SIDE * SIDE * 3];
        bool dark = false, pad = false;
        present(s, out);
        for (int i = 0; i < SIDE * SIDE; i++) {
            assert_true(fabsf(out[3 * i]) < 2.0001f);
            dark = dark || out[3 * i] < 0;
            pad = pad || near_to(out + 3 * i, 255, 255, 255);
        }
        white += pad;  /* what was outside comes in */
        gone += !dark; /* the corner has left */
    }
    assert_in_range(white, 150, 200);
    assert_in_range(gone, 100, 195);
}

static void test_mirrored(void **state)
{
    (void)state;
    float plain[SIDE * SIDE * 3], out[SIDE * SIDE * 3];
    struct rt_tensor base = corner_base();
    struct rt_views flips = {.flips = true};
    assert_int_equal(rt_views_count(&flips), 2);
    struct rt_front first = rt_views_front(&flips, 0, &front, 0), second = rt_views_front(&flips, 1, &front, 0);
    assert_int_equal(image->present(&first, &base, NULL, plain), 0);
    assert_int_equal(image->present(&second, &base, NULL, out), 0);
    assert_memory_not_equal(plain, out, sizeof out);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            assert_memory_equal(out + (y * SIDE + x) * 3, plain + (y * SIDE + SIDE - 1 - x) * 3, 3 * sizeof *out);
}

/* A crop of at least half of each side: the picture grows and nothing from outside comes in. */
static void test_scale(void **state)
{
    (void)state;
    front.augment.scale = 0.5;
    int changed = 0;
    float plain[SIDE * SIDE * 3];
    struct rt_tensor base = corner_base();
    assert_int_equal(image->present(&front, &base, NULL, plain), 0);
    for (uint64_t s = 0; s < 100; s++) {
        float out[SIDE * SIDE * 3];
        present(s, out);
        for (int y = 1; y < SIDE - 1; y++)
            for (int x = 1; x < SIDE - 1; x++)
                assert_true(out[(y * SIDE + x) * 3] <= (200 / 255.0f - 0.5f) * 4 + 1e-4f);
        changed += memcmp(out, plain, sizeof out) != 0;
    }
    assert_int_equal(changed, 100);
}

static void test_colour(void **state)
{
    (void)state;
    front.augment.colour = 0.4;
    int tinted = 0;
    for (uint64_t s = 0; s < 100; s++) {
        float out[SIDE * SIDE * 3], again[SIDE * SIDE * 3];
        present(s, out);
        present(s, again);
        assert_memory_equal(out, again, sizeof out);
        const float *grey = out + (SIDE * SIDE - 1) * 3;
        tinted += fabsf(grey[0] - grey[1]) > 0.05f;
        for (int i = 0; i < SIDE * SIDE * 3; i++)
            assert_true(out[i] >= -2 && out[i] <= 2);
    }
    assert_in_range(tinted, 60, 100);
}

enum { SHARPNESS, CONTRAST, EXPOSURE, RESOLUTION, NOISE, BLOCKINESS, DETAIL };

static void test_measures(void **state)
{
    (void)state;
    enum { W = 32, H = 24 };
    uint8_t rgb[W * H * 3];
    double sharp[RT_MEASURES_MAX], soft[RT_MEASURES_MAX], v[RT_MEASURES_MAX];
    struct rt_tensor raw = rt_tensor_view(RT_U8, 3, (int64_t[]){H, W, 3}, rgb);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, i % W < W / 2 ? 0 : 255, 3); /* an edge */
    assert_int_equal(image->measure(&raw, NULL, sharp, NULL), 0);
    assert_true(fabs(sharp[EXPOSURE] - 0.5) < 1e-6 && fabs(sharp[CONTRAST] - 0.5) < 1e-6);
    assert_true(sharp[RESOLUTION] == 24);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, i % W * 255 / (W - 1), 3); /* a ramp */
    assert_int_equal(image->measure(&raw, NULL, soft, NULL), 0);
    assert_true(soft[SHARPNESS] < 0.1 * sharp[SHARPNESS]);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, i % W < W / 2 ? 20 : 40, 3); /* the edge in the dark */
    assert_int_equal(image->measure(&raw, NULL, v, NULL), 0);
    assert_true(v[CONTRAST] < 0.05 && v[EXPOSURE] < 0.13);
    assert_true(fabs(v[SHARPNESS] / sharp[SHARPNESS] - 1) < 0.1); /* not a matter of contrast */
    raw.dim[0] = raw.dim[1] = 2;
    rgb[0] = 0; /* no pixel with four neighbours */
    assert_int_equal(image->measure(&raw, NULL, v, NULL), 0);
    assert_true(v[SHARPNESS] == 0 && v[RESOLUTION] == 2);
}

/* Noise is noise, not sharpness, and blocks are not detail. */
static void test_noise_is_not_sharp(void **state)
{
    (void)state;
    enum { W = 96, H = 64 };
    static uint8_t rgb[W * H * 3];
    double plain[RT_MEASURES_MAX], v[RT_MEASURES_MAX];
    struct rt_tensor raw = rt_tensor_view(RT_U8, 3, (int64_t[]){H, W, 3}, rgb);
    struct rt_rng rng = rt_rng_init(1, 1, 1, RT_RNG_TEST);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, (i % W / 13 + i / W / 11) % 2 ? 70 : 180, 3); /* squares */
    assert_int_equal(image->measure(&raw, NULL, plain, NULL), 0);
    assert_true(plain[SHARPNESS] > 0.9 && plain[NOISE] == 0 && plain[BLOCKINESS] < 0.01);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, (int)(rgb[3 * i] + 12 * rt_rng_normal(&rng)), 3);
    assert_int_equal(image->measure(&raw, NULL, v, NULL), 0);
    assert_true(v[SHARPNESS] < 1.05 * plain[SHARPNESS] && fabs(v[NOISE] - 12 / 255.0) < 0.01);
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, (int)(128 + 25 * rt_rng_normal(&rng)), 3);
    assert_int_equal(image->measure(&raw, NULL, v, NULL), 0);
    assert_true(v[SHARPNESS] < 0.1);
    for (int i = 0; i < W * H; i++) /* a slope in blocks of 8 */
        memset(rgb + 3 * i, 40 + i % W / 8 * 12 + i / W / 8 * 8, 3);
    assert_int_equal(image->measure(&raw, NULL, v, NULL), 0);
    assert_true(v[BLOCKINESS] > 0.02 && v[DETAIL] < 15 && plain[DETAIL] > v[DETAIL] / 2);
}

#define TEST(f) cmocka_unit_test_setup(f, reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reasons), TEST(test_reasons_of_raw), TEST(test_features),
        TEST(test_present), TEST(test_flip),           TEST(test_shift),
        TEST(test_scale),   TEST(test_colour),         TEST(test_measures),
        TEST(test_noise_is_not_sharp), TEST(test_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
