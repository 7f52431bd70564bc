/* SPDX-License-Identifier: MIT
 * whisper: see whisper.h. A mel scale, a window and a framing of its own, so it shares nothing with fbank.c but the
 * kind of transform. */
#include "stages/modality/whisper.h"

#include "formats/error.h"

#include <kiss_fftr.h>
#include <math.h>
#include <stdlib.h>

#define POINTS 400
#define BINS (POINTS / 2 + 1)
#define RATE 16000.0
#define LEAST 1e-10f /* of a band's energy */

struct whisper {
    kiss_fftr_cfg fft;
    float window[POINTS], frame[POINTS], power[BINS];
    kiss_fft_cpx spectrum[BINS];
    double corner[RT_WHISPER_BANDS + 2]; /* Hz: where bands begin, peak and end */
};

/* ---- bands ----
 * Slaney's scale: linear up to 1 kHz, then logarithmic. The triangles are straight in hertz, not in mel as Kaldi's. */

static double whisper_hertz(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27);
}

static void whisper_make_corners(struct whisper *w, int bands)
{
    double top = 15 + log(RATE / 2 / 1000) * 27 / log(6.4);
    for (int i = 0; i < bands + 2; i++)
        w->corner[i] = whisper_hertz(top * i / (bands + 1));
}

static float whisper_band(const struct whisper *w, int band)
{
    const double *c = w->corner + band;
    double sum = 0;
    for (int i = (int)(c[0] * POINTS / RATE); i < BINS && i * RATE / POINTS < c[2]; i++) {
        double hertz = i * RATE / POINTS;
        double rising = (hertz - c[0]) / (c[1] - c[0]), falling = (c[2] - hertz) / (c[2] - c[1]);
        sum += fmax(0, fmin(rising, falling)) * w->power[i];
    }
    return (float)(sum * 2 / (c[2] - c[0]));
}

/* ---- frames ---- */

/* Of the recording of `total` samples that the network hears: x and silence behind it, mirrored at both ends. */
static float whisper_sample(const float *x, int64_t count, int64_t total, int64_t at)
{
    at = at < 0 ? -at : at;
    at = at >= total ? 2 * total - 2 - at : at;
    return at < count ? x[at] : 0;
}

int64_t rt_whisper_frames(int64_t samples, int64_t frames)
{
    int64_t heard = (samples + POINTS / 2 + RT_WHISPER_SHIFT - 1) / RT_WHISPER_SHIFT;
    return heard < frames ? heard : frames;
}

static void whisper_frame(struct whisper *w, const float *x, int64_t count, int64_t total, int64_t t)
{
    for (int i = 0; i < POINTS; i++)
        w->frame[i] = w->window[i] * whisper_sample(x, count, total, t * RT_WHISPER_SHIFT - POINTS / 2 + i);
    kiss_fftr(w->fft, w->frame, w->spectrum);
    for (int i = 0; i < BINS; i++)
        w->power[i] = w->spectrum[i].r * w->spectrum[i].r + w->spectrum[i].i * w->spectrum[i].i;
}

int rt_whisper_run(const float *sample, int64_t count, int64_t frames, int bands, float *out)
{
    int64_t total = frames * RT_WHISPER_SHIFT, heard = rt_whisper_frames(count, frames);
    struct whisper *w = malloc(sizeof *w);
    if (!w || !(w->fft = kiss_fftr_alloc(POINTS, 0, NULL, NULL))) {
        free(w);
        return RT_EMEM;
    }
    count = count < total ? count : total;
    for (int i = 0; i < POINTS; i++)
        w->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * i / POINTS));
    whisper_make_corners(w, bands);
    for (int64_t t = 0; t < heard; t++, out += bands) {
        whisper_frame(w, sample, count, total, t);
        for (int b = 0; b < bands; b++)
            out[b] = log10f(fmaxf(whisper_band(w, b), LEAST));
    }
    kiss_fftr_free(w->fft);
    free(w);
    return 0;
}

void rt_whisper_scale(float *x, int64_t count)
{
    float most = RT_WHISPER_SILENCE;
    for (int64_t i = 0; i < count; i++)
        most = fmaxf(most, x[i]);
    for (int64_t i = 0; i < count; i++)
        x[i] = (fmaxf(x[i], most - 8) + 4) / 4;
}
