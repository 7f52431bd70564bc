/* SPDX-License-Identifier: MIT
 * speech: recordings as the network sees them: log-mel frames (fbank.c), trimmed, cropped or
 * padded, mean-normalised, and what training adds to them. The file formats are
 * formats/audiofile.c's, the measures speech_measures.c's. */
#include "formats/audiofile.h"
#include "formats/work.h"
#include "stages/modality/fbank.h"
#include "stages/modality/modality.h"
#include "stages/modality/speech_augment.h"
#include "stages/modality/speech_measures.h"
#include "stages/modality/whisper.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 16 /* samples that are looked at side by side */
#define TRIM_BLOCK (RT_AUDIO_RATE / 100)
#define TRIM_BELOW 1e-3 /* a block 30 dB below the loudest is silence */
#define TRIM_SIDE 8     /* blocks that are summed side by side */
#define TRIM_MARGIN 5   /* blocks kept on both sides */
#define STEADY 1e-5      /* added to the deviation of a band, so that silence can be divided by it */
#define STEADY_WAVE 1e-7 /* the same to the variance of samples, as wav2vec 2.0 has it */

/* ---- raw: samples at 16 kHz ----
 * What is too short, silent or not finite is refused here, before it is measured or learnt from:
 * such a file is a fault of the data set, and the message says which. The peak is taken from the
 * mean, so that a recording of nothing but an offset counts as silent. */

static double speech_mean(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* The largest of `SIDE` by side: the order of a maximum does not matter, so none waits for the one before. */
static float speech_peak_from(const float *x, int64_t n, double mean)
{
    float middle = (float)mean, most[SIDE] = {0};
    int64_t i = 0;
    for (; i + SIDE <= n; i += SIDE)
        for (int k = 0; k < SIDE; k++) {
            float far = fabsf(x[i + k] - middle);
            most[k] = far > most[k] ? far : most[k];
        }
    for (; i < n; i++)
        most[0] = fmaxf(most[0], fabsf(x[i] - middle));
    for (int k = 1; k < SIDE; k++)
        most[0] = fmaxf(most[0], most[k]);
    return isfinite(mean) ? most[0] : NAN;
}

float rt_speech_peak(const float *x, int64_t n)
{
    return speech_peak_from(x, n, speech_mean(x, n));
}

/* *mean: of its samples. */
static int speech_check_samples(const struct rt_tensor *raw, double *mean, struct rt_error *e)
{
    if (raw->dtype != RT_F32 || raw->rank != 1)
        return rt_error_set(e, RT_EMISMATCH, "speech must be a row of float samples");
    const float *x = raw->data;
    int64_t n = raw->dim[0];
    if (n < RT_SPEECH_SHORTEST)
        return rt_error_set(e, n ? RT_ESHORT : RT_EEMPTY,
                            "%.0f ms of speech; at least 100 ms are needed",
                            (double)n * 1000 / RT_AUDIO_RATE);
    *mean = speech_mean(x, n);
    float peak = speech_peak_from(x, n, *mean);
    if (isnan(peak))
        return rt_error_set(e, RT_ENOTFINITE, "a sample of the speech is not finite");
    if (peak < RT_SPEECH_SILENCE)
        return rt_error_set(e, RT_ESILENT, "nothing above -70 dBFS in %.2f s",
                            (double)n / RT_AUDIO_RATE);
    return 0;
}

static int speech_check_raw(const struct rt_tensor *raw, struct rt_error *e)
{
    double mean;
    return speech_check_samples(raw, &mean, e);
}

/* Any format and rate the decoder reads, as 16 kHz mono; frees *a. */
static int speech_take(struct rt_audio *a, const char *name, struct rt_tensor *raw,
                       struct rt_error *e)
{
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, (int64_t[]){(int64_t)a->count}, a->sample);
    int rc = rt_modality_raw(raw, &t, speech_check_raw, name, e);
    rt_audio_fini(a);
    return rc;
}

static int speech_load(const struct rt_input *in, struct rt_tensor *raw, double *source, struct rt_error *e)
{
    struct rt_audio a;
    *raw = (struct rt_tensor){0};
    RT_TRY(rt_audio_decode(&a, in, source != NULL, e));
    if (source) {
        source[0] = a.source.stops;
        source[1] = a.source.step;
        source[2] = a.source.offset;
        source[3] = a.source.likeness;
    }
    return speech_take(&a, in->name, raw, e);
}

