/* SPDX-License-Identifier: MIT
 * imagefile: a picture's bytes -> 8-bit RGB (libpng, libjpeg-turbo, libwebp), told apart by
 * content. Alpha is laid over white, EXIF orientation is applied, grey and palette become RGB, 16
 * bit 8. */
#ifndef RT_IMAGEFILE_H
#define RT_IMAGEFILE_H

#include "formats/error.h"
#include <stddef.h>
#include <stdint.h>

#define RT_IMAGE_SIDE_MAX 16384
#define RT_IMAGE_PIXELS_MAX (64 * 1000 * 1000) /* checked before allocation */

struct rt_image {
    uint8_t *rgb; /* [height, width, 3], malloc'ed */
    int width, height;
};

/* RT_EEMPTY, RT_EFORMAT, RT_ELARGE, RT_EMEM; a truncated picture is RT_EFORMAT. Any thread. */
int rt_image_decode(struct rt_image *im, const void *bytes, size_t size, const char *name,
                    struct rt_error *e);
void rt_image_fini(struct rt_image *im);

/* Area-averaging resize to width x height, aspect ratio not kept; out is [height, width, 3].
 * Enlarging interpolates linearly. */
int rt_image_resize(const struct rt_image *im, int width, int height, uint8_t *out);
/* As rt_image_resize, but keeps the aspect ratio and pads with white. */
int rt_image_fit(const struct rt_image *im, int width, int height, uint8_t *out);

#endif
