/* SPDX-License-Identifier: MIT
 * imagefile_bmp: BMP of any depth -> RGBA by libavcodec and libswscale. Part of the optional reader av (meson
 * option av); only its decoder of BMP is let at the file. */
#include "formats/file.h"
#include "formats/imagefile_parts.h"
#include "formats/libav.h"
#include <libswscale/swscale.h>
#include <stdbool.h>
#include <string.h>

#define BMP_HEAD 26 /* to the end of width and height */

#define SWSCALE(F) F(sws_getContext) F(sws_scale) F(sws_freeContext)
static struct {
    SWSCALE(RT_DYNLOAD_FIELD)
} sws;
static struct rt_dynload swscale = RT_DYNLOAD("libswscale.so." AV_STRINGIFY(LIBSWSCALE_VERSION_MAJOR), SWSCALE, sws);

struct job {
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scale;
};

static int bmp_no_memory(const struct rt_picture *p)
{
    return rt_error_set(p->e, RT_EMEM, "%s: out of memory for the picture", p->name);
}

/* Decoded, the picture is in one of a dozen layouts; libswscale knows them all, and only moves bytes here. */
static int bmp_copy(struct rt_picture *p, struct job *j)
{
    const AVFrame *f = j->frame;
    RT_TRY(rt_picture_reserve(p, (uint64_t)f->width, (uint64_t)f->height, 4));
    j->scale = sws.sws_getContext(f->width, f->height, f->format, f->width, f->height, AV_PIX_FMT_RGBA,
                              SWS_POINT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (!j->scale)
        return bmp_no_memory(p);
    uint8_t *out[4] = {p->pixels};
    int stride[4] = {f->width * 4};
    if (sws.sws_scale(j->scale, (const uint8_t *const *)f->data, f->linesize, 0, f->height, out, stride) != f->height)
        return rt_picture_damaged(p, "BMP", "its pixels cannot be read");
    return 0;
}

static int bmp_read(struct rt_picture *p, struct job *j)
{
    const AVCodec *codec = rt_av.avcodec_find_decoder(AV_CODEC_ID_BMP);
    if (!codec)
        return rt_error_set(p->e, RT_EFORMAT, "%s: this libavcodec reads no BMP; convert it to PNG", p->name);
    j->decoder = rt_av.avcodec_alloc_context3(codec);
    j->packet = rt_av.av_packet_alloc();
    j->frame = rt_av.av_frame_alloc();
    if (!j->decoder || !j->packet || !j->frame || rt_av.av_new_packet(j->packet, (int)p->size) < 0)
        return bmp_no_memory(p);
    memcpy(j->packet->data, p->bytes, p->size);
    j->decoder->thread_count = 1;
    j->decoder->max_pixels = RT_IMAGE_PIXELS_MAX;
    j->decoder->err_recognition = AV_EF_EXPLODE;
    int rc = rt_av.avcodec_open2(j->decoder, codec, NULL);
    if (rc >= 0)
        rc = rt_av.avcodec_send_packet(j->decoder, j->packet);
    if (rc >= 0)
        rc = rt_av.avcodec_receive_frame(j->decoder, j->frame);
    if (rc == AVERROR(ENOMEM))
        return bmp_no_memory(p);
    char words[AV_ERROR_MAX_STRING_SIZE];
    rt_av.av_strerror(rc, words, sizeof words);
    return rc < 0 ? rt_picture_damaged(p, "BMP", words) : bmp_copy(p, j);
}

/* The size as the header tells it, so that limits are named before anything is allocated. */
static int bmp_check_size(struct rt_picture *p)
{
    if (p->size < BMP_HEAD || p->size > INT32_MAX)
        return rt_picture_damaged(p, "BMP", "the file ends too early");
    struct rt_cursor c = {.data = p->bytes, .size = p->size, .at = 14};
    bool old = rt_take_u32(&c) == 12; /* OS/2: 16 bits each */
    int64_t width = old ? rt_take_u16(&c) : (int32_t)rt_take_u32(&c);
    int64_t height = old ? rt_take_u16(&c) : (int32_t)rt_take_u32(&c); /* negative: top row first */
    return rt_picture_check_size(p, width > 0 ? (uint64_t)width : 0, (uint64_t)(height < 0 ? -height : height));
}

/* A run-length coded BMP that was cut short decodes without a word, the rest black. */
static int bmp_check_whole(struct rt_picture *p)
{
    struct rt_cursor c = {.data = p->bytes, .size = p->size, .at = 10};
    uint64_t from = rt_take_u32(&c);
    c.at = 30;
    uint32_t coding = rt_take_u32(&c);
    uint64_t count = rt_take_u32(&c);
    bool runs = !c.bad && p->bytes[14] != 12 && (coding == 1 || coding == 2);
    return runs && from + count > p->size ? rt_picture_damaged(p, "BMP", "the file ends too early") : 0;
}

int rt_picture_bmp(struct rt_picture *p)
{
    struct job j = {0};
    RT_TRY(bmp_check_size(p));
    RT_TRY(bmp_check_whole(p));
    RT_TRY(rt_libav_load(p->name, p->e));
    RT_TRY(rt_dynload(&swscale, p->name, p->e));
    int rc = bmp_read(p, &j);
    sws.sws_freeContext(j.scale);
    rt_av.av_frame_free(&j.frame);
    rt_av.av_packet_free(&j.packet);
    rt_av.avcodec_free_context(&j.decoder);
    return rc;
}
