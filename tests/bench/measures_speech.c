/* SPDX-License-Identifier: MIT
 * measures_speech: see measures_curves.h. Each recording is damaged, written as a file in memory at the
 * rate in question, and read back, so that what is measured is what a user's file would give. */
#include "formats/audiofile.h"
#include "tests/bench/measures_curves.h"
#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rt_modality *const speech = &rt_modality_speech;

struct wave {
    float *x; /* [n * channels] */
    int64_t n;
    int rate, channels;
};

static struct wave wave_of(const struct rt_tensor *item, int rate)
{
    struct wave w = {.n = item->dim[0] * rate / RT_AUDIO_RATE, .rate = rate, .channels = 1};
    w.x = calloc((size_t)w.n + 1, sizeof *w.x);
    size_t used, made = 0;
    if (rate == RT_AUDIO_RATE)
        memcpy(w.x, item->data, (size_t)w.n * sizeof *w.x);
    else if (soxr_oneshot(RT_AUDIO_RATE, rate, 1, item->data, (size_t)item->dim[0], &used, w.x, (size_t)w.n,
                          &made, NULL, NULL, NULL))
        abort();
    float peak = 1e-9f;
    for (int64_t i = 0; i < w.n; i++)
        peak = fmaxf(peak, fabsf(w.x[i]));
    for (int64_t i = 0; i < w.n; i++)
        w.x[i] *= 0.7f / peak;
    return w;
}

/* A file in memory, for libsndfile to write to. */
struct bytes {
    uint8_t *data;
    sf_count_t size, room, at;
};

static sf_count_t bytes_length(void *u)
{
    return ((struct bytes *)u)->size;
}

static sf_count_t bytes_tell(void *u)
{
    return ((struct bytes *)u)->at;
}

static sf_count_t bytes_seek(sf_count_t offset, int whence, void *u)
{
    struct bytes *b = u;
    return b->at = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? b->at : b->size);
}

static sf_count_t bytes_read(void *out, sf_count_t count, void *u)
{
    struct bytes *b = u;
    if (count > b->size - b->at)
        count = b->size - b->at;
    memcpy(out, b->data + b->at, (size_t)count);
    b->at += count;
    return count;
}

static sf_count_t bytes_write(const void *in, sf_count_t count, void *u)
{
    struct bytes *b = u;
    while (b->at + count > b->room) {
        b->room = b->room ? 2 * b->room : 1 << 16;
        b->data = realloc(b->data, (size_t)b->room);
        if (!b->data)
            abort();
    }
    memcpy(b->data + b->at, in, (size_t)count);
    b->at += count;
    b->size = b->at > b->size ? b->at : b->size;
    return count;
}

/* Written in the format, read back and measured; frees w. False where libsndfile cannot write it. */
static bool wave_measure(struct wave w, int format, double *value)
{
    static SF_VIRTUAL_IO io = {bytes_length, bytes_seek, bytes_read, bytes_write, bytes_tell};
    struct bytes b = {0};
    SF_INFO info = {.samplerate = w.rate, .channels = w.channels, .format = format};
    SNDFILE *f = sf_open_virtual(&io, SFM_WRITE, &info, &b);
    bool is_written = f != NULL;
    if (f) {
        sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
        sf_writef_float(f, w.x, w.n);
        sf_close(f);
    }
    free(w.x);
    struct rt_tensor raw = {0};
    struct rt_error e = {0};
    double source[RT_SOURCE_MAX];
    if (is_written) {
        int rc = speech->load(&RT_INPUT(b.data, (size_t)b.size, "planted"), &raw, source, &e);
        if (rc == 0)
            rc = speech->measure(&raw, source, value, &e);
        if (rc) {
            fprintf(stderr, "planted: %s\n", e.text);
            abort();
        }
    }
    rt_tensor_fini(&raw);
    free(b.data);
    return is_written;
}

