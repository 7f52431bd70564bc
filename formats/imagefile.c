/* SPDX-License-Identifier: MIT
 * imagefile: tells the kind of picture by its first bytes, has its decoder make the pixels, lays
 * alpha over white and turns the picture upright. Resizing is in imagefile_resize.c. */
#include "formats/filekind.h"
#include "formats/imagefile_parts.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- from decoded to upright RGB ----
 * White is what a page behind a picture is; emoji and stamps are drawn for it. Turning is done
 * here, once, because a camera only notes how it was held, and a network would have to learn all
 * eight ways. */

/* Lays RGBA over white, in place: the result is shorter, so writing never overtakes reading. */
static void picture_flatten(struct rt_picture *p)
{
    size_t count = (size_t)p->width * (size_t)p->height;
    const uint8_t *in = p->pixels;
    uint8_t *out = p->pixels;
    if (p->channels == 3)
        return;
    for (size_t i = 0; i < count; i++, in += 4, out += 3) {
        uint8_t alpha = in[3];
        for (int c = 0; c < 3; c++)
            out[c] = rt_image_over_white(in[c], alpha);
    }
    p->channels = 3;
}

/* By EXIF orientation: where an upright pixel (x, y) lies in the stored picture. */
static const struct {
    bool swap; /* stored x from upright y, and the other way round */
    bool flip_x, flip_y;
} orientations[9] = {
    [2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
    [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0},
};

static int picture_turn_upright(struct rt_picture *p)
{
    if (p->orientation < 2 || p->orientation > 8)
        return 0;
    bool swap = orientations[p->orientation].swap;
    int width = swap ? p->height : p->width, height = swap ? p->width : p->height;
    uint8_t *turned = malloc((size_t)width * (size_t)height * 3), *out = turned;
    if (!turned)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory to turn the picture", p->name);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, out += 3) {
            int sx = swap ? y : x, sy = swap ? x : y;
            sx = orientations[p->orientation].flip_x ? p->width - 1 - sx : sx;
            sy = orientations[p->orientation].flip_y ? p->height - 1 - sy : sy;
            memcpy(out, p->pixels + ((size_t)sy * (size_t)p->width + (size_t)sx) * 3, 3);
        }
    free(p->pixels);
    p->pixels = turned;
    p->width = width;
    p->height = height;
    return 0;
}

/* ---- the kind, by its first bytes ----
 * What this program was built without, what it never reads, and what is damaged are three answers, since three
 * different things help. */

#ifdef RT_HAVE_GIF
#define GIF rt_picture_gif
#define GIF_TOO ", GIF"
#else
#define GIF NULL
#define GIF_TOO ""
#endif
#ifdef RT_HAVE_TIFF
#define TIFF rt_picture_tiff
#define TIFF_TOO ", TIFF"
#else
#define TIFF NULL
#define TIFF_TOO ""
#endif
#ifdef RT_HAVE_HEIF
#define HEIF rt_picture_heif
#define HEIF_TOO ", AVIF, HEIC"
#else
#define HEIF NULL
#define HEIF_TOO ""
#endif
#ifdef RT_HAVE_AV
#define BMP rt_picture_bmp
#define BMP_TOO ", BMP"
#else
#define BMP NULL
#define BMP_TOO ""
#endif

static const struct {
    enum rt_filekind_id kind;
    int (*decode)(struct rt_picture *p); /* NULL: not built in */
    const char *option;                  /* of meson */
} kinds[] = {
    {RT_KIND_PNG, rt_picture_png, NULL},   {RT_KIND_JPEG, rt_picture_jpeg, NULL},
    {RT_KIND_WEBP, rt_picture_webp, NULL}, {RT_KIND_GIF, GIF, "gif"},
    {RT_KIND_TIFF, TIFF, "tiff"},          {RT_KIND_HEIF, HEIF, "heif"},
    {RT_KIND_BMP, BMP, "av"},
};

static int picture_decode(struct rt_picture *p)
{
    struct rt_filekind kind = rt_filekind_of(p->bytes, p->size);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (kinds[k].kind != kind.id)
            continue;
        if (kinds[k].decode)
            return kinds[k].decode(p);
        return rt_error_set(p->e, RT_EFORMAT,
                            "%s: %s, which this retort was built without (meson -D%s=enabled); convert it to PNG",
                            p->name, kind.words, kinds[k].option);
    }
    return rt_error_set(p->e, RT_EFORMAT,
                        "%s: %s; pictures are read as PNG, JPEG, WebP" GIF_TOO TIFF_TOO HEIF_TOO BMP_TOO, p->name,
                        kind.words ? kind.words : "not a picture of a known kind");
}

int rt_image_decode(struct rt_image *im, const void *bytes, size_t size, const char *name,
                    struct rt_error *e)
{
    *im = (struct rt_image){0};
    if (size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", name);
    struct rt_picture p = {.bytes = bytes, .size = size, .name = name, .e = e, .orientation = 1};
    int rc = picture_decode(&p);
    if (rc == 0) {
        picture_flatten(&p);
        rc = picture_turn_upright(&p);
    }
    if (rc) {
        free(p.pixels);
        return rc;
    }
    *im = (struct rt_image){p.pixels, p.width, p.height};
    return 0;
}

/* ---- a part of a picture ----
 * Cut from the decoded picture: the formats that could be read in part are few, and a picture is at most 64 megapixels.
 * Boxes of detectors reach over the edge by a rounding; a box that is further out was made for another picture. */

/* The first pixel and how many there are of one side of the box. */
static bool box_side(double from, double length, bool fractions, int side, int *first, int *count)
{
    double scale = fractions ? side : 1, slack = fractions ? 1e-3 * side : 1;
    double a = from * scale, b = (from + length) * scale;
    if (a > side - 0.5 || b > side + slack)
        return false;
    *first = (int)lround(a);
    *count = (int)lround(b < side ? b : side) - *first;
    return true;
}

static int image_cut(struct rt_image *im, const struct rt_input *in, struct rt_error *e)
{
    const double *b = in->extent.box;
    bool fractions = b[0] <= 1 && b[1] <= 1 && b[2] <= 1 && b[3] <= 1;
    int x, y, w, h;
    if (!box_side(b[0], b[2], fractions, im->width, &x, &w) || !box_side(b[1], b[3], fractions, im->height, &y, &h))
        return rt_error_set(e, RT_ERANGE, "%s: the box is not inside the picture of %d x %d pixels", in->name,
                            im->width, im->height);
    if (w < 1 || h < 1)
        return rt_error_set(e, RT_ESMALL, "%s: the box holds not one pixel of %d x %d", in->name, im->width,
                            im->height);
    for (int k = 0; k < h; k++)
        memmove(im->rgb + (size_t)k * (size_t)w * 3,
                im->rgb + ((size_t)(y + k) * (size_t)im->width + (size_t)x) * 3, (size_t)w * 3);
    im->width = w;
    im->height = h;
    return 0;
}

int rt_image_decode_input(struct rt_image *im, const struct rt_input *in, struct rt_error *e)
{
    uint8_t *owned = NULL;
    *im = (struct rt_image){0};
    if (!in->bytes)
        RT_TRY(rt_input_read_all(in, &owned, e));
    int rc = rt_image_decode(im, in->bytes ? in->bytes : owned, in->size, in->name, e);
    free(owned);
    if (rc == 0 && in->extent.boxed)
        rc = image_cut(im, in, e);
    if (rc < 0)
        rt_image_fini(im);
    return rc;
}

void rt_image_fini(struct rt_image *im)
{
    free(im->rgb);
    *im = (struct rt_image){0};
}