/* ---- features: log-mel frames ----
 * Deterministic and cached on disk, so whatever differs from epoch to epoch (crop, masks) is left
 * to speech_present. The silence at both ends goes first: otherwise a crop of a short word is
 * mostly silence. It is judged by blocks of 10 ms against the loudest of the recording, not by a
 * fixed level, as recordings differ in gain. */

/* Of TRIM_SIDE blocks, each summed in its own order. */
static void speech_block_energies(const float *x, float mean, double energy[TRIM_SIDE])
{
    double sum[TRIM_SIDE] = {0};
    for (int i = 0; i < TRIM_BLOCK; i++)
        for (int b = 0; b < TRIM_SIDE; b++) {
            float d = x[b * TRIM_BLOCK + i] - mean;
            sum[b] += (double)d * d;
        }
    for (int b = 0; b < TRIM_SIDE; b++)
        energy[b] = sum[b] / TRIM_BLOCK;
}

static void speech_find_energies(const float *x, int64_t blocks, float mean, double *energy)
{
    float last[TRIM_SIDE * TRIM_BLOCK] = {0};
    double rest[TRIM_SIDE];
    int64_t b = 0, left = blocks % TRIM_SIDE;
    for (; b + TRIM_SIDE <= blocks; b += TRIM_SIDE)
        speech_block_energies(x + b * TRIM_BLOCK, mean, energy + b);
    memcpy(last, x + b * TRIM_BLOCK, (size_t)left * TRIM_BLOCK * sizeof *x);
    speech_block_energies(last, mean, rest);
    memcpy(energy + b, rest, (size_t)left * sizeof *energy);
}

/* First sample and count of what is left without the silence at both ends; at least 100 ms. RT_EMEM. */
static int speech_trim(const struct rt_front *f, const float *x, int64_t n, double mean, int64_t *first,
                       int64_t *count)
{
    int64_t blocks = n / TRIM_BLOCK, from = blocks, to = 0;
    double peak = 0, *energy = rt_work_take(f->work, (size_t)blocks * sizeof *energy);
    if (!energy)
        return RT_EMEM;
    speech_find_energies(x, blocks, (float)mean, energy);
    for (int64_t b = 0; b < blocks; b++)
        peak = fmax(peak, energy[b]);
    for (int64_t b = 0; b < blocks; b++)
        if (energy[b] >= peak * TRIM_BELOW) {
            from = b < from ? b : from;
            to = b + 1;
        }
    rt_work_give(f->work, energy);
    from = from > TRIM_MARGIN ? from - TRIM_MARGIN : 0;
    to = to + TRIM_MARGIN < blocks ? to + TRIM_MARGIN : blocks;
    int64_t start = from * TRIM_BLOCK, end = to == blocks ? n : to * TRIM_BLOCK;
    if (end - start < RT_SPEECH_SHORTEST) {
        end = start + RT_SPEECH_SHORTEST < n ? start + RT_SPEECH_SHORTEST : n;
        start = end - RT_SPEECH_SHORTEST;
    }
    *first = start;
    *count = end - start;
    return 0;
}

/* Of `count` samples; *base holds as many rows as speech_base_rows says. */
static int speech_fill_base(const struct rt_front *f, const float *sample, int64_t count, float *out)
{
    struct rt_fbank *own = NULL;
    if (f->speech.features == RT_FEATURES_WHISPER)
        return rt_whisper_run(sample, count, f->speech.frames, f->speech.bands, out);
    if (f->speech.features == RT_FEATURES_WAVE) {
        memcpy(out, sample, (size_t)count * sizeof *out);
        return 0;
    }
    if (!f->fbank)
        RT_TRY(rt_front_fbank(f, RT_SPEECH, &own));
    rt_fbank_run(own ? own : f->fbank, sample, count, out);
    rt_fbank_destroy(own);
    return 0;
}

static int64_t speech_base_rows(const struct rt_front *f, int64_t count)
{
    if (f->speech.features == RT_FEATURES_WHISPER)
        return rt_whisper_frames(count, f->speech.frames);
    return f->speech.features == RT_FEATURES_WAVE ? count : rt_fbank_frames(count);
}

static int speech_features(const struct rt_front *f, const struct rt_tensor *raw,
                           struct rt_tensor *base, struct rt_error *e)
{
    *base = (struct rt_tensor){0};
    double mean = 0;
    RT_TRY(speech_check_samples(raw, &mean, e));
    int64_t first = 0, count = raw->dim[0];
    int rc = f->speech.trim ? speech_trim(f, raw->data, raw->dim[0], mean, &first, &count) : 0;
    if (rc == 0)
        rc = rt_work_tensor(f->work, base, RT_F32, 2, (int64_t[]){speech_base_rows(f, count), f->speech.bands});
    if (rc == 0)
        rc = speech_fill_base(f, (const float *)raw->data + first, count, base->data);
    if (rc < 0) {
        rt_work_tensor_fini(f->work, base);
        rt_error_set(e, rc, "out of memory for %d bands of %lld samples", f->speech.bands, (long long)count);
    }
    return rc;
}