#define WAV (SF_FORMAT_WAV | SF_FORMAT_PCM_16)
#define MP3 (SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III)
#define OGG (SF_FORMAT_OGG | SF_FORMAT_VORBIS)

/* ---- clipping: the strength is the fraction of the samples that lies on the stops ---- */

static int compare_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void wave_clip(struct wave *w, double fraction, bool is_one_sided)
{
    float *sorted = malloc((size_t)w->n * sizeof *sorted);
    if (!sorted)
        abort();
    for (int64_t i = 0; i < w->n; i++)
        sorted[i] = is_one_sided ? w->x[i] : fabsf(w->x[i]);
    qsort(sorted, (size_t)w->n, sizeof *sorted, compare_float);
    int64_t at = (int64_t)((double)w->n * (1 - fraction));
    float stop = sorted[at < w->n ? at : w->n - 1];
    for (int64_t i = 0; i < w->n; i++) {
        w->x[i] = fminf(w->x[i], stop);
        w->x[i] = is_one_sided ? w->x[i] : fmaxf(w->x[i], -stop);
    }
    free(sorted);
}

static void wave_gain(struct wave *w, float gain, float offset)
{
    for (int64_t i = 0; i < w->n * w->channels; i++)
        w->x[i] = w->x[i] * gain + offset;
}

/* A clipped wave fills full scale. */
static struct wave wave_clipped(const struct rt_tensor *item, int rate, double fraction,
                                bool is_one_sided)
{
    struct wave w = wave_of(item, rate);
    float peak = 1e-9f;
    wave_clip(&w, fraction, is_one_sided);
    for (int64_t i = 0; i < w.n; i++)
        peak = fmaxf(peak, fabsf(w.x[i]));
    wave_gain(&w, 0.8f / peak, 0);
    return w;
}

static bool clip_16k(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return wave_measure(wave_clipped(item, 16000, s, false), WAV, value);
}

static bool clip_44k(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return wave_measure(wave_clipped(item, 44100, s, false), WAV, value);
}

static bool clip_soft(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_clipped(item, 48000, s, false);
    wave_gain(&w, 0.0437f, 0);
    return wave_measure(w, WAV, value);
}

static bool clip_one_side(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return wave_measure(wave_clipped(item, 44100, s, true), WAV, value);
}

static bool clip_offset(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_clipped(item, 44100, s, false);
    wave_gain(&w, 1, 0.1f);
    return wave_measure(w, WAV, value);
}

static bool clip_mp3(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return wave_measure(wave_clipped(item, 44100, s, false), MP3, value);
}

static bool clip_vorbis(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    return wave_measure(wave_clipped(item, 44100, s, false), OGG, value);
}

static bool clip_resampled(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_clipped(item, 44100, s, false);
    struct wave y = {.n = w.n * 16000 / 44100, .rate = 16000, .channels = 1};
    size_t used, made;
    y.x = calloc((size_t)y.n + 1, sizeof *y.x);
    soxr_oneshot(44100, 16000, 1, w.x, (size_t)w.n, &used, y.x, (size_t)y.n, &made, NULL, NULL, NULL);
    free(w.x);
    return wave_measure(y, WAV, value);
}

/* ---- noise: the strength is the SNR of the mixture in dB, over the whole recording ---- */

#define BABBLE 6
static const struct rt_tensor *babble;
static int babble_count;

void speech_babble(const struct rt_tensor *item, int count)
{
    babble = item;
    babble_count = count;
}

static void wave_mix(struct wave *w, const float *noise, double snr)
{
    double p = 1e-20, q = 1e-20;
    for (int64_t i = 0; i < w->n; i++) {
        p += (double)w->x[i] * w->x[i];
        q += (double)noise[i] * noise[i];
    }
    float gain = (float)sqrt(p / q * pow(10, -snr / 10)), peak = 0.7f;
    for (int64_t i = 0; i < w->n; i++) {
        w->x[i] += gain * noise[i];
        peak = fmaxf(peak, fabsf(w->x[i]));
    }
    wave_gain(w, 0.7f / peak, 0);
}

