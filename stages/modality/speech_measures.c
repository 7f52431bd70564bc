/* SPDX-License-Identifier: MIT
 * speech_measures: from the powers of 25 ms frames. The quiet tenth of the frames is taken for the
 * noise, the 90th percentile for the speech; what lies between them tells speech from pauses. These
 * are blind estimates: they rank recordings, they do not calibrate them. */
#include "stages/modality/speech_measures.h"
#include "formats/audiofile.h"
#include "stages/modality/fbank.h"
#include <math.h>
#include <stdlib.h>

#define POWER_FLOOR 1e-10 /* -100 dBFS: below any recording's noise */
#define SPEECH_BELOW 1e-3 /* speech reaches down to 30 dB below the loud frames ... */
#define SPEECH_ABOVE 4.0  /* ... but stays 6 dB above the noise */
#define CLIP_LEVEL 0.97f  /* of the peak: a clipped wave stays there, */
#define CLIP_RUN 3        /* for at least so many samples; a free one rarely does */
#define SPECTRA_MAX 1000  /* spectra taken of one recording, evenly spread */
#define BAND_FRACTION 0.99   /* of the pre-emphasised speech power lies below the bandwidth */

const struct rt_measure rt_speech_measures[RT_SPEECH_MEASURES] = {
    {"snr", "dB", RT_HIGHER, "speech level over the noise in the pauses",
     {{{8, 14}, {0, 0}}}},
    {"clipped", "", RT_LOWER, "share of samples where the wave is cut off at its peak",
     {{{0.05, 0.005}, {0, 0}}}},
    {"activity", "", RT_HIGHER, "share of frames with speech in them",
     {{{0.25, 0.5}, {0, 0}}}},
    {"level", "dBFS", RT_MIDDLE, "mean level of the speech",
     RT_NO_KNEE},
    {"bandwidth", "kHz", RT_HIGHER, "frequency below which nearly all of the speech lies",
     {{{1.2, 2}, {0, 0}}}},
    {"duration", "s", RT_MIDDLE, "length of the recording",
     RT_NO_KNEE},
};

/* ---- levels ----
 * All measures need to know which frames are speech. A detector with a model of its own was not
 * taken: what the data's quality is measured by should not need training data itself. The quiet
 * tenth is noise, what is well above it and not far below the loud frames is speech; a recording
 * without pauses then has a low SNR, which is why the measures rank and do not calibrate. */

struct levels {
    int64_t frames;
    float *power; /* [frames] mean square about the recording's mean */
    double noise, loud, threshold;
};

static int measure_compare_power(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double measure_mean(const float *sample, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += sample[i];
    return sum / (double)count;
}

/* Powers of the fbank's own windows, so that frames mean the same in features and measures. */
static int levels_init(struct levels *l, const float *sample, int64_t count)
{
    l->frames = rt_fbank_frames(count);
    l->power = malloc(2 * (size_t)l->frames * sizeof *l->power);
    if (!l->power)
        return RT_EMEM;
    float mean = (float)measure_mean(sample, count), *sorted = l->power + l->frames;
    for (int64_t t = 0; t < l->frames; t++) {
        float sum = 0;
        for (int i = 0; i < RT_FBANK_WINDOW; i++) {
            float x = sample[t * RT_FBANK_SHIFT + i] - mean;
            sum += x * x;
        }
        sorted[t] = l->power[t] = sum / RT_FBANK_WINDOW;
    }
    qsort(sorted, (size_t)l->frames, sizeof *sorted, measure_compare_power);
    l->noise = fmax(sorted[l->frames / 10], POWER_FLOOR);
    l->loud = fmax(sorted[l->frames - 1 - l->frames / 10], POWER_FLOOR);
    l->threshold = fmax(l->loud * SPEECH_BELOW, l->noise * SPEECH_ABOVE);
    return 0;
}

/* ---- the measures ----
 * The mean of the recording counts as no power, else an offset would pass for noise. Level and
 * activity go together: the level is that of the speech, not of the pauses. */

/* Held above a tenth of the noise: a recording of noise alone has -10 dB and not minus infinity. */
static double measure_snr(const struct levels *l)
{
    return 10 * log10(fmax(l->loud - l->noise, 0.1 * l->noise) / l->noise);
}

/* Fraction of frames with speech and, in *level, their mean level (of all frames when there are none).
 */
static double measure_activity(const struct levels *l, double *level)
{
    double speech = 0, all = 0;
    int64_t active = 0;
    for (int64_t t = 0; t < l->frames; t++) {
        bool on = l->power[t] > l->threshold;
        active += on;
        speech += on ? l->power[t] : 0;
        all += l->power[t];
    }
    double mean = active ? speech / (double)active : all / (double)l->frames;
    *level = 10 * log10(fmax(mean, POWER_FLOOR));
    return (double)active / (double)l->frames;
}

/* By runs at the recording's own peak, not at full scale: what was clipped and then turned down is
 * still clipped. */
static double measure_clipped(const float *sample, int64_t count)
{
    float peak = 0;
    for (int64_t i = 0; i < count; i++)
        peak = fmaxf(peak, fabsf(sample[i]));
    int64_t total = 0, run = 0;
    for (int64_t i = 0; i <= count; i++) {
        if (i < count && fabsf(sample[i]) >= CLIP_LEVEL * peak) {
            run++;
            continue;
        }
        total += run >= CLIP_RUN ? run : 0;
        run = 0;
    }
    return (double)total / (double)count;
}

/* Mean spectrum of the speech less that of the noise, then the frequency below which most of it
 * lies. */
static int measure_bandwidth(const struct levels *l, const float *sample, double *kilohertz)
{
    struct rt_fbank *fbank;
    double speech[RT_FBANK_BINS] = {0}, noise[RT_FBANK_BINS] = {0}, total = 0, below = 0;
    double speech_frames = 0, noise_frames = 0;
    int rc = rt_fbank_create(&fbank, 1);
    if (rc)
        return rc;
    for (int64_t t = 0; t < l->frames; t += 1 + l->frames / SPECTRA_MAX) {
        float power[RT_FBANK_BINS];
        bool is_speech = l->power[t] > l->threshold, is_noise = l->power[t] <= l->noise;
        if (!is_speech && !is_noise)
            continue;
        rt_fbank_power(fbank, sample + t * RT_FBANK_SHIFT, power);
        speech_frames += is_speech;
        noise_frames += is_noise;
        for (int i = 0; i < RT_FBANK_BINS; i++)
            (is_speech ? speech : noise)[i] += power[i];
    }
    rt_fbank_destroy(fbank);
    for (int i = 0; i < RT_FBANK_BINS; i++) { /* without speech: the spectrum of what there is */
        double n = noise[i] / fmax(noise_frames, 1);
        speech[i] = speech_frames > 0 ? fmax(speech[i] / speech_frames - n, 0) : n;
        total += speech[i];
    }
    int bin = 0;
    for (; bin < RT_FBANK_BINS - 1 && (below += speech[bin]) < BAND_FRACTION * total; bin++)
        ;
    *kilohertz = bin * (RT_AUDIO_RATE / 2 / 1000.0) / (RT_FBANK_BINS - 1);
    return 0;
}

int rt_speech_measure(const float *sample, int64_t count, double *value)
{
    struct levels l;
    int rc = levels_init(&l, sample, count);
    if (rc)
        return rc;
    value[0] = measure_snr(&l);
    value[1] = measure_clipped(sample, count);
    value[2] = measure_activity(&l, &value[3]);
    rc = measure_bandwidth(&l, sample, &value[4]);
    value[5] = (double)count / RT_AUDIO_RATE;
    free(l.power);
    return rc;
}
