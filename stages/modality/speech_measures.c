/* SPDX-License-Identifier: MIT
 * speech_measures: from the powers of 25 ms frames. The quiet tenth of the frames is taken for the
 * noise, the 90th percentile for the speech; what lies between them tells speech from pauses. These
 * are blind estimates: docs/measures.md says how far they follow damage of known strength. */
#include "stages/modality/speech_measures.h"
#include "formats/audiofile.h"
#include "stages/modality/fbank.h"
#include "stages/modality/speech_hum.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POWER_FLOOR 1e-10 /* -100 dBFS: below any recording's noise */
#define SPEECH_BELOW 1e-3 /* speech reaches down to 30 dB below the loud frames ... */
#define SPEECH_ABOVE 4.0  /* ... but stays 6 dB above the noise */
#define SPECTRA_MAX 1000  /* spectra taken of one recording, evenly spread */
#define BAND_FRACTION 0.99   /* of the pre-emphasised speech power lies below the bandwidth */
#define BAND_ABOVE 2.0  /* speech is where the spectrum is so many times that of the noise */
#define BAND_QUIET 1.5  /* frames up to so many times the noise are averaged for its spectrum */
#define BAND_SMOOTH 6   /* bins on either side: the noise is known from a few frames only */
#define HELD 80         /* samples, 5 ms: a wave that does not move for so long is not sound */
#define HELD_STEPS 1.5  /* it moves by at most so many quantisation steps */
#define FRAMES_MIN 5    /* fewer frames of sound: no noise can be told from them */
#define APART 0.1       /* noise at least 10 dB below the speech can be told from soft speech */
#define GAP_EDGE 160    /* samples, 10 ms, on both sides of a gap that hold speech ... */
#define GAP_SPEECH 1e-2 /* ... no more than 20 dB below the loud frames */
#define GAP_LONGEST 8000 /* samples; half a second of nothing is a pause */

const struct rt_measure rt_speech_measures[RT_SPEECH_MEASURES] = {
    {"snr", "dB", RT_HIGHER, "speech level over the noise in the pauses",
     {{{8, 14}, {0, 0}}}},
    {"clipped", "", RT_LOWER, "share of samples where the wave is cut off, in the file itself",
     {{{0.3, 0.15}, {0, 0}}}},
    {"activity", "", RT_HIGHER, "share of frames with speech in them",
     {{{0.25, 0.5}, {0, 0}}}},
    {"level", "dBFS", RT_MIDDLE, "mean level of the speech",
     RT_NO_KNEE},
    {"bandwidth", "kHz", RT_HIGHER, "frequency below which nearly all of the speech lies",
     {{{0.9, 1.3}, {0, 0}}}},
    {"duration", "s", RT_MIDDLE, "length of the recording",
     RT_NO_KNEE},
    {"gaps", "", RT_LOWER, "share of the speech that is lost in dropouts",
     RT_NO_KNEE},
    {"dc", "", RT_LOWER, "offset of the wave, as a part of full scale",
     RT_NO_KNEE},
    {"hum", "dB", RT_LOWER, "mains hum (50 or 60 Hz and harmonics) over the loud speech",
     RT_NO_KNEE},
    {"channels", "", RT_HIGHER, "likeness of the channels: 1 alike or one, 0 silent, -1 inverted; below -0.5 the "
     "loudest is read alone",
     RT_NO_KNEE},
};

/* ---- levels ----
 * All measures need to know which frames are speech. A detector with a model of its own was not
 * taken: what the data's quality is measured by should not need training data itself. The quiet
 * tenth is noise, what is well above it and not far below the loud frames is speech; a recording
 * without pauses then has a low SNR.
 *
 * Where the wave does not move at all nothing was recorded: an editor put zeros there, or packets
 * were lost, or the noise is below the last bit. Such frames say nothing about the noise and are not
 * among those that the quiet tenth is taken of. Where all pauses are of that kind, as in a synthetic
 * voice, what is left is speech alone: then the noise is not known, and its quiet tenth must not pass for
 * it. */