static void noise_fill(float *noise, int64_t n, int number, bool is_babble)
{
    struct rt_rng rng = rt_rng_init(1, 1, (uint64_t)number, RT_RNG_TEST);
    memset(noise, 0, (size_t)n * sizeof *noise);
    for (int64_t i = 0; i < n && !is_babble; i++)
        noise[i] = (float)rt_rng_normal(&rng);
    for (int k = 1; k <= BABBLE && is_babble; k++) {
        const struct rt_tensor *t = &babble[(number + k) % babble_count];
        const float *x = t->data;
        int64_t from = rt_rng_below(&rng, (uint32_t)t->dim[0]);
        double power = 1e-20;
        for (int64_t i = 0; i < t->dim[0]; i++)
            power += (double)x[i] * x[i] / (double)t->dim[0];
        for (int64_t i = 0; i < n; i++)
            noise[i] += x[(from + i) % t->dim[0]] / (float)sqrt(power);
    }
}

static struct wave wave_noisy(const struct rt_tensor *item, int number, double snr, bool is_babble)
{
    struct wave w = wave_of(item, 16000);
    float *noise = malloc((size_t)w.n * sizeof *noise);
    if (!noise)
        abort();
    noise_fill(noise, w.n, number, is_babble);
    wave_mix(&w, noise, snr);
    free(noise);
    return w;
}

static bool noise_white(const struct rt_tensor *item, int number, double s, double *value)
{
    return wave_measure(wave_noisy(item, number, s, false), WAV, value);
}

static bool noise_babble(const struct rt_tensor *item, int number, double s, double *value)
{
    return wave_measure(wave_noisy(item, number, s, true), WAV, value);
}

/* A second of digital silence on both sides of the noisy recording. */
static bool noise_padded(const struct rt_tensor *item, int number, double s, double *value)
{
    struct wave w = wave_noisy(item, number, s, false);
    float *x = calloc((size_t)w.n + 32000, sizeof *x);
    if (!x)
        abort();
    memcpy(x + 16000, w.x, (size_t)w.n * sizeof *x);
    free(w.x);
    w.x = x;
    w.n += 32000;
    return wave_measure(w, WAV, value);
}

/* ---- others ---- */

/* Zeros in stretches of 40 ms; the strength is the fraction of those with speech in them. */
static void wave_drop(struct wave *w, int number, double fraction)
{
    struct rt_rng rng = rt_rng_init(1, 2, (uint64_t)number, RT_RNG_TEST);
    int64_t length = w->rate / 25, loud[4096];
    int count = 0;
    double power[4096] = {0}, most = 0;
    int64_t blocks = w->n / length < 4096 ? w->n / length : 4096;
    for (int64_t b = 0; b < blocks; b++) {
        for (int64_t i = 0; i < length; i++)
            power[b] += (double)w->x[b * length + i] * w->x[b * length + i];
        most = fmax(most, power[b]);
    }
    for (int64_t b = 1; b + 1 < blocks; b++)
        if (fmin(power[b], fmin(power[b - 1], power[b + 1])) > 0.02 * most)
            loud[count++] = b;
    for (int left = (int)lrint(fraction * count); left > 0; left--) {
        int at = (int)rt_rng_below(&rng, (uint32_t)count);
        memset(w->x + loud[at] * length, 0, (size_t)length * sizeof *w->x);
        loud[at] = loud[--count];
    }
}

static bool drop_16k(const struct rt_tensor *item, int number, double s, double *value)
{
    struct wave w = wave_of(item, 16000);
    wave_drop(&w, number, s);
    return wave_measure(w, WAV, value);
}

static bool drop_44k(const struct rt_tensor *item, int number, double s, double *value)
{
    struct wave w = wave_of(item, 44100);
    wave_drop(&w, number, s);
    return wave_measure(w, WAV, value);
}

