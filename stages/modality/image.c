/* SPDX-License-Identifier: MIT
 * image: pictures as the network sees them: fitted into a square on white, shifted, scaled,
 * mirrored and tinted while training. The file formats are formats/imagefile.c's, the measures
 * image_measures.c's. */
#include "formats/imagefile.h"
#include "formats/work.h"
#include "stages/modality/image_measures.h"
#include "stages/modality/modality.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 2 /* pixels on either side */

/* ---- raw: [height, width, 3] ----
 * A picture of one colour has nothing to learn from and no contrast to measure; it is mostly a
 * placeholder of a web page. */

static bool image_one_colour(const uint8_t *rgb, int64_t pixels)
{
    for (int64_t i = 1; i < pixels; i++)
        if (memcmp(rgb, rgb + 3 * i, 3) != 0)
            return false;
    return true;
}

static int image_check_raw(const struct rt_tensor *raw, struct rt_error *e)
{
    if (raw->dtype != RT_U8 || raw->rank != 3 || raw->dim[2] != 3)
        return rt_error_set(e, RT_EMISMATCH, "a picture must be bytes [height, width, 3]");
    int64_t height = raw->dim[0], width = raw->dim[1];
    if (width < SMALLEST || height < SMALLEST)
        return rt_error_set(e, RT_ESMALL, "%lld x %lld pixels; at least %d x %d are needed",
                            (long long)width, (long long)height, SMALLEST, SMALLEST);
    const uint8_t *rgb = raw->data;
    if (image_one_colour(rgb, width * height))
        return rt_error_set(e, RT_EBLANK, "every pixel is #%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
    return 0;
}

/* Whatever the file was, three bytes a pixel: grey and transparency are the decoder's matter. */
static int image_load(const struct rt_input *in, struct rt_tensor *raw, double *source, struct rt_error *e)
{
    struct rt_image im;
    (void)source;
    *raw = (struct rt_tensor){0};
    RT_TRY(rt_image_decode_input(&im, in, e));
    struct rt_tensor t = rt_tensor_view(RT_U8, 3, (int64_t[]){im.height, im.width, 3}, im.rgb);
    int rc = rt_modality_raw(raw, &t, image_check_raw, in->name, e);
    rt_image_fini(&im);
    return rc;
}

/* ---- features: bytes [size, size, 3]; augmentation works on it, never on raw ----
 * For networks of ours fitted into a square on white, not cut or stretched: emoji and stamps are shapes, whose
 * proportions count. Other programs' networks get what they were trained on. Bytes, not floats: a quarter of the cache,
 * and the picture had no more. */

static int image_resize(const struct rt_front *f, const struct rt_image *im, uint8_t *out)
{
    int side = f->image.size;
    bool cubic = f->image.filter == RT_FILTER_BICUBIC;
    if (f->image.fit == RT_FIT_CROP)
        return rt_image_crop(im, f->image.resize, side, cubic, out, f->work);
    if (f->image.fit == RT_FIT_SQUEEZE)
        return rt_image_squeeze(im, side, cubic, out, f->work);
    return rt_image_fit(im, side, side, out, f->work);
}

static int image_features(const struct rt_front *f, const struct rt_tensor *raw,
                          struct rt_tensor *base, struct rt_error *e)
{
    *base = (struct rt_tensor){0};
    int side = f->image.size, rc = image_check_raw(raw, e);
    if (rc)
        return rc;
    rc = rt_work_tensor(f->work, base, RT_U8, 3, (int64_t[]){side, side, 3});
    if (rc == 0) {
        struct rt_image im = {raw->data, (int)raw->dim[1], (int)raw->dim[0]};
        rc = image_resize(f, &im, base->data);
    }
    if (rc) {
        rt_work_tensor_fini(f->work, base);
        rt_error_set(e, rc, "the picture cannot be resized to %d x %d", side, side);
    }
    return rc;
}

static void image_features_key(const struct rt_front *f, char *text, size_t size)
{
    int used = snprintf(text, size, "image 1 size %d", f->image.size);
    if (f->image.fit != RT_FIT_PAD)
        snprintf(text + used, size - (size_t)used, " %s %d %s", rt_fit_names[f->image.fit],
                 f->image.fit == RT_FIT_CROP ? f->image.resize : 0, rt_filter_names[f->image.filter]);
}

/* ---- present: float [size, size, 3] ----
 * Shift, scale and flip are one map from output pixels to places of the base picture, so each pixel
 * is interpolated once. Scaling only enlarges a part of the picture; what a shift brings in is
 * white, as the ground is. */

static int image_shape(const struct rt_front *f, int64_t dim[3])
{
    dim[0] = dim[1] = f->image.size;
    dim[2] = 3;
    return 3;
}

/* What training does to one picture. Places are in pixels of the base picture. */
struct change {
    double x0, y0, step_x,
        step_y; /* output pixel (x, y) shows base (x0 + x step_x, y0 + y step_y) */
    float gain[3], contrast;
    bool moved, tinted;
};

/* Every draw is made whether used or not, so that one setting does not shift another's numbers. */
static struct change image_draw_change(const struct rt_augment *a, int side, struct rt_rng *rng)
{
    double scale_x = 1 - rt_rng_unit(rng) * a->scale;
    double scale_y = 1 - rt_rng_unit(rng) * a->scale;
    double left = rt_rng_unit(rng) * (1 - scale_x), top = rt_rng_unit(rng) * (1 - scale_y);
    double shift_x = rt_rng_range(rng, -1, 1) * a->shift;
    double shift_y = rt_rng_range(rng, -1, 1) * a->shift;
    bool flip = rt_rng_unit(rng) < 0.5 && a->flip;
    double c = a->colour, bright = rt_rng_range(rng, 1 - c, 1 + c);
    struct change ch = {.step_x = scale_x, .step_y = scale_y};
    ch.x0 = (left + shift_x) * side + 0.5 * scale_x - 0.5;
    ch.y0 = (top + shift_y) * side + 0.5 * scale_y - 0.5;
    if (flip) {
        ch.x0 = side - 1 - ch.x0;
        ch.step_x = -scale_x;
    }
    ch.contrast = (float)rt_rng_range(rng, 1 - c, 1 + c);
    for (int k = 0; k < 3; k++)
        ch.gain[k] = (float)(bright * rt_rng_range(rng, 1 - c, 1 + c));
    ch.moved = flip || a->scale > 0 || a->shift > 0;
    ch.tinted = c > 0;
    return ch;
}

/* White outside, the ground that pictures were fitted on. */
static float image_pixel(const uint8_t *rgb, int side, int x, int y, int c)
{
    return x < 0 || y < 0 || x >= side || y >= side ? 255.0f : rgb[(y * side + x) * 3 + c];
}

/* Linear between the four neighbours; white outside the picture. */
static void image_interpolate(const uint8_t *rgb, int side, double x, double y, float out[3])
{
    int x0 = (int)floor(x), y0 = (int)floor(y);
    float u = (float)(x - x0), v = (float)(y - y0);
    for (int c = 0; c < 3; c++) {
        float above =
            (1 - u) * image_pixel(rgb, side, x0, y0, c) + u * image_pixel(rgb, side, x0 + 1, y0, c);
        float below = (1 - u) * image_pixel(rgb, side, x0, y0 + 1, c) +
                      u * image_pixel(rgb, side, x0 + 1, y0 + 1, c);
        out[c] = (1 - v) * above + v * below;
    }
}

/* Contrast about the picture's own mean, then a factor for each colour; clamped, as a camera would.
 */
static void image_tint(const struct change *ch, float *out, int pixels)
{
    double sum = 0;
    for (int i = 0; i < pixels * 3; i++)
        sum += out[i];
    float mean = (float)(sum / (pixels * 3));
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++) {
            float v = ((out[3 * i + c] - mean) * ch->contrast + mean) * ch->gain[c];
            out[3 * i + c] = fminf(fmaxf(v, 0), 255);
        }
}

