/* SPDX-License-Identifier: MIT
 * measures_image: see measures_curves.h. Pictures are damaged as bytes; those that go through a codec
 * are read back from its file. */
#include <stdio.h>

#include <jpeglib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench/measures_curves.h"

static const struct rt_modality *const image = &rt_modality_image;

/* As floats [height, width, 3], 0 to 255. */
struct picture {
    int w, h;
    float *x;
};

static struct picture picture_empty(int w, int h)
{
    struct picture p = {w, h, calloc((size_t)w * (size_t)h * 3, sizeof(float))};
    if (!p.x)
        abort();
    return p;
}

static struct picture picture_of(const struct rt_tensor *item)
{
    struct picture p = picture_empty((int)item->dim[1], (int)item->dim[0]);
    const uint8_t *rgb = item->data;
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] = rgb[i];
    return p;
}

static uint8_t *picture_bytes(struct picture p)
{
    uint8_t *rgb = malloc((size_t)(p.w * p.h) * 3);
    if (!rgb)
        abort();
    for (int i = 0; i < p.w * p.h * 3; i++)
        rgb[i] = (uint8_t)lrintf(fminf(fmaxf(p.x[i], 0), 255));
    return rgb;
}

/* Frees p; false for what is not a picture any more. */
static bool picture_measure(struct picture p, double *value)
{
    uint8_t *rgb = picture_bytes(p);
    struct rt_tensor raw = rt_tensor_view(RT_U8, 3, (int64_t[]){p.h, p.w, 3}, rgb);
    int rc = image->measure(&raw, NULL, value, NULL);
    free(rgb);
    free(p.x);
    return rc == 0;
}

static float picture_at(struct picture p, int x, int y, int c)
{
    x = x < 0 ? 0 : x >= p.w ? p.w - 1 : x;
    y = y < 0 ? 0 : y >= p.h ? p.h - 1 : y;
    return p.x[(y * p.w + x) * 3 + c];
}

/* ---- blur, sharpening ---- */

static struct picture picture_blur_way(struct picture p, double sigma, int dx, int dy)
{
    struct picture q = picture_empty(p.w, p.h);
    int reach = (int)ceil(3 * sigma);
    double tap[256], sum = 0;
    for (int k = -reach; k <= reach; k++)
        sum += tap[k + reach] = exp(-k * k / (2 * sigma * sigma));
    for (int i = 0; i < p.w * p.h * 3; i++) {
        double v = 0;
        for (int k = -reach; k <= reach; k++)
            v += tap[k + reach] * picture_at(p, i / 3 % p.w + k * dx, i / 3 / p.w + k * dy, i % 3);
        q.x[i] = (float)(v / sum);
    }
    return q;
}

static struct picture picture_blur(struct picture p, double sigma)
{
    if (sigma <= 0)
        return p;
    struct picture a = picture_blur_way(p, sigma, 1, 0), b = picture_blur_way(a, sigma, 0, 1);
    free(a.x);
    free(p.x);
    return b;
}

static bool blur(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return picture_measure(picture_blur(picture_of(item), s), value);
}

/* Unsharp masking: s times the difference from a blur of 1.5 pixels is added. */
static bool oversharpen(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct picture p = picture_of(item), soft = picture_blur(picture_of(item), 1.5);
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] += (float)s * (p.x[i] - soft.x[i]);
    free(soft.x);
    return picture_measure(p, value);
}

/* ---- noise ---- */

static void picture_noise(struct picture p, int number, double sigma)
{
    struct rt_rng rng = rt_rng_init(2, 1, (uint64_t)number, RT_RNG_TEST);
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] += (float)(sigma * rt_rng_normal(&rng));
}

static bool noise(const struct rt_tensor *item, int number, double s, double *value)
{
    struct picture p = picture_of(item);
    picture_noise(p, number, s);
    return picture_measure(p, value);
}

static bool blur_noisy(const struct rt_tensor *item, int number, double s, double *value)
{
    struct picture p = picture_blur(picture_of(item), s);
    picture_noise(p, number, 10);
    return picture_measure(p, value);
}

/* Black or white pixels; the strength is their fraction. */
static bool salt(const struct rt_tensor *item, int number, double s, double *value)
{
    struct picture p = picture_of(item);
    struct rt_rng rng = rt_rng_init(2, 2, (uint64_t)number, RT_RNG_TEST);
    for (int i = 0; i < p.w * p.h; i++) {
        bool is_hit = rt_rng_unit(&rng) < s;
        float v = rt_rng_unit(&rng) < 0.5 ? 0 : 255;
        for (int c = 0; c < 3 && is_hit; c++)
            p.x[3 * i + c] = v;
    }
    return picture_measure(p, value);
}

static bool grain(const struct rt_tensor *item, int number, double s, double *value)
{
    struct picture p = picture_of(item);
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] = 128;
    picture_noise(p, number, s);
    return picture_measure(p, value);
}

/* ---- JPEG ---- */

static bool jpeg(const struct rt_tensor *item, int number, double quality, double *value)
{
    (void)number;
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &size);
    c.image_width = (JDIMENSION)item->dim[1];
    c.image_height = (JDIMENSION)item->dim[0];
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, (int)quality, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (int64_t y = 0; y < item->dim[0]; y++) {
        JSAMPROW row = (JSAMPROW)item->data + y * item->dim[1] * 3;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct rt_tensor raw = {0};
    int rc = image->load(&RT_INPUT(out, size, "planted"), &raw, NULL, NULL);
    if (rc == 0)
        rc = image->measure(&raw, NULL, value, NULL);
    rt_tensor_fini(&raw);
    free(out);
    return rc == 0;
}

