/* SPDX-License-Identifier: MIT
 * imagefile_png: PNG -> RGBA by libpng. libpng leaves by longjmp; everything it may have made hangs
 * on struct job, which lives one frame above setjmp's. */
#include "formats/imagefile_parts.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct job {
    struct rt_picture *p;
    size_t at;
    int rc; /* of rt_picture_reserve, when that is why we left */
    png_structp png;
    png_infop info;
    jmp_buf leave;
    char words[128];
};

/* ---- libpng's way out ----
 * libpng leaves by longjmp from anywhere, and warns about files that decode well. Warnings are
 * dropped: what a user should know is whether the picture is whole, and that is an error. */

static void png_job_on_error(png_structp png, png_const_charp words)
{
    struct job *j = png_get_error_ptr(png);
    snprintf(j->words, sizeof j->words, "%s", words);
    longjmp(j->leave, 1);
}

static void png_job_on_warning(png_structp png, png_const_charp words)
{
    (void)png, (void)words;
}

static void png_job_on_read(png_structp png, png_bytep out, size_t count)
{
    struct job *j = png_get_io_ptr(png);
    if (count > j->p->size - j->at)
        png_error(png, "the file ends too early");
    memcpy(out, j->p->bytes + j->at, count);
    j->at += count;
}

/* ---- decoding ----
 * Every kind of PNG (palette, grey, 16 bits, interlaced) is turned to RGBA by libpng's own
 * transforms, so what follows knows one layout. Interlaced pictures come in seven passes over the
 * same rows, hence the whole picture is zeroed first. */

/* Everything that may longjmp. */
static void png_job_read(struct job *j)
{
    j->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, j, png_job_on_error, png_job_on_warning);
    j->info = j->png ? png_create_info_struct(j->png) : NULL;
    if (!j->info) {
        j->rc = rt_error_set(j->p->e, RT_EMEM, "%s: out of memory for the picture", j->p->name);
        return;
    }
    png_set_read_fn(j->png, j, png_job_on_read);
    png_set_user_limits(j->png, 0x7fffffff, 0x7fffffff); /* ours say more: rt_picture_reserve */
    png_read_info(j->png, j->info);
    png_uint_32 width = png_get_image_width(j->png, j->info);
    png_uint_32 height = png_get_image_height(j->png, j->info);
    j->rc = rt_picture_reserve(j->p, width, height, 4);
    if (j->rc)
        return;
    png_set_expand(j->png);
    png_set_scale_16(j->png);
    png_set_gray_to_rgb(j->png);
    png_set_add_alpha(j->png, 0xff, PNG_FILLER_AFTER);
    int passes = png_set_interlace_handling(j->png);
    png_read_update_info(j->png, j->info);
    size_t row = (size_t)width * 4;
    if (png_get_rowbytes(j->png, j->info) != row)
        png_error(j->png, "a pixel layout libpng did not turn into RGBA");
    memset(j->p->pixels, 0, row * height);
    for (int pass = 0; pass < passes; pass++)
        for (png_uint_32 y = 0; y < height; y++)
            png_read_row(j->png, j->p->pixels + y * row, NULL);
    png_read_end(j->png, j->info);
    png_uint_32 length;
    png_bytep exif;
    if (png_get_eXIf_1(j->png, j->info, &length, &exif))
        j->p->orientation = rt_picture_exif(exif, length);
}

/* setjmp's own function: nothing of it changes between setjmp and longjmp. */
static int png_job_guard(struct job *j)
{
    if (setjmp(j->leave))
        return rt_picture_damaged(j->p, "PNG", j->words);
    png_job_read(j);
    return j->rc;
}

int rt_picture_png(struct rt_picture *p)
{
    struct job j = {.p = p};
    int rc = png_job_guard(&j);
    png_destroy_read_struct(&j.png, &j.info, NULL);
    return rc;
}