/* By fixed numbers: what was fitted on a data set would have to travel with the model. */
static void image_scale(const struct rt_front *f, float *out, int pixels)
{
    for (int i = 0; i < pixels; i++, out += 3) {
        if (f->image.bgr) {
            float red = out[0];
            out[0] = out[2];
            out[2] = red;
        }
        for (int c = 0; c < 3; c++)
            out[c] = (out[c] / 255 * f->image.range - f->image.mean[c]) / f->image.std[c];
    }
}

static int image_present(const struct rt_front *f, const struct rt_tensor *base, struct rt_rng *rng,
                         float *out)
{
    int side = f->image.size;
    if (base->dtype != RT_U8 || base->rank != 3 || base->dim[0] != side || base->dim[1] != side ||
        base->dim[2] != 3)
        return RT_EMISMATCH;
    const uint8_t *rgb = base->data;
    struct change ch = {0};
    if (rng)
        ch = image_draw_change(&f->augment, side, rng);
    else if (f->image.mirrored)
        ch = (struct change){.x0 = side - 1, .step_x = -1, .step_y = 1, .moved = true};
    for (int i = 0; i < side * side; i++) {
        if (ch.moved)
            image_interpolate(rgb, side, ch.x0 + i % side * ch.step_x, ch.y0 + i / side * ch.step_y,
                              out + 3 * i);
        for (int c = 0; !ch.moved && c < 3; c++)
            out[3 * i + c] = rgb[3 * i + c];
    }
    if (ch.tinted)
        image_tint(&ch, out, side * side);
    image_scale(f, out, side * side);
    return 0;
}

static int image_measure(const struct rt_tensor *raw, const double *source, double *value,
                         struct rt_error *e)
{
    (void)source; /* raw is the picture as it was decoded */
    RT_TRY(image_check_raw(raw, e));
    int rc = rt_image_measure(raw->data, raw->dim[1], raw->dim[0], value);
    return rc ? rt_error_set(e, rc, "out of memory for the measures of the picture") : 0;
}

const struct rt_modality rt_modality_image = {
    .name = "image",
    .id = RT_IMAGE,
    .load = image_load,
    .features = image_features,
    .features_key = image_features_key,
    .shape = image_shape,
    .present = image_present,
    .measure = image_measure,
    .measures = rt_image_measures,
    .measure_count = RT_IMAGE_MEASURES,
    .reading = 1, /* EXIF orientation of PNG and WebP */
    .measures_version = 2,
};
