/* SPDX-License-Identifier: MIT
 * fbank: a real FFT (kissfft) per frame, then bands that touch only their own bins. Twiddles,
 * window and bands cost about as much as ten frames, so they are made anew for each recording and
 * nothing is shared. */
#include "stages/modality/fbank.h"
#include "formats/error.h"
#include <float.h>
#include <kiss_fftr.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 512
#define RATE 16000.0
#define LOW 20.0
#define HIGH 8000.0
#define BANDS_MAX 80
#define EMPHASIS 0.97f
#define SIXTEEN_BIT 32768.0f

struct band {
    int first, count; /* bins */
    const float *weight;
};

struct rt_fbank {
    int bands;
    kiss_fftr_cfg fft;
    float window[RT_FBANK_WINDOW];
    float frame[POINTS]; /* the tail stays zero */
    kiss_fft_cpx spectrum[RT_FBANK_BINS];
    float power[RT_FBANK_BINS];
    struct band band[BANDS_MAX];
    float weight[2 * RT_FBANK_BINS]; /* a bin lies in two bands at most */
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
    double low = fbank_mel(LOW), step = (fbank_mel(HIGH) - low) / (f->bands + 1);
    float *weight = f->weight;
    for (int b = 0; b < f->bands; b++) {
        struct band *band = &f->band[b];
        double left = low + b * step, centre = left + step, right = centre + step;
        *band = (struct band){.weight = weight};
        for (int i = 0; i < RT_FBANK_BINS - 1; i++) {
            double m = fbank_mel(i * RATE / POINTS);
            if (m <= left || m >= right)
                continue;
            if (band->count++ == 0)
                band->first = i;
            *weight++ = (float)(m <= centre ? (m - left) / step : (right - m) / step);
        }
    }
}

/* ---- life ----
 * Made anew for each recording: about the cost of ten frames, and nothing is shared between
 * threads. */

int rt_fbank_create(struct rt_fbank **out, int bands)
{
    *out = NULL;
    if (bands < 1 || bands > BANDS_MAX)
        return RT_ERANGE;
    struct rt_fbank *f = calloc(1, sizeof *f);
    if (!f)
        return RT_EMEM;
    f->bands = bands;
    f->fft = kiss_fftr_alloc(POINTS, 0, NULL, NULL);
    if (!f->fft) {
        free(f);
        return RT_EMEM;
    }
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        f->window[i] = (float)pow(0.5 - 0.5 * cos(2 * M_PI * i / (RT_FBANK_WINDOW - 1)), 0.85);
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

int64_t rt_fbank_frames(int64_t samples)
{
    return samples < RT_FBANK_WINDOW ? 0 : 1 + (samples - RT_FBANK_WINDOW) / RT_FBANK_SHIFT;
}

/* ---- a frame ----
 * In Kaldi's order: offset, scale to 16 bit, pre-emphasis, window, spectrum. The scale only adds a
 * constant to the logarithms, and makes numbers comparable with features made elsewhere. No dither:
 * the same file has to give the same features. */

void rt_fbank_power(struct rt_fbank *f, const float sample[RT_FBANK_WINDOW],
                    float power[RT_FBANK_BINS])
{
    float plain[RT_FBANK_WINDOW], mean = 0;
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        mean += sample[i];
    mean /= RT_FBANK_WINDOW;
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        plain[i] = (sample[i] - mean) * SIXTEEN_BIT;
    f->frame[0] = plain[0] * (1 - EMPHASIS) * f->window[0];
    for (int i = 1; i < RT_FBANK_WINDOW; i++)
        f->frame[i] = (plain[i] - EMPHASIS * plain[i - 1]) * f->window[i];
    kiss_fftr(f->fft, f->frame, f->spectrum);
    for (int i = 0; i < RT_FBANK_BINS; i++)
        power[i] = f->spectrum[i].r * f->spectrum[i].r + f->spectrum[i].i * f->spectrum[i].i;
}

/* The floor is float's epsilon, as Kaldi's, so that silence has a finite logarithm. */
void rt_fbank_run(struct rt_fbank *f, const float *sample, int64_t count, float *out)
{
    int64_t frames = rt_fbank_frames(count);
    for (int64_t t = 0; t < frames; t++, out += f->bands) {
        rt_fbank_power(f, sample + t * RT_FBANK_SHIFT, f->power);
        for (int b = 0; b < f->bands; b++) {
            const struct band *band = &f->band[b];
            float sum = 0;
            for (int i = 0; i < band->count; i++)
                sum += band->weight[i] * f->power[band->first + i];
            out[b] = logf(fmaxf(sum, FLT_EPSILON));
        }
    }
}
