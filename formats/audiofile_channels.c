/* SPDX-License-Identifier: MIT
 * audiofile_channels: see audiofile_channels.h. Sums in double, of the values as they are: recordings end after an
 * hour, and what is asked of them is a ratio. */
#include "formats/audiofile_channels.h"
#include <math.h>

void rt_audio_channels_add(struct rt_audio_channels *s, const float *frames, size_t count)
{
    s->frames += (double)count;
    for (size_t t = 0; t < count; t++, frames += s->count)
        for (int c = 0; c < s->count; c++) {
            double x = frames[c];
            s->sum[c] += x;
            s->square[c] += x * x;
            s->product[c] += x * frames[0];
        }
}

static double channels_variance(const struct rt_audio_channels *s, int c)
{
    double mean = s->sum[c] / s->frames;
    return s->square[c] / s->frames - mean * mean;
}

double rt_audio_channels_likeness(const struct rt_audio_channels *s)
{
    double least = 1, first = channels_variance(s, 0), mean = s->sum[0] / s->frames;
    for (int c = 1; c < s->count; c++) {
        double larger = fmax(fmax(first, channels_variance(s, c)), 1e-12);
        double covariance = s->product[c] / s->frames - mean * (s->sum[c] / s->frames);
        least = fmin(least, covariance / larger);
    }
    return least;
}

double rt_audio_channels_offset(const struct rt_audio_channels *s)
{
    double most = 0;
    for (int c = 0; c < s->count; c++)
        most = fmax(most, fabs(s->sum[c] / s->frames));
    return most;
}

int rt_audio_channels_loudest(const struct rt_audio_channels *s)
{
    int loudest = 0;
    for (int c = 1; c < s->count; c++)
        if (channels_variance(s, c) > channels_variance(s, loudest))
            loudest = c;
    return loudest;
}