/* ---- size ---- */

/* Linear between the four neighbours, or (is_nearest) the nearest one. */
static struct picture picture_resize(struct picture p, int w, int h, bool is_nearest)
{
    struct picture q = picture_empty(w, h);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double u = (x + 0.5) * p.w / w - 0.5, v = (y + 0.5) * p.h / h - 0.5;
            u = is_nearest ? rint(u) : u;
            v = is_nearest ? rint(v) : v;
            int x0 = (int)floor(u), y0 = (int)floor(v);
            float a = (float)(u - x0), b = (float)(v - y0);
            for (int c = 0; c < 3; c++)
                q.x[(y * w + x) * 3 + c] =
                    (1 - b) * ((1 - a) * picture_at(p, x0, y0, c) + a * picture_at(p, x0 + 1, y0, c)) +
                    b * ((1 - a) * picture_at(p, x0, y0 + 1, c) + a * picture_at(p, x0 + 1, y0 + 1, c));
        }
    free(p.x);
    return q;
}

/* Brought down by a factor and up again to the size it had: the file's size says nothing. */
static bool down_and_up(const struct rt_tensor *item, int number, double factor, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    int w = p.w, h = p.h;
    if (factor > 1) {
        p = picture_blur(p, 0.4 * factor);
        p = picture_resize(p, (int)(w / factor) + 1, (int)(h / factor) + 1, false);
        p = picture_resize(p, w, h, false);
    }
    return picture_measure(p, value);
}

static bool up_linear(const struct rt_tensor *item, int number, double factor, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    int w = (int)(p.w * factor), h = (int)(p.h * factor);
    return picture_measure(picture_resize(p, w, h, false), value);
}

static bool up_nearest(const struct rt_tensor *item, int number, double factor, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    int w = (int)(p.w * factor), h = (int)(p.h * factor);
    return picture_measure(picture_resize(p, w, h, true), value);
}

/* A frame of one colour, `s` of the side wide. */
static bool border(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    int edge = (int)(s * (p.w < p.h ? p.w : p.h));
    struct picture q = picture_empty(p.w + 2 * edge, p.h + 2 * edge);
    for (int i = 0; i < q.w * q.h * 3; i++)
        q.x[i] = 255;
    for (int y = 0; y < p.h; y++)
        memcpy(q.x + ((y + edge) * q.w + edge) * 3, p.x + y * p.w * 3,
               (size_t)p.w * 3 * sizeof *p.x);
    free(p.x);
    return picture_measure(q, value);
}

/* ---- light ---- */

static bool fade(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] = 128 + (float)s * (p.x[i] - 128);
    return picture_measure(p, value);
}

static bool darken(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct picture p = picture_of(item);
    for (int i = 0; i < p.w * p.h * 3; i++)
        p.x[i] *= (float)s;
    return picture_measure(p, value);
}

#define BLUR {0, .7, 1, 1.5, 2, 3, 4, 6}, 8, -1, BOTH
#define QUALITY {5, 10, 20, 35, 50, 75, 95}, 7

const struct ladder image_ladders[] = {
    {"sharpness", "blur, sigma in pixels", BLUR, blur},
    {"sharpness", "blur, then noise of sigma 10", BLUR, blur_noisy},
    {"sharpness", "JPEG quality", QUALITY, 1, OWN, jpeg},
    {"contrast", "faded to", {.05, .1, .2, .4, .7, 1}, 6, 1, BOTH, fade},
    {"exposure", "darkened to", {.1, .2, .4, .6, .8, 1}, 6, 1, OWN, darken},
    {"noise", "noise, sigma of 255", {0, 6, 12, 25, 50, 80}, 6, 1, NEARLY, noise},
    {"noise", "salt and pepper", {0, .005, .01, .02, .05, .1}, 6, 1, BOTH, salt},
    {"blockiness", "JPEG quality", QUALITY, -1, OWN, jpeg},
    {"definition", "reduced and enlarged by", {1, 1.5, 2, 3, 4, 6}, 6, -1, OWN, down_and_up},
    {0},
};

const struct reward image_rewards[] = {
    {"sharpness", "noise, sigma 40 of 255", 0, 40, 0, 1.25, true, blur, noise},
    {"sharpness", "salt and pepper, 5 %", 0, .05, 0, 1.25, true, blur, salt},
    {"sharpness", "oversharpening by 3", 0, 3, 0, 2, true, blur, oversharpen},
    {"sharpness", "noise and nothing else", 0, 40, 0, .25, true, blur, grain},
    {"sharpness", "JPEG quality 5 after 10", 10, 5, 0, 1.1, true, jpeg, jpeg},
    {"definition", "enlarged twice, linear", 0, 2, .8, 1.25, true, blur, up_linear},
    {"definition", "enlarged twice, nearest", 0, 2, .8, 1.25, true, blur, up_nearest},
    {"definition", "a border of a quarter", 0, .25, .8, 1.25, true, blur, border},
    {0},
};