struct levels {
    int64_t frames;
    float *power;   /* [frames] mean square about the recording's mean */
    uint8_t *held;  /* [frames] 1: some of it does not move */
    bool has_noise; /* there are frames of sound enough to tell it */
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

/* First sample after `from` of the stretch that stays within reach of sample[from]. */
static int64_t held_end(const float *sample, int64_t count, int64_t from, double reach)
{
    int64_t end = from + 1;
    while (end < count && fabs((double)sample[end] - sample[from]) <= reach)
        end++;
    return end;
}

static void levels_mark_held(struct levels *l, const float *sample, int64_t count, double step)
{
    for (int64_t from = 0, end; from < count; from = end) {
        end = held_end(sample, count, from, HELD_STEPS * step);
        if (end - from < HELD)
            continue;
        int64_t first = (from - RT_FBANK_WINDOW) / RT_FBANK_SHIFT + 1;
        for (int64_t t = first < 0 ? 0 : first; t < l->frames && t * RT_FBANK_SHIFT < end; t++)
            l->held[t] = 1;
    }
}

/* Noise and speech from the frames in sorted[0..n), which are put in order. */
static void levels_find(struct levels *l, float *sorted, int64_t n, double step)
{
    qsort(sorted, (size_t)n, sizeof *sorted, measure_compare_power);
    l->noise = fmax(sorted[n / 10], fmax(POWER_FLOOR, step * step / 12));
    l->loud = fmax(sorted[n - 1 - n / 10], POWER_FLOOR);
    l->threshold = fmax(l->loud * SPEECH_BELOW, l->noise * SPEECH_ABOVE);
}

/* Frames that do not move between the first and the last that do are a tenth of all there or more. */
static bool levels_has_holes(const struct levels *l)
{
    int64_t from = 0, to = l->frames, held = 0;
    while (from < to && l->held[from])
        from++;
    while (to > from && l->held[to - 1])
        to--;
    for (int64_t t = from; t < to; t++)
        held += l->held[t];
    return held * 10 >= to - from;
}

static double frame_power(const float *x, float mean)
{
    float sum = 0;
    for (int i = 0; i < RT_FBANK_WINDOW; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum / RT_FBANK_WINDOW;
}

/* Powers of the fbank's own windows, so that frames mean the same in features and measures. */
static int levels_init(struct levels *l, const float *sample, int64_t count, double step)
{
    l->frames = rt_fbank_frames(count);
    l->power = malloc((size_t)l->frames * (2 * sizeof *l->power + 1));
    if (!l->power)
        return RT_EMEM;
    float mean = (float)measure_mean(sample, count), *sorted = l->power + l->frames;
    l->held = (uint8_t *)(sorted + l->frames);
    memset(l->held, 0, (size_t)l->frames);
    levels_mark_held(l, sample, count, step);
    int64_t sound = 0;
    for (int64_t t = 0; t < l->frames; t++) {
        l->power[t] = (float)frame_power(sample + t * RT_FBANK_SHIFT, mean);
        if (!l->held[t])
            sorted[sound++] = l->power[t];
    }
    l->has_noise = sound >= FRAMES_MIN;
    if (l->has_noise) {
        levels_find(l, sorted, sound, step);
        l->has_noise = l->noise < l->loud * APART || !levels_has_holes(l);
    }
    if (!l->has_noise) {
        memcpy(sorted, l->power, (size_t)l->frames * sizeof *sorted);
        levels_find(l, sorted, l->frames, step);
    }
    return 0;
}

/* ---- snr, activity and level ----
 * The mean of the recording counts as no power, else an offset would pass for noise. Level and
 * activity go together: the level is that of the speech, not of the pauses. */

/* By the loud frames, which lie 4.8 dB above the mean power of a recording: docs/measures.md. Held above a
 * tenth of the noise: a recording of noise alone has -10 dB and not minus infinity. */
static double measure_snr(const struct levels *l)
{
    if (!l->has_noise)
        return NAN;
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

/* ---- bandwidth ----
 * Mean spectrum of the speech against that of the noise. Taking the one from the other is not enough:
 * what is left of the noise is small in each bin but adds up to the top of the spectrum, and more noise
 * then looks like more bandwidth. A bin counts only where the speech stands out. */

struct spectra {
    double speech[RT_FBANK_BINS], noise[RT_FBANK_BINS];
    double speech_frames, noise_frames;
};

static int spectra_take(struct spectra *s, const struct levels *l, const float *sample)
{
    struct rt_fbank *fbank;
    RT_TRY(rt_fbank_create(&fbank, 1, NULL));
    for (int64_t t = 0; t < l->frames; t += 1 + l->frames / SPECTRA_MAX) {
        float power[RT_FBANK_BINS];
        bool is_speech = l->power[t] > l->threshold;
        bool is_noise = l->power[t] <= BAND_QUIET * l->noise && !(l->has_noise && l->held[t]);
        if (!is_speech && !is_noise)
            continue;
        rt_fbank_power(fbank, sample + t * RT_FBANK_SHIFT, power);
        s->speech_frames += is_speech;
        s->noise_frames += is_noise;
        for (int i = 0; i < RT_FBANK_BINS; i++)
            (is_speech ? s->speech : s->noise)[i] += power[i];
    }
    rt_fbank_destroy(fbank);
    return 0;
}

/* Mean of the bins around i, per frame. */
static double spectra_smooth(const double *bin, int i, double frames)
{
    int from = i < BAND_SMOOTH ? 0 : i - BAND_SMOOTH;
    int to = i + BAND_SMOOTH < RT_FBANK_BINS ? i + BAND_SMOOTH : RT_FBANK_BINS - 1;
    double sum = 0;
    for (int k = from; k <= to; k++)
        sum += bin[k];
    return sum / ((to - from + 1) * fmax(frames, 1));
}

/* Power of the emptiest fifth of the bands of what was taken for noise. */
static double spectra_least(const struct spectra *s)
{
    float bin[RT_FBANK_BINS];
    for (int i = 0; i < RT_FBANK_BINS; i++)
        bin[i] = (float)spectra_smooth(s->noise, i, s->noise_frames);
    qsort(bin, RT_FBANK_BINS, sizeof *bin, measure_compare_power);
    return bin[RT_FBANK_BINS / 5];
}

static int measure_bandwidth(const struct levels *l, const float *sample, double *kilohertz)
{
    struct spectra s = {0};
    double own[RT_FBANK_BINS], total = 0, below = 0;
    RT_TRY(spectra_take(&s, l, sample));
    double least = spectra_least(&s);
    for (int i = 0; i < RT_FBANK_BINS; i++) {
        double noise = spectra_smooth(s.noise, i, s.noise_frames);
        double speech = spectra_smooth(s.speech, i, s.speech_frames);
        if (s.speech_frames == 0) { /* no pauses: the noise is what the emptiest bands hold */
            speech = noise;
            noise = least;
        }
        double here = (s.speech_frames > 0 ? s.speech[i] : s.noise[i]) /
                      fmax(s.speech_frames > 0 ? s.speech_frames : s.noise_frames, 1);
        own[i] = speech > BAND_ABOVE * noise ? fmax(here - noise, 0) : 0;
        total += own[i];
    }
    int bin = 0;
    for (; bin < RT_FBANK_BINS - 1 && (below += own[bin]) < BAND_FRACTION * total; bin++)
        ;
    *kilohertz = bin * (RT_AUDIO_RATE / 2 / 1000.0) / (RT_FBANK_BINS - 1);
    return 0;
}

/* ---- gaps ----
 * A dropout is a stretch that does not move between two stretches of speech. Speech ends and begins
 * softly even where an editor has silenced the pauses, so loud sound right up to both edges tells the
 * one from the other. */

static double measure_power(const float *sample, int64_t count, double mean)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (sample[i] - mean) * (sample[i] - mean);
    return sum / (double)count;
}

static double measure_gaps(const struct levels *l, const float *sample, int64_t count, double step,
                           double activity)
{
    double mean = measure_mean(sample, count), least = l->loud * GAP_SPEECH;
    int64_t lost = 0;
    for (int64_t from = 0, end; from < count; from = end) {
        end = held_end(sample, count, from, HELD_STEPS * step);
        if (end - from < HELD || end - from > GAP_LONGEST || from < GAP_EDGE || end + GAP_EDGE > count)
            continue;
        if (measure_power(sample + from - GAP_EDGE, GAP_EDGE, mean) > least &&
            measure_power(sample + end, GAP_EDGE, mean) > least)
            lost += end - from;
    }
    return (double)lost / fmax(activity * (double)count, (double)lost + 1);
}

int rt_speech_measure(const float *sample, int64_t count, const struct rt_audio_source *source,
                      double *value)
{
    struct levels l;
    RT_TRY(levels_init(&l, sample, count, source->step));
    value[0] = measure_snr(&l);
    value[1] = source->stops;
    value[2] = measure_activity(&l, &value[3]);
    int rc = measure_bandwidth(&l, sample, &value[4]);
    value[5] = (double)count / RT_AUDIO_RATE;
    value[6] = measure_gaps(&l, sample, count, source->step, value[2]);
    value[7] = source->offset;
    value[8] = rt_speech_hum(sample, count, l.loud);
    value[9] = source->likeness;
    free(l.power);
    return rc;
}
