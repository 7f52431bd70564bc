/* SPDX-License-Identifier: MIT
 * imagefile_tiff: a TIFF of one picture, whatever its colours and compression -> RGBA by libtiff. An optional part
 * (meson option tiff). */
#include "formats/imagefile_parts.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

#define PAGES_MAX 64               /* looked at: thumbnails and masks beside the picture */
#define MEMORY_MAX (256 * 1024 * 1024) /* of one allocation of libtiff's own */

struct job {
    struct rt_picture *p;
    tmsize_t at;
    bool failed;
    char words[200];
};

/* ---- bytes as a file ---- */

static tmsize_t tiff_on_read(thandle_t user, void *out, tmsize_t count)
{
    struct job *j = user;
    tmsize_t left = (tmsize_t)j->p->size - j->at;
    count = left <= 0 ? 0 : count < left ? count : left;
    memcpy(out, j->p->bytes + j->at, (size_t)count);
    j->at += count;
    return count;
}

static tmsize_t tiff_on_write(thandle_t user, void *bytes, tmsize_t count)
{
    (void)user, (void)bytes, (void)count;
    return 0;
}

static toff_t tiff_on_seek(thandle_t user, toff_t offset, int whence)
{
    struct job *j = user;
    toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (toff_t)j->at : (toff_t)j->p->size;
    if (offset > INT64_MAX - from)
        return (toff_t)-1;
    j->at = (tmsize_t)(from + offset);
    return (toff_t)j->at;
}

static int tiff_on_close(thandle_t user)
{
    (void)user;
    return 0;
}

static toff_t tiff_on_size(thandle_t user)
{
    return ((struct job *)user)->p->size;
}

/* ---- libtiff's words ----
 * An error while pixels are read leaves them half made and is reported here alone; warnings are about tags that nobody
 * needs. Both would go to stderr. */

__attribute__((format(printf, 4, 0))) static int tiff_on_error(TIFF *tiff, void *user, const char *module,
                                                               const char *format, va_list args)
{
    struct job *j = user;
    (void)tiff, (void)module;
    if (!j->failed)
        vsnprintf(j->words, sizeof j->words, format, args);
    j->failed = true;
    return 1;
}

__attribute__((format(printf, 4, 0))) static int tiff_on_warning(TIFF *tiff, void *user, const char *module,
                                                                 const char *format, va_list args)
{
    (void)tiff, (void)user, (void)module, (void)format, (void)args;
    return 1;
}

/* ---- decoding ---- */

static int tiff_damaged(struct job *j, const char *otherwise)
{
    return rt_picture_damaged(j->p, "TIFF", j->failed ? j->words : otherwise);
}

/* Pages besides the first that are pictures of their own, not a smaller copy or a mask of it. */
static bool tiff_has_pages(TIFF *tiff)
{
    for (int page = 1; page < PAGES_MAX && TIFFReadDirectory(tiff); page++) {
        uint32_t type = 0;
        TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &type);
        if (!(type & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)))
            return true;
    }
    return false;
}

/* libtiff gives the first byte of a pixel as red on any machine, alpha multiplied in. */
static void tiff_unpack(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++, pixels += 4) {
        uint32_t v;
        memcpy(&v, pixels, sizeof v);
        unsigned a = TIFFGetA(v), rgb[3] = {TIFFGetR(v), TIFFGetG(v), TIFFGetB(v)};
        for (int c = 0; c < 3; c++)
            pixels[c] = (uint8_t)(a == 0 ? 255 : rgb[c] >= a ? 255 : (rgb[c] * 255 + a / 2) / a);
        pixels[3] = (uint8_t)a;
    }
}

static int tiff_read(struct job *j, TIFF *tiff)
{
    struct rt_picture *p = j->p;
    char words[1024];
    TIFFRGBAImage image;
    uint16_t orientation = ORIENTATION_TOPLEFT;
    if (!TIFFRGBAImageOK(tiff, words) || !TIFFRGBAImageBegin(&image, tiff, 1, words))
        return rt_picture_damaged(p, "TIFF", words);
    int rc = rt_picture_reserve(p, image.width, image.height, 4);
    if (rc == 0) {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
        image.req_orientation = image.orientation; /* as stored: imagefile.c turns it */
        p->orientation = orientation;
        if (!TIFFRGBAImageGet(&image, (uint32_t *)(void *)p->pixels, image.width, image.height) || j->failed)
            rc = tiff_damaged(j, "its pixels cannot be read");
    }
    TIFFRGBAImageEnd(&image);
    if (rc == 0)
        tiff_unpack(p->pixels, (size_t)p->width * (size_t)p->height);
    if (rc == 0 && tiff_has_pages(tiff))
        rc = rt_error_set(p->e, RT_EFORMAT, "%s: a TIFF of several pages; give a single picture", p->name);
    return rc;
}

int rt_picture_tiff(struct rt_picture *p)
{
    struct job j = {.p = p};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory for the picture", p->name);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MEMORY_MAX);
    TIFFOpenOptionsSetErrorHandlerExtR(options, tiff_on_error, &j);
    TIFFOpenOptionsSetWarningHandlerExtR(options, tiff_on_warning, NULL);
    TIFF *tiff = TIFFClientOpenExt(p->name, "rm", &j, tiff_on_read, tiff_on_write, tiff_on_seek, tiff_on_close,
                                   tiff_on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    int rc = tiff ? tiff_read(&j, tiff) : tiff_damaged(&j, "its header is wrong");
    if (tiff)
        TIFFClose(tiff);
    return rc;
}
