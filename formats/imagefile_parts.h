/* SPDX-License-Identifier: MIT
 * imagefile_parts: what imagefile.c and its decoders (imagefile_png.c, _jpeg.c and so on) share. */
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

/* The limits alone: RT_EFORMAT for a side below 1, RT_ELARGE. */
int rt_picture_check_size(struct rt_picture *p, uint64_t width, uint64_t height);
/* Checks the limits, then allocates. Also RT_EMEM. */
int rt_picture_reserve(struct rt_picture *p, uint64_t width, uint64_t height, int channels);
/* RT_EFORMAT with the words of the library. */
int rt_picture_damaged(struct rt_picture *p, const char *kind, const char *words);

/* Orientation 1..8 in a block of EXIF data, with or without its header; 1 when there is none. */
int rt_picture_exif(const uint8_t *bytes, size_t size);

/* The decoders; those below the first three are optional parts. They fill pixels and, where the file tells it,
 * orientation; a file of several pictures is refused (an animation, pages): nobody meant its first one alone. */
int rt_picture_png(struct rt_picture *p);
int rt_picture_jpeg(struct rt_picture *p);
int rt_picture_webp(struct rt_picture *p);
int rt_picture_gif(struct rt_picture *p);
int rt_picture_tiff(struct rt_picture *p);
int rt_picture_heif(struct rt_picture *p);
int rt_picture_bmp(struct rt_picture *p);

#endif