/* The number behind the name is that of the algorithm: raised when these features change, so that
 * caches of before are not used. Kaldi's own need no more words, and had none before there were others.
 * A recording as it is, is as quickly read anew. */
static void speech_features_key(const struct rt_front *f, char *text, size_t size)
{
    text[0] = '\0';
    if (f->speech.features == RT_FEATURES_WHISPER)
        snprintf(text, size, "speech 1 whisper bands %d frames %d trim %d", f->speech.bands, f->speech.frames,
                 f->speech.trim);
    if (f->speech.features != RT_FEATURES_FBANK)
        return;
    const struct rt_fbank_settings *s = &f->speech.fbank;
    int used = snprintf(text, size, "speech 1 bands %d trim %d", f->speech.bands, f->speech.trim ? 1 : 0);
    if (!rt_fbank_is_plain(s))
        snprintf(text + used, size - (size_t)used, " %s scale %.9g emphasis %.9g from %.17g to %.17g floor %.9g",
                 rt_window_names[s->window], (double)s->scale, (double)s->emphasis, s->low, s->high, (double)s->floor);
}

/* ---- present: one row of the network's input ----
 * The mean of each band is that of the whole recording (not of the crop): it holds the
 * microphone and the room, not the word. What is missing to the length is 0, which is the mean, and so are
 * masks (SpecAugment). Networks of ours have no division by a deviation: a fixed factor, 0.28, brings log-mels to
 * about 1, as mean-normalised ones deviate by about 3.5. */

static int speech_shape(const struct rt_front *f, int64_t dim[3])
{
    dim[0] = f->speech.frames;
    dim[1] = f->speech.bands;
    return 2;
}

/* `count` masks of 0 (the mean) over rows or columns of out [frames, bands]. */
static void speech_mask(struct rt_rng *rng, int64_t count, int64_t widest, int64_t frames,
                        int64_t bands, bool time, float *out)
{
    int64_t length = time ? frames : bands;
    if (widest > length)
        widest = length;
    for (int64_t m = 0; m < count; m++) {
        int64_t width = rt_rng_below(rng, (uint32_t)widest + 1);
        int64_t start = rt_rng_below(rng, (uint32_t)(length - width) + 1);
        if (time)
            memset(out + start * bands, 0, (size_t)(width * bands) * sizeof *out);
        for (int64_t t = 0; !time && t < frames; t++)
            memset(out + t * bands + start, 0, (size_t)width * sizeof *out);
    }
}

/* What is taken off each band, and what it is then multiplied by: of base [length, bands]. Bands go side by side; each
 * is summed over time in its order. */
static void speech_normalise(const struct rt_front *f, const float *base, int64_t length, float *mean, float *factor)
{
    int64_t bands = f->speech.bands;
    double sum[RT_FBANK_BANDS] = {0}, square[RT_FBANK_BANDS] = {0};
    for (int64_t b = 0; b < bands; b++) {
        mean[b] = 0;
        factor[b] = f->speech.factor;
    }
    if (f->speech.normalise == RT_NORMALISE_NONE)
        return;
    for (int64_t t = 0; t < length; t++)
        for (int64_t b = 0; b < bands; b++)
            sum[b] += base[t * bands + b];
    for (int64_t b = 0; b < bands; b++)
        mean[b] = (float)(sum[b] / (double)length);
    if (f->speech.normalise != RT_NORMALISE_VARIANCE)
        return;
    for (int64_t t = 0; t < length; t++)
        for (int64_t b = 0; b < bands; b++)
            square[b] += pow(base[t * bands + b] - sum[b] / (double)length, 2);
    for (int64_t b = 0; b < bands; b++) {
        double variance = square[b] / (double)length;
        factor[b] = f->speech.features == RT_FEATURES_WAVE ? (float)(1 / sqrt(variance + STEADY_WAVE))
                                                           : (float)(factor[b] / (sqrt(variance) + STEADY));
    }
}

