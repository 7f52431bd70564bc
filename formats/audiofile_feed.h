/* SPDX-License-Identifier: MIT
 * audiofile_feed: samples of any rate and number of channels, block by block -> mono at RT_AUDIO_RATE (libsoxr): what
 * a file's samples and those of a microphone have in common. One thread at a time. */
#ifndef RT_AUDIOFILE_FEED_H
#define RT_AUDIOFILE_FEED_H

#include <stddef.h>

#define RT_AUDIO_BLOCK 4096 /* frames that are mixed at once */
#define RT_AUDIO_RATE_MIN 1000
#define RT_AUDIO_RATE_MAX 768000

/* All zeros before the first begin. */
struct rt_audio_feed {
    float *sample; /* [count], malloc'ed; belongs to the feed until its next begin or fini */
    size_t count, room;
    size_t read; /* source frames so far; after RT_ENOTFINITE the one at fault */
    int rate;
    int only; /* 0: channels are averaged; else 1 + the channel that is read alone. Set it behind begin */
    struct soxr *resampler; /* NULL at RT_AUDIO_RATE */
    float mono[RT_AUDIO_BLOCK];
};

/* Another recording, of a rate within the limits; the memory of the one before is kept. At RT_AUDIO_RATE nothing is
 * resampled, and nothing allocated while a recording is no longer than one before. RT_EMEM. */
int rt_audio_feed_begin(struct rt_audio_feed *f, int rate);
/* frame: [frames, channels], full scale +-1. RT_ENOTFINITE, RT_ELARGE (RT_AUDIO_SECONDS_MAX), RT_EMEM. */
int rt_audio_feed_add(struct rt_audio_feed *f, const float *frame, size_t frames, int channels);
/* What the resampler still holds. RT_ELARGE, RT_EMEM. */
int rt_audio_feed_end(struct rt_audio_feed *f);
void rt_audio_feed_fini(struct rt_audio_feed *f);

#endif
