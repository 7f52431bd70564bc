/* SPDX-License-Identifier: MIT
 * audiofile: a recording's bytes -> mono float samples at 16 kHz. WAV, FLAC, Ogg Vorbis, Opus (libsndfile), MP3
 * (libmpg123), and where it is built in M4A, WebM, AAC, AMR, WMA (libavformat); told apart by content. Channels
 * are averaged; where they cancel each other, the loudest alone is read. Streams of a chained Ogg file are read one
 * behind the other. No features here (modality/speech.c). */
#ifndef RT_AUDIOFILE_H
#define RT_AUDIOFILE_H

#include "formats/audiofile_channels.h"
#include "formats/audiofile_source.h"
#include "formats/error.h"
#include "formats/input.h"
#include <stdbool.h>
#include <stddef.h>

#define RT_AUDIO_RATE 16000
#define RT_AUDIO_SECONDS_MAX 3600 /* a longer recording is refused */
/* Channels whose likeness (audiofile_channels.h) is below this are of opposite polarity: not averaged. */
#define RT_AUDIO_OPPOSED (-0.5)

struct rt_audio {
    float *sample; /* [count], full scale = +-1, malloc'ed */
    size_t count;  /* at RT_AUDIO_RATE */
    int only; /* the channel that was read, because the others would have cancelled it; -1: the average of all */
    /* Of the samples as they are in the file, before mixing and resampling; only when asked for. */
    struct rt_audio_source source;
};

/* Decodes the input's extent: what lies between its start and end, and only that counts against the limits. Of kinds
 * that can be sought exactly (WAV and its kin, FLAC) nothing else is read; others are decoded from their beginning.
 * scan: fills a->source. RT_EEMPTY (no bytes or samples), RT_EFORMAT, RT_ELARGE, RT_ENOTFINITE, RT_ERANGE for what lies
 * beyond the recording or a channel it has not, RT_EIO, RT_EMEM. On failure nothing is left allocated. Any thread. */
int rt_audio_decode(struct rt_audio *a, const struct rt_input *in, bool scan, struct rt_error *e);
/* How long what the input names is, without decoding it where its header says so (WAV and its kin, FLAC). As
 * rt_audio_decode. */
int rt_audio_seconds(const struct rt_input *in, double *seconds, struct rt_error *e);
void rt_audio_fini(struct rt_audio *a);

#endif
