/* SPDX-License-Identifier: MIT
 * audiofile_av: M4A and other MP4, WebM and Matroska, AAC, AMR, WMA by libavformat and libavcodec. An optional part
 * (meson option av). Of all that these libraries can do, only the containers and decoders listed here are let at a
 * file: they read hundreds of kinds, and a file from outside must not choose the least tested of them. */
#include "formats/audiofile_parts.h"
#include "formats/filekind.h"
#include "formats/libav.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER 32768
#define SLACK 0.25 /* s: containers round the length that they tell, and encoders pad */

struct av {
    struct rt_recording *r;
    int64_t at;
    AVIOContext *io;
    AVFormatContext *file;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    int stream, used; /* used: samples of the frame that have been given */
    bool drained;
};

static const struct {
    enum rt_filekind_id kind;
    const char *container;
} containers[] = {
    {RT_KIND_MP4, "mov"}, {RT_KIND_WEBM, "matroska"}, {RT_KIND_AAC, "aac"}, {RT_KIND_AMR, "amr"}, {RT_KIND_ASF, "asf"},
};

static const char decoders[] = "aac,alac,mp3float,opus,vorbis,flac,ac3,eac3,amrnb,amrwb,wmav1,wmav2,"
                               "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_f32le,pcm_alaw,pcm_mulaw";

/* ---- bytes as a file ---- */

static int av_on_read(void *user, uint8_t *out, int count)
{
    struct av *a = user;
    int64_t left = (int64_t)a->r->size - a->at;
    if (left <= 0)
        return AVERROR_EOF;
    if (count > left)
        count = (int)left;
    memcpy(out, a->r->bytes + a->at, (size_t)count);
    a->at += count;
    return count;
}

static int64_t av_on_seek(void *user, int64_t offset, int whence)
{
    struct av *a = user;
    int64_t size = (int64_t)a->r->size, from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? a->at : size;
    if (whence & AVSEEK_SIZE)
        return size;
    if (offset < -from || offset > size - from)
        return AVERROR(EINVAL);
    return a->at = from + offset;
}

/* ---- the container, and its track of sound ----
 * The kind is given, not probed. A file may hold pictures as well; they are not decoded. */

static int av_fail(const struct av *a, int rc, const char *what)
{
    char words[AV_ERROR_MAX_STRING_SIZE];
    if (rc == AVERROR(ENOMEM))
        return rt_error_set(a->r->e, RT_EMEM, "%s: out of memory for the recording", a->r->name);
    rt_av.av_strerror(rc, words, sizeof words);
    return rt_error_set(a->r->e, RT_EFORMAT, "%s: damaged or cut short: %s: %s; fetch the file again", a->r->name, what,
                        words);
}

static int av_open_container(struct av *a)
{
    enum rt_filekind_id kind = rt_filekind_of(a->r->bytes, a->r->size).id;
    const char *name = containers[0].container;
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (containers[i].kind == kind)
            name = containers[i].container;
    uint8_t *buffer = rt_av.av_malloc(BUFFER);
    a->io = buffer ? rt_av.avio_alloc_context(buffer, BUFFER, 0, a, av_on_read, NULL, av_on_seek) : NULL;
    a->file = a->io ? rt_av.avformat_alloc_context() : NULL;
    if (!a->io)
        rt_av.av_free(buffer);
    if (!a->file)
        return av_fail(a, AVERROR(ENOMEM), "");
    a->file->pb = a->io;
    a->file->flags |= AVFMT_FLAG_CUSTOM_IO;
    a->file->codec_whitelist = rt_av.av_strdup(decoders); /* also for what looks into the tracks */
    int rc = rt_av.avformat_open_input(&a->file, NULL, rt_av.av_find_input_format(name), NULL);
    if (rc < 0) /* a->file has been freed */
        return av_fail(a, rc, "its header");
    rc = rt_av.avformat_find_stream_info(a->file, NULL);
    if (rc < 0)
        return av_fail(a, rc, "its tracks");
    a->stream = rt_av.av_find_best_stream(a->file, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (a->stream < 0)
        return rt_error_set(a->r->e, RT_EFORMAT, "%s: no sound in it", a->r->name);
    for (unsigned i = 0; i < a->file->nb_streams; i++)
        if ((int)i != a->stream)
            a->file->streams[i]->discard = AVDISCARD_ALL;
    return 0;
}

static int av_open_decoder(struct av *a)
{
    const AVCodecParameters *p = a->file->streams[a->stream]->codecpar;
    const AVCodec *codec = rt_av.avcodec_find_decoder(p->codec_id);
    if (!codec || !rt_av.av_match_name(codec->name, decoders))
        return rt_error_set(a->r->e, RT_EFORMAT, "%s: its sound is %s, which is not read; convert it to FLAC or WAV",
                            a->r->name, rt_av.avcodec_get_name(p->codec_id));
    a->decoder = rt_av.avcodec_alloc_context3(codec);
    a->packet = rt_av.av_packet_alloc();
    a->frame = rt_av.av_frame_alloc();
    if (!a->decoder || !a->packet || !a->frame)
        return av_fail(a, AVERROR(ENOMEM), "");
    int rc = rt_av.avcodec_parameters_to_context(a->decoder, p);
    a->decoder->thread_count = 1;
    a->decoder->pkt_timebase = a->file->streams[a->stream]->time_base;
    if (rc >= 0)
        rc = rt_av.avcodec_open2(a->decoder, codec, NULL);
    return rc < 0 ? av_fail(a, rc, "its sound") : 0;
}

/* ---- decoding ---- */

/* The next frame of samples into a->frame: 1, or 0 at the end. */
static int av_next_frame(struct av *a)
{
    for (;;) {
        int rc = rt_av.avcodec_receive_frame(a->decoder, a->frame);
        if (rc == 0 && a->frame->nb_samples > 0)
            return 1;
        if (rc == AVERROR_EOF)
            return 0;
        if (rc < 0 && rc != AVERROR(EAGAIN))
            return av_fail(a, rc, "its sound");
        if (rc == 0 || a->drained)
            continue;
        rc = rt_av.av_read_frame(a->file, a->packet);
        if (rc < 0 && rc != AVERROR_EOF)
            return av_fail(a, rc, "its sound");
        a->drained = rc < 0;
        if (rc == 0 && (a->packet->flags & AV_PKT_FLAG_CORRUPT))
            rc = AVERROR_INVALIDDATA;
        else if (a->drained || a->packet->stream_index == a->stream)
            rc = rt_av.avcodec_send_packet(a->decoder, a->drained ? NULL : a->packet);
        rt_av.av_packet_unref(a->packet);
        if (rc < 0 && rc != AVERROR_EOF)
            return av_fail(a, rc, "its sound");
    }
}

static float av_sample(enum AVSampleFormat format, const uint8_t *data, size_t i)
{
    switch (format) {
    case AV_SAMPLE_FMT_U8:
        return ((float)data[i] - 128) / 128;
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)data)[i] / 32768;
    case AV_SAMPLE_FMT_S32:
        return (float)((const int32_t *)data)[i] / 2147483648.0f;
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)data)[i];
    default:
        return (float)((const double *)data)[i];
    }
}