/* Writes the rows [to, to + rows) of out from those of base at `from`. */
static void speech_place(const struct rt_front *f, const float *base, int64_t length, int64_t from, int64_t to,
                         int64_t rows, float *out)
{
    int64_t bands = f->speech.bands;
    float mean[RT_FBANK_BANDS], factor[RT_FBANK_BANDS];
    speech_normalise(f, base, length, mean, factor);
    for (int64_t t = 0; t < rows; t++)
        for (int64_t b = 0; b < bands; b++)
            out[(to + t) * bands + b] =
                ((base[(from + t) * bands + b] - mean[b]) * factor[b] - f->speech.mean) / f->speech.std;
}

/* Before and behind a recording: the mean, or where none is taken off, silence. */
static void speech_fill_empty(const struct rt_front *f, float *out, int64_t count)
{
    bool silence = f->speech.features == RT_FEATURES_FBANK && f->speech.normalise == RT_NORMALISE_NONE;
    float empty = silence ? logf(f->speech.fbank.floor) * f->speech.factor : 0;
    for (int64_t i = 0; i < count; i++)
        out[i] = (empty - f->speech.mean) / f->speech.std;
}

/* Whisper hears the beginning, and silence behind it. */
static void speech_present_whisper(const struct rt_front *f, const struct rt_tensor *base, float *out)
{
    int64_t total = (int64_t)f->speech.frames * f->speech.bands, count = rt_tensor_count(base);
    count = count < total ? count : total;
    memcpy(out, base->data, (size_t)count * sizeof *out);
    for (int64_t i = count; i < total; i++)
        out[i] = RT_WHISPER_SILENCE;
    rt_whisper_scale(out, total);
}

/* Longer recordings are cropped, shorter ones placed among zeros; in the middle, or anywhere while
 * training; at test time also at evenly spaced places from the beginning to the end. */
static int speech_present(const struct rt_front *f, const struct rt_tensor *base,
                          struct rt_rng *rng, float *out)
{
    const struct rt_augment *a = &f->augment;
    int64_t frames = f->speech.frames, bands = f->speech.bands;
    if (base->dtype != RT_F32 || base->rank != 2 || base->dim[1] != bands || base->dim[0] < 1)
        return RT_EMISMATCH;
    if (f->speech.features == RT_FEATURES_WHISPER) {
        speech_present_whisper(f, base, out);
        return 0;
    }
    int64_t length = base->dim[0], slack = length > frames ? length - frames : frames - length;
    int64_t offset = slack / 2;
    if (length > frames && f->speech.crops > 1)
        offset = slack * f->speech.crop / (f->speech.crops - 1);
    if (rng && a->crop)
        offset = rt_rng_below(rng, (uint32_t)slack + 1);
    speech_fill_empty(f, out, length < frames ? frames * bands : 0);
    if (length > frames)
        speech_place(f, base->data, length, offset, 0, frames, out);
    else
        speech_place(f, base->data, length, 0, offset, length, out);
    if (rng) {
        speech_mask(rng, a->time_masks, a->time_width, frames, bands, true, out);
        speech_mask(rng, a->band_masks, a->band_width, frames, bands, false, out);
    }
    return 0;
}

/* Without a file, the recording at 16 kHz is its own source. */
static int speech_measure(const struct rt_tensor *raw, const double *source, double *value,
                          struct rt_error *e)
{
    RT_TRY(speech_check_raw(raw, e));
    struct rt_audio_source seen = {0};
    struct rt_audio_scan *scan = NULL;
    int rc = 0;
    if (source)
        seen = (struct rt_audio_source){source[0], source[1], source[2], source[3]};
    else if ((rc = rt_audio_scan_create(&scan, 1)) == 0) {
        rt_audio_scan_add(scan, raw->data, (size_t)raw->dim[0]);
        seen = rt_audio_scan_result(scan);
    }
    rt_audio_scan_destroy(scan);
    if (rc == 0)
        rc = rt_speech_measure(raw->data, raw->dim[0], &seen, value);
    return rc ? rt_error_set(e, rc, "out of memory for the measures of the speech") : 0;
}

const struct rt_modality rt_modality_speech = {
    .name = "speech",
    .id = RT_SPEECH,
    .load = speech_load,
    .has_source = true,
    .alters = rt_speech_alters,
    .augment = rt_speech_augment,
    .features = speech_features,
    .features_key = speech_features_key,
    .shape = speech_shape,
    .present = speech_present,
    .measure = speech_measure,
    .measures = rt_speech_measures,
    .measure_count = RT_SPEECH_MEASURES,
    .note = {"channels", RT_AUDIO_OPPOSED,
             "channels of opposite polarity would cancel each other, so only the loudest is read"},
    .reading = 1, /* MP3 to its end, chained Ogg, channels that cancel each other */
    .measures_version = 2,
};
