/* SPDX-License-Identifier: MIT
 * imagefile_jpeg: JPEG -> RGB by libjpeg-turbo. libjpeg leaves by longjmp;
 * everything it may have made hangs on struct job one frame above setjmp's. Missing data is
 * only a warning to libjpeg; to us the picture is damaged. */
#include "formats/imagefile_parts.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

#define SCANS_MAX                                                                                  \
    200 /* a progressive file may repeat its scans for ever; real ones have about ten */

struct job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct rt_picture *p;
    int rc; /* of rt_picture_reserve, when that is why we left */
    jmp_buf leave;
    char words[JMSG_LENGTH_MAX];
};

/* ---- libjpeg's way out ----
 * Of libjpeg's warnings two mean that data is missing, and those become errors; the others it
 * repairs. A progressive file may repeat scans without end, at the cost of a few bytes each, so
 * they are counted. */

static void jpeg_job_leave(struct job *j, const char *words)
{
    snprintf(j->words, sizeof j->words, "%s", words);
    longjmp(j->leave, 1);
}

static void jpeg_job_on_error(j_common_ptr jpeg)
{
    struct job *j = jpeg->client_data;
    char words[JMSG_LENGTH_MAX];
    j->errors.format_message(jpeg, words);
    jpeg_job_leave(j, words);
}

static void jpeg_job_on_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
        jpeg_job_on_error(jpeg);
}

static void jpeg_job_on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void jpeg_job_on_progress(j_common_ptr jpeg)
{
    struct job *j = jpeg->client_data;
    if (j->jpeg.input_scan_number > SCANS_MAX)
        jpeg_job_leave(j, "too many scans");
}

/* ---- what else a JPEG brings ---- */

/* 1..8 out of the first EXIF block, or 1. */
static int jpeg_orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->data_length >= 6 && !memcmp(m->data, "Exif\0\0", 6))
            return rt_picture_exif(m->data, m->data_length);
    return 1;
}

/* Four inks to RGB in the first three bytes; Adobe's programs store them inverted. */
static void inks_to_rgb(uint8_t *row, int width, bool inverted)
{
    uint8_t *out = row;
    for (const uint8_t *in = row; in < row + (size_t)width * 4; in += 4, out += 3) {
        unsigned light = inverted ? in[3] : 255u - in[3];
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((inverted ? in[c] : 255u - in[c]) * light / 255);
    }
}

/* ---- decoding ---- */

/* Everything that may longjmp. */
static void jpeg_job_read(struct job *j)
{
    struct jpeg_decompress_struct *jpeg = &j->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &j->progress;
    jpeg_mem_src(jpeg, j->p->bytes, j->p->size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    j->p->orientation = jpeg_orientation(jpeg);
    /* Rows of four inks are unpacked at their place in the RGB picture and overlap only what comes
     * next; the spare byte per pixel at the end gives the last row its room. */
    j->rc = rt_picture_reserve(j->p, jpeg->image_width, jpeg->image_height, inks ? 4 : 3);
    if (j->rc)
        return;
    j->p->channels = 3;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = j->p->pixels + (size_t)jpeg->output_scanline * jpeg->output_width * 3;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (inks)
            inks_to_rgb(row, j->p->width, jpeg->saw_Adobe_marker);
    }
    jpeg_finish_decompress(jpeg);
}

/* setjmp's own function: nothing of it changes between setjmp and longjmp. */
static int jpeg_job_guard(struct job *j)
{
    if (setjmp(j->leave))
        return rt_picture_damaged(j->p, "JPEG", j->words);
    jpeg_job_read(j);
    return j->rc;
}

int rt_picture_jpeg(struct rt_picture *p)
{
    struct job j = {.p = p, .progress.progress_monitor = jpeg_job_on_progress};
    j.jpeg.err = jpeg_std_error(&j.errors);
    j.jpeg.client_data = &j;
    j.errors.error_exit = jpeg_job_on_error;
    j.errors.emit_message = jpeg_job_on_message;
    j.errors.output_message = jpeg_job_on_output;
    int rc = jpeg_job_guard(&j);
    jpeg_destroy_decompress(&j.jpeg);
    return rc;
}
