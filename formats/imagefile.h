/* SPDX-License-Identifier: MIT
 * imagefile: a picture's bytes -> 8-bit RGB, told apart by content: PNG, JPEG, WebP, and where they are built in GIF
 * (libgif), TIFF (libtiff), AVIF and HEIC (libheif), BMP (libavcodec). Alpha is laid over white, EXIF
 * orientation is applied, grey and palette become RGB, 16 bit 8. */
#ifndef RT_IMAGEFILE_H
#define RT_IMAGEFILE_H

#include "formats/error.h"
#include "formats/input.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_work;

#define RT_IMAGE_SIDE_MAX 16384
#define RT_IMAGE_PIXELS_MAX (64 * 1000 * 1000) /* checked before allocation */

struct rt_image {
    uint8_t *rgb; /* [height, width, 3], malloc'ed */
    int width, height;
};

/* RT_EEMPTY, RT_EFORMAT, RT_ELARGE, RT_EMEM; a truncated picture is RT_EFORMAT. Any thread. */
int rt_image_decode(struct rt_image *im, const void *bytes, size_t size, const char *name,
                    struct rt_error *e);
/* The input's box of it. Besides: RT_ERANGE when the box is not inside the picture; RT_EIO. */
int rt_image_decode_input(struct rt_image *im, const struct rt_input *in, struct rt_error *e);
void rt_image_fini(struct rt_image *im);
/* One colour of a pixel, of which alpha says how much is seen of it, before a white page. */
static inline uint8_t rt_image_over_white(unsigned colour, unsigned alpha)
{
    return (uint8_t)((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* Area-averaging resize to width x height, aspect ratio not kept; out is [height, width, 3].
 * Enlarging interpolates linearly. */
int rt_image_resize(const struct rt_image *im, int width, int height, uint8_t *out);
/* As rt_image_resize, but keeps the aspect ratio and pads with white. work: where its tables lie, or NULL. */
int rt_image_fit(const struct rt_image *im, int width, int height, uint8_t *out, struct rt_work *work);
/* As PIL resizes, linear or cubic, with antialiasing, bit for bit: to side x side, aspect ratio not kept; or the
 * shorter side to `shorter`, the longer in proportion, rounded down, and of that the middle side x side, which begins
 * where torchvision's does (shorter >= side). RT_ERANGE, RT_ELARGE, RT_EMEM. */
int rt_image_squeeze(const struct rt_image *im, int side, bool cubic, uint8_t *out, struct rt_work *work);
int rt_image_crop(const struct rt_image *im, int shorter, int side, bool cubic, uint8_t *out, struct rt_work *work);

#endif
