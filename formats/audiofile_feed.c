/* SPDX-License-Identifier: MIT
 * audiofile_feed: see audiofile_feed.h. */
#include "formats/audiofile_feed.h"

#include "formats/audiofile.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

/* ---- block by block ----
 * Memory holds one block and the mixed, resampled result, whose length is checked against the limit as it grows:
 * a stream has no header that says it. Channels are averaged before resampling: once instead of for each channel.
 * Samples that are not finite are refused: one NaN would become a whole batch of them. */

int rt_audio_feed_begin(struct rt_audio_feed *f, int rate)
{
    soxr_delete(f->resampler);
    f->resampler = NULL;
    f->count = f->read = 0;
    f->rate = rate;
    f->only = 0;
    if (rate == RT_AUDIO_RATE)
        return 0;
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    f->resampler = soxr_create(rate, RT_AUDIO_RATE, 1, NULL, NULL, &quality, NULL);
    return f->resampler ? 0 : RT_EMEM;
}

/* Makes room for n more samples. */
static int feed_reserve(struct rt_audio_feed *f, size_t n)
{
    if (f->count > (size_t)RT_AUDIO_RATE * RT_AUDIO_SECONDS_MAX)
        return RT_ELARGE;
    if (n <= f->room - f->count)
        return 0;
    size_t room = f->count + n + f->room / 2;
    float *grown = realloc(f->sample, room * sizeof *grown);
    if (!grown)
        return RT_EMEM;
    f->sample = grown;
    f->room = room;
    return 0;
}

/* Appends n mono samples at the source's rate; n = 0 drains the resampler. */
static int feed_append(struct rt_audio_feed *f, size_t n)
{
    size_t most = (size_t)((double)RT_AUDIO_BLOCK * RT_AUDIO_RATE / f->rate) + RT_AUDIO_BLOCK;
    if (!f->resampler) {
        RT_TRY(feed_reserve(f, n));
        if (n)
            memcpy(f->sample + f->count, f->mono, n * sizeof *f->mono);
        f->count += n;
        return 0;
    }
    for (size_t used = 0;;) {
        size_t in = 0, out = 0;
        RT_TRY(feed_reserve(f, most));
        if (soxr_process(f->resampler, n ? f->mono + used : NULL, n - used, &in, f->sample + f->count, most, &out))
            return RT_EMEM;
        used += in;
        f->count += out;
        if (n ? used == n : out == 0)
            return 0;
    }
}

static int feed_mix(struct rt_audio_feed *f, const float *frame, size_t frames, int channels)
{
    for (size_t t = 0; t < frames; t++, f->read++) {
        float sum = 0;
        for (int c = 0; c < channels; c++)
            sum += frame[c];
        if (!isfinite(sum))
            return RT_ENOTFINITE;
        f->mono[t] = f->only ? frame[f->only - 1] : sum / (float)channels;
        frame += channels;
    }
    return 0;
}

int rt_audio_feed_add(struct rt_audio_feed *f, const float *frame, size_t frames, int channels)
{
    for (size_t at = 0, n; at < frames; at += n) {
        n = frames - at < RT_AUDIO_BLOCK ? frames - at : RT_AUDIO_BLOCK;
        RT_TRY(feed_mix(f, frame + at * (size_t)channels, n, channels));
        RT_TRY(feed_append(f, n));
    }
    return 0;
}

int rt_audio_feed_end(struct rt_audio_feed *f)
{
    return f->resampler ? feed_append(f, 0) : 0;
}

void rt_audio_feed_fini(struct rt_audio_feed *f)
{
    soxr_delete(f->resampler);
    free(f->sample);
    f->resampler = NULL;
    f->sample = NULL;
    f->count = f->room = 0;
}
