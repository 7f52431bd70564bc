/* SPDX-License-Identifier: MIT
 * imagefile_parts: what imagefile.c and its decoders (imagefile_png.c, _jpeg.c, _webp.c) share. */
#ifndef RT_IMAGEFILE_PARTS_H
#define RT_IMAGEFILE_PARTS_H

#include "formats/imagefile.h"

/* The file being decoded and what has been made of it. A decoder calls rt_picture_reserve before
 * the first pixel and fills `pixels`; whatever happens, imagefile.c frees them. */
struct rt_picture {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    struct rt_error *e;
    uint8_t *pixels;             /* [height, width, channels] */
    int width, height, channels; /* channels: 3 = RGB, 4 = RGBA, alpha not multiplied in */
    int orientation;             /* EXIF: 1..8 */
};

/* Checks the limits, then allocates. RT_EFORMAT for a side below 1, RT_ELARGE, RT_EMEM. */
int rt_picture_reserve(struct rt_picture *p, uint64_t width, uint64_t height, int channels);
/* RT_EFORMAT with the words of the library. */
int rt_picture_damaged(struct rt_picture *p, const char *kind, const char *words);

int rt_picture_png(struct rt_picture *p);
int rt_picture_jpeg(struct rt_picture *p);
int rt_picture_webp(struct rt_picture *p);

#endif
