/* SPDX-License-Identifier: MIT
 * fbank: window, a real FFT of each frame, then bands that touch only their own bins; several frames at a time, a lane
 * of the processor's vectors each (lanes.h). One frame alone goes through kissfft. */
#include "stages/modality/fbank.h"
#include "formats/error.h"
#include "stages/modality/lanes.h"
#include <float.h>
#include <kiss_fftr.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 512
#define RATE 16000.0

static const struct rt_fbank_settings kaldi = {RT_WINDOW_POVEY, 32768, 0.97f, 20, 8000, FLT_EPSILON};

struct rt_fbank {
    int bands;
    struct rt_fbank_settings s;
    float window[RT_FBANK_WINDOW];
    struct rt_lanes_band band[RT_FBANK_BANDS];
    float weight[2 * RT_FBANK_BINS]; /* a bin lies in two bands at most */
    /* of rt_fbank_power alone */
    kiss_fftr_cfg fft;
    float frame[POINTS]; /* the tail stays zero */
    kiss_fft_cpx spectrum[RT_FBANK_BINS];
};

/* ---- bands ----
 * HTK's mel scale, as Kaldi has it. Bands touch a few bins each, so a band is a run of weights; a
 * matrix of bands times bins would be nearly all zeros. */

static double fbank_mel(double hertz)
{
    return 1127 * log(1 + hertz / 700);
}

/* Triangles of equal width on the mel scale; the topmost bin (8 kHz) belongs to none. */
static void fbank_make_bands(struct rt_fbank *f)
{
    double low = fbank_mel(f->s.low), step = (fbank_mel(f->s.high) - low) / (f->bands + 1), mel[RT_FBANK_BINS];
    float *weight = f->weight;
    for (int i = 0; i < RT_FBANK_BINS; i++)
        mel[i] = fbank_mel(i * RATE / POINTS);
    for (int b = 0; b < f->bands; b++) {
        struct rt_lanes_band *band = &f->band[b];
        double left = low + b * step, centre = left + step, right = centre + step;
        *band = (struct rt_lanes_band){.weight = weight};
        for (int i = 0; i < RT_FBANK_BINS - 1; i++) {
            if (mel[i] <= left || mel[i] >= right)
                continue;
            if (band->count++ == 0)
                band->first = i;
            *weight++ = (float)(mel[i] <= centre ? (mel[i] - left) / step : (right - mel[i]) / step);
        }
    }
}

/* ---- life ----
 * Window and bands cost as much as a second of speech, so whoever makes features of one recording after another makes
 * them once. */

/* Povey's is Hann's to the power of 0.85. All are symmetric: the last sample has the weight of the first. */
static float fbank_window(enum rt_window_id window, int i)
{
    double cosine = cos(2 * M_PI * i / (RT_FBANK_WINDOW - 1)), hann = 0.5 - 0.5 * cosine;
    if (window == RT_WINDOW_HAMMING)
        return (float)(0.54 - 0.46 * cosine);
    return (float)(window == RT_WINDOW_HANN ? hann : pow(hann, 0.85));
}

int rt_fbank_create(struct rt_fbank **out, int bands, const struct rt_fbank_settings *s)
{
    *out = NULL;
    if (bands < 1 || bands > RT_FBANK_BANDS)
        return RT_ERANGE;
    struct rt_fbank *f = calloc(1, sizeof *f);
    if (!f)
        return RT_EMEM;
    f->bands = bands;
    f->s = s ? *s : kaldi;
    f->fft = kiss_fftr_alloc(POINTS, 0, NULL, NULL);
    if (!f->fft) {
        free(f);
        return RT_EMEM;
    }
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        f->window[i] = fbank_window(f->s.window, i);
    fbank_make_bands(f);
    *out = f;
    return 0;
}

void rt_fbank_destroy(struct rt_fbank *f)
{
    if (f)
        kiss_fftr_free(f->fft);
    free(f);
}

bool rt_fbank_is_plain(const struct rt_fbank_settings *s)
{
    return s->window == kaldi.window && s->scale == kaldi.scale && s->emphasis == kaldi.emphasis &&
           s->low == kaldi.low && s->high == kaldi.high && s->floor == kaldi.floor;
}

int64_t rt_fbank_frames(int64_t samples)
{
    return samples < RT_FBANK_WINDOW ? 0 : 1 + (samples - RT_FBANK_WINDOW) / RT_FBANK_SHIFT;
}

/* ---- a frame ----
 * In Kaldi's order: offset, scale, pre-emphasis, window, spectrum. The scale only adds a
 * constant to the logarithms, but for those at the floor, and makes numbers comparable with features made elsewhere.
 * No dither: the same file has to give the same features. */

void rt_fbank_power(struct rt_fbank *f, const float sample[RT_FBANK_WINDOW],
                    float power[RT_FBANK_BINS])
{
    float plain[RT_FBANK_WINDOW], mean = 0, scale = f->s.scale, emphasis = f->s.emphasis;
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        mean += sample[i];
    mean /= RT_FBANK_WINDOW;
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        plain[i] = (sample[i] - mean) * scale;
    f->frame[0] = plain[0] * (1 - emphasis) * f->window[0];
    for (int i = 1; i < RT_FBANK_WINDOW; i++)
        f->frame[i] = (plain[i] - emphasis * plain[i - 1]) * f->window[i];
    kiss_fftr(f->fft, f->frame, f->spectrum);
    for (int i = 0; i < RT_FBANK_BINS; i++)
        power[i] = f->spectrum[i].r * f->spectrum[i].r + f->spectrum[i].i * f->spectrum[i].i;
}

/* The floor, in Kaldi float's epsilon, gives silence a finite logarithm. */
void rt_fbank_run(const struct rt_fbank *f, const float *sample, int64_t count, float *out)
{
    struct rt_lanes_fbank l = {
        .fft = rt_fft(POINTS / 2), .window = f->window, .size = RT_FBANK_WINDOW, .shift = RT_FBANK_SHIFT,
        .scale = f->s.scale, .emphasis = f->s.emphasis, .floor = f->s.floor, .band = f->band, .bands = f->bands,
    };
    rt_lanes()->fbank(&l, sample, rt_fbank_frames(count), out);
}