/* Some of the frame's samples; its rate, channels and format have been checked. */
static int av_give(struct av *a, float *out, int count)
{
    enum AVSampleFormat packed = rt_av.av_get_packed_sample_fmt(a->frame->format);
    bool planar = rt_av.av_sample_fmt_is_planar(a->frame->format);
    int channels = a->r->channels, left = a->frame->nb_samples - a->used;
    count = count < left ? count : left;
    for (int t = 0; t < count; t++)
        for (int c = 0; c < channels; c++)
            *out++ = planar ? av_sample(packed, a->frame->extended_data[c], (size_t)(a->used + t))
                            : av_sample(packed, a->frame->extended_data[0],
                                        (size_t)(a->used + t) * (size_t)channels + (size_t)c);
    a->used += count;
    return count;
}

/* What a recording is, is known for certain once a frame has been decoded: AAC may say half its rate. */
static int av_check_frame(struct av *a)
{
    struct rt_recording *r = a->r;
    enum AVSampleFormat packed = rt_av.av_get_packed_sample_fmt(a->frame->format);
    int channels = a->frame->ch_layout.nb_channels, rate = a->frame->sample_rate;
    if (packed < AV_SAMPLE_FMT_U8 || packed > AV_SAMPLE_FMT_DBL)
        return rt_error_set(r->e, RT_EFORMAT, "%s: samples of an unknown format", r->name);
    if (r->rate && (r->rate != rate || r->channels != channels))
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s: %d Hz with %d channels turn into %d Hz with %d; make them files of their own", r->name,
                            r->rate, r->channels, rate, channels);
    r->rate = rate;
    r->channels = channels;
    a->used = 0;
    return 0;
}

static int64_t av_read(struct rt_recording *r, float *frames, int64_t count)
{
    struct av *a = r->decoder;
    if (a->used >= a->frame->nb_samples) {
        int rc = av_next_frame(a);
        if (rc <= 0)
            return rc;
        RT_TRY(av_check_frame(a));
    }
    return av_give(a, frames, (int)count);
}

/* How long the sound is by what the file says; 0 = it does not say. AAC without a container has only a guess. */
static double av_seconds(const struct av *a)
{
    const AVStream *s = a->file->streams[a->stream];
    double seconds = 0;
    if (!strcmp(a->file->iformat->name, "aac"))
        return 0;
    if (s->duration > 0)
        seconds = (double)s->duration * av_q2d(s->time_base);
    else if (a->file->duration > 0 && a->file->nb_streams == 1)
        seconds = (double)a->file->duration / AV_TIME_BASE;
    return seconds < 1e6 ? seconds : 0;
}

static int av_open(struct rt_recording *r)
{
    RT_TRY(rt_libav_load(r->name, r->e));
    struct av *a = r->decoder = calloc(1, sizeof *a);
    if (!a)
        return rt_error_set(r->e, RT_EMEM, "%s: out of memory for the recording", r->name);
    a->r = r;
    RT_TRY(av_open_container(a));
    RT_TRY(av_open_decoder(a));
    int rc = av_next_frame(a);
    if (rc == 0)
        return rt_error_set(r->e, RT_EEMPTY, "%s: a recording without a single sample", r->name);
    RT_TRY(rc);
    RT_TRY(av_check_frame(a));
    double seconds = av_seconds(a);
    r->promised = seconds > SLACK && r->rate > 0 ? (int64_t)((seconds - SLACK) * r->rate) : -1;
    return 0;
}

static void av_close(struct rt_recording *r)
{
    struct av *a = r->decoder;
    if (!a)
        return;
    rt_av.av_frame_free(&a->frame);
    rt_av.av_packet_free(&a->packet);
    rt_av.avcodec_free_context(&a->decoder);
    rt_av.avformat_close_input(&a->file);
    if (a->io)
        rt_av.av_freep(&a->io->buffer);
    rt_av.avio_context_free(&a->io);
    free(a);
}

const struct rt_audio_reader rt_audio_av = {av_open, av_read, av_close, NULL, NULL};