/* White noise at 10 dB, then dropouts: the noise is still there. */
static bool drop_noisy(const struct rt_tensor *item, int number, double s, double *value)
{
    struct wave w = wave_noisy(item, number, 10, false);
    wave_drop(&w, number, s);
    return wave_measure(w, WAV, value);
}

static bool few_bits(const struct rt_tensor *item, int number, double bits, double *value)
{
    (void)number;
    struct wave w = wave_of(item, 16000);
    float scale = powf(2, (float)bits - 1);
    for (int64_t i = 0; i < w.n; i++)
        w.x[i] = rintf(w.x[i] * scale) / scale;
    return wave_measure(w, WAV, value);
}

static bool offset(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_of(item, 16000);
    wave_gain(&w, 0.9f, (float)s);
    return wave_measure(w, WAV, value);
}

static bool louder(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_of(item, 16000);
    wave_gain(&w, (float)pow(10, s / 20), 0);
    return wave_measure(w, WAV, value);
}

/* Two harmonics beside the fundamental; the strength is their power over the recording's, in dB. */
static bool hum_at(const struct rt_tensor *item, int number, double s, double *value, double mains)
{
    struct wave w = wave_of(item, 16000);
    float *hum = malloc((size_t)w.n * sizeof *hum);
    if (!hum)
        abort();
    for (int64_t i = 0; i < w.n; i++) {
        double t = 2 * M_PI * mains * (double)i / w.rate + number;
        hum[i] = (float)(sin(t) + 0.5 * sin(2 * t) + 0.7 * sin(3 * t));
    }
    wave_mix(&w, hum, -s);
    free(hum);
    return wave_measure(w, WAV, value);
}

static bool hum_50(const struct rt_tensor *item, int number, double s, double *value)
{
    return hum_at(item, number, s, value, 50);
}

static bool hum_60(const struct rt_tensor *item, int number, double s, double *value)
{
    return hum_at(item, number, s, value, 60);
}

/* The second channel is `gain` times the first. */
static bool second_channel(const struct rt_tensor *item, int number, double gain, double *value)
{
    (void)number;
    struct wave w = wave_of(item, 16000), two = {.n = w.n, .rate = w.rate, .channels = 2};
    two.x = malloc(2 * (size_t)w.n * sizeof *two.x);
    if (!two.x)
        abort();
    for (int64_t i = 0; i < w.n; i++) {
        two.x[2 * i] = w.x[i];
        two.x[2 * i + 1] = (float)gain * w.x[i];
    }
    free(w.x);
    return wave_measure(two, WAV, value);
}

/* Windowed sinc of 201 taps: steep enough that the cut is the bandwidth. */
static void wave_lowpass(struct wave *w, double kilohertz)
{
    enum { TAPS = 201 };
    double tap[TAPS], f = kilohertz * 1000 / w->rate;
    float *y = calloc((size_t)w->n, sizeof *y);
    if (!y)
        abort();
    for (int k = 0; k < TAPS; k++) {
        double t = k - TAPS / 2;
        tap[k] = (t == 0 ? 2 * f : sin(2 * M_PI * f * t) / (M_PI * t)) *
                 (0.54 + 0.46 * cos(2 * M_PI * t / TAPS));
    }
    for (int64_t i = 0; i < w->n; i++)
        for (int k = 0; k < TAPS; k++) {
            int64_t at = i + k - TAPS / 2;
            y[i] += at >= 0 && at < w->n ? (float)tap[k] * w->x[at] : 0;
        }
    free(w->x);
    w->x = y;
}

static bool lowpass(const struct rt_tensor *item, int number, double s, double *value)
{
    (void)number;
    struct wave w = wave_of(item, 16000);
    wave_lowpass(&w, s);
    return wave_measure(w, WAV, value);
}

