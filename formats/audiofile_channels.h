/* SPDX-License-Identifier: MIT
 * audiofile_channels: what the channels of a recording have to do with each other: sums over all frames, from which
 * comes whether they may be averaged, and which one is the loudest. One belongs to one thread. */
#ifndef RT_AUDIOFILE_CHANNELS_H
#define RT_AUDIOFILE_CHANNELS_H

#include <stddef.h>

#define RT_AUDIO_CHANNELS_MAX 16

struct rt_audio_channels { /* {.count = channels} to begin with */
    int count;
    double frames;
    double sum[RT_AUDIO_CHANNELS_MAX], square[RT_AUDIO_CHANNELS_MAX];
    double product[RT_AUDIO_CHANNELS_MAX]; /* of x times the first channel's */
};

/* frames: [count, channels]. */
void rt_audio_channels_add(struct rt_audio_channels *s, const float *frames, size_t count);
/* Of each channel with the first: covariance over the larger of the two variances; the least of them. 1: alike,
 * or one channel; 0: one silent or unrelated; -1: inverted. At least one frame. */
double rt_audio_channels_likeness(const struct rt_audio_channels *s);
/* Largest |mean| of a channel. */
double rt_audio_channels_offset(const struct rt_audio_channels *s);
/* The channel of the largest variance. */
int rt_audio_channels_loudest(const struct rt_audio_channels *s);

#endif
