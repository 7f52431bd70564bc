/* SPDX-License-Identifier: MIT
 * audiofile: a recording's bytes -> mono float samples at 16 kHz (libsndfile, libsoxr).
 * WAV, FLAC, Ogg Vorbis, Opus, MP3: whatever libsndfile reads. No features here
 * (modality/speech.c). */
#ifndef RT_AUDIOFILE_H
#define RT_AUDIOFILE_H

#include "formats/error.h"
#include <stddef.h>

#define RT_AUDIO_RATE 16000
#define RT_AUDIO_SECONDS_MAX 3600 /* a longer recording is refused */
#define RT_AUDIO_CHANNELS_MAX 16

/* What the file said, before mixing and resampling; the quality measures want it. */
struct rt_audio {
    float *sample; /* [count], full scale = +-1, malloc'ed */
    size_t count;  /* at RT_AUDIO_RATE */
    int source_rate;
    int source_channels;
};

/* name stands for the file in messages. RT_EEMPTY (0 bytes or 0 samples), RT_EFORMAT, RT_ELARGE,
 * RT_ENOTFINITE, RT_EMEM. On failure nothing is left allocated. Any thread. */
int rt_audio_decode(struct rt_audio *a, const void *bytes, size_t size, const char *name,
                    struct rt_error *e);
void rt_audio_fini(struct rt_audio *a);

#endif