static bool lowpass_noisy(const struct rt_tensor *item, int number, double s, double *value)
{
    struct wave w = wave_of(item, 16000);
    float *noise = malloc((size_t)w.n * sizeof *noise);
    if (!noise)
        abort();
    noise_fill(noise, w.n, number, false);
    wave_lowpass(&w, s);
    wave_mix(&w, noise, 20);
    free(noise);
    return wave_measure(w, WAV, value);
}

/* All but a stretch in the middle is a whisper of noise. */
static bool muted(const struct rt_tensor *item, int number, double kept, double *value)
{
    struct wave w = wave_of(item, 16000);
    struct rt_rng rng = rt_rng_init(1, 3, (uint64_t)number, RT_RNG_TEST);
    int64_t from = (int64_t)((double)w.n * (0.5 - kept / 2)), to = w.n - from;
    for (int64_t i = 0; i < w.n; i++)
        if (i < from || i >= to)
            w.x[i] = (float)rt_rng_normal(&rng) * 6e-4f;
    return wave_measure(w, WAV, value);
}

#define CLIP {0, .005, .01, .02, .05, .1, .2, .4}, 8, 1, BOTH
#define SNR {-5, 0, 5, 10, 15, 20}, 6, 1
#define BAND {.7, 1, 1.4, 2, 2.8}, 5, 1

const struct ladder speech_ladders[] = {
    {"clipped", "clipped at 16 kHz", CLIP, clip_16k},
    {"clipped", "at 44.1 kHz", CLIP, clip_44k},
    {"clipped", "at 48 kHz, then 27 dB down", CLIP, clip_soft},
    {"clipped", "at 44.1 kHz, one side", CLIP, clip_one_side},
    {"clipped", "at 44.1 kHz, then an offset of 0.1", CLIP, clip_offset},
    {"clipped", "at 44.1 kHz, then MP3", CLIP, clip_mp3},
    {"clipped", "at 44.1 kHz, then Ogg Vorbis", CLIP, clip_vorbis},
    {"clipped", "at 44.1 kHz, then to 16 kHz", CLIP, clip_resampled},
    {"snr", "white noise, dB", SNR, BOTH, noise_white},
    {"snr", "white noise, dB, where the recording's own is seen", {15, 20, 25, 30}, 4, 1, FREE, noise_white},
    {"snr", "babble of six, dB", SNR, FREE, noise_babble},
    {"snr", "white noise, zeros around it, dB", SNR, BOTH, noise_padded},
    {"activity", "fraction that is left", {.1, .2, .3, .4, .5, .7}, 6, 1, BOTH, muted},
    {"level", "gain, dB", {-30, -20, -10, -5, 0}, 5, 1, BOTH, louder},
    {"bandwidth", "low-pass, kHz", BAND, BOTH, lowpass},
    {"bandwidth", "low-pass, white noise at 20 dB, kHz", BAND, BOTH, lowpass_noisy},
    {"gaps", "dropouts at 16 kHz", {0, .05, .1, .2, .3, .4}, 6, 1, BOTH, drop_16k},
    {"gaps", "dropouts at 44.1 kHz", {0, .05, .1, .2, .3, .4}, 6, 1, BOTH, drop_44k},
    {"dc", "offset", {0, .01, .02, .05, .1, .2}, 6, 1, BOTH, offset},
    {"hum", "50 Hz, dB", {-25, -20, -15, -10, -5, 0}, 6, 1, BOTH, hum_50},
    {"hum", "60 Hz, dB", {-25, -20, -15, -10, -5, 0}, 6, 1, BOTH, hum_60},
    {"channels", "gain of the second", {-.9, -.5, 0, .3, .7, 1}, 6, 1, BOTH, second_channel},
    {0},
};

const struct reward speech_rewards[] = {
    {"snr", "white noise at 10 dB, zeros around it", 10, 10, -3, 3, false, noise_white, noise_padded},
    {"snr", "white noise at 10 dB, 10 % dropouts", 10, .1, -3, 3, false, noise_white, drop_noisy},
    {"snr", "6 bits", 16, 6, -99, 3, false, few_bits, few_bits},
    {0},
};
