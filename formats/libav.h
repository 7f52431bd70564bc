/* SPDX-License-Identifier: MIT
 * libav: the functions of libavformat, libavcodec and libavutil that recordings and pictures are read with, loaded when
 * first needed (dynload.h). Part of the optional reader av (meson option av). */
#ifndef RT_LIBAV_H
#define RT_LIBAV_H

#include "formats/dynload.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/channel_layout.h>

#define RT_LIBAV(F) \
    F(avformat_alloc_context) F(avformat_open_input) F(avformat_find_stream_info) F(avformat_close_input) \
    F(avio_alloc_context) F(avio_context_free) F(av_find_input_format) F(av_find_best_stream) F(av_read_frame) \
    F(avcodec_find_decoder) F(avcodec_get_name) F(avcodec_alloc_context3) F(avcodec_parameters_to_context) \
    F(avcodec_open2) F(avcodec_send_packet) F(avcodec_receive_frame) F(avcodec_free_context) \
    F(av_packet_alloc) F(av_new_packet) F(av_packet_unref) F(av_packet_free) F(av_frame_alloc) F(av_frame_free) \
    F(av_malloc) F(av_free) F(av_freep) F(av_strdup) F(av_strerror) F(av_match_name) F(av_log_set_level) \
    F(av_get_packed_sample_fmt) F(av_sample_fmt_is_planar)

/* To be called by, once rt_libav_load has returned 0. */
extern struct rt_libav {
    RT_LIBAV(RT_DYNLOAD_FIELD)
} rt_av;

/* As rt_dynload; the libraries then print nothing of their own. */
int rt_libav_load(const char *name, struct rt_error *e);

#endif
