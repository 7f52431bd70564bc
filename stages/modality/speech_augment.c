/* SPDX-License-Identifier: MIT
 * speech_augment: what training does to recordings before features are made of them. Any thread. */
#include "stages/modality/speech_augment.h"

#include "formats/audiofile.h"
#include "stages/modality/convolve.h"

#include <math.h>
#include <stdlib.h>

/* ---- augmentation of raw ----
 * On the wave itself, in the order in which it happens: who speaks speaks faster, in a room, where there is noise, into
 * a microphone: speed changes pitch and tempo together, the room is a convolution, noise is added at a chosen SNR, gain
 * comes last. Only for training, and only for the samples that a setting asks for, since features of a changed wave
 * cannot come from the cache: of a recording that stays as it is they can, and nothing is decoded.
 *
 * Noise without recordings of it is made, white or pink: a run then needs no other data, and pink noise is near what
 * rooms and streets sound like. */

/* Value between b and c, cubic through four neighbours (Catmull-Rom). */
static float speech_interpolate(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/* Plays the recording `factor` times as fast, pitch included; not so fast that it gets too short. */
static int speech_change_speed(struct rt_tensor *raw, double factor)
{
    int64_t n = raw->dim[0];
    if (factor > 1 && (double)n / factor < RT_SPEECH_SHORTEST)
        factor = fmax(1, (double)n / RT_SPEECH_SHORTEST);
    int64_t m = (int64_t)((double)n / factor + 1e-6);
    struct rt_tensor out;
    if (n < 4)
        return 0;
    int rc = rt_tensor_init(&out, RT_F32, 1, &m);
    if (rc)
        return rc;
    const float *x = raw->data;
    float *y = out.data;
    for (int64_t i = 0; i < m; i++) {
        double at = (double)i * factor;
        int64_t k = (int64_t)at < n - 2 ? (int64_t)at : n - 2;
        y[i] = speech_interpolate(x[k > 0 ? k - 1 : 0], x[k], x[k + 1],
                                  x[k + 2 < n ? k + 2 : n - 1], (float)fmin(at - (double)k, 1));
    }
    rt_tensor_fini(raw);
    *raw = out;
    return 0;
}

/* Sum of two uniform numbers: near enough to a bell, and one draw a sample. */
static float noise_white(struct rt_rng *rng)
{
    uint64_t u = rt_rng_u64(rng);
    return ((float)(u >> 40) + (float)(u >> 16 & 0xffffff)) / 16777216.0f - 1;
}

/* Pink noise is white noise through low-passes an octave and a half apart, each with the same
 * power. */
static float noise_pink(struct rt_rng *rng, float state[6])
{
    static const float pole[6] = {0.5f, 0.1768f, 0.0625f, 0.0221f, 0.00781f, 0.00276f};
    static const float gain[6] = {1.0f, 1.68f, 2.83f, 4.76f, 8.0f, 13.5f}; /* about pole ^ -1/2 */
    float white = noise_white(rng), sum = 0;
    for (int k = 0; k < 6; k++) {
        state[k] += pole[k] * (white - state[k]);
        sum += gain[k] * state[k];
    }
    return sum;
}

static double speech_power(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum / (double)n;
}

/* Scaled to the recording's own power, so that the SNR is what was drawn, however loud it is. */
void rt_speech_mix(float *x, int64_t n, const float *noise, double snr)
{
    double scale =
        sqrt(speech_power(x, n) / fmax(speech_power(noise, n), 1e-30) * pow(10, -snr / 10));
    for (int64_t i = 0; i < n; i++)
        x[i] += (float)scale * noise[i];
}

static int speech_add_noise(struct rt_tensor *raw, double snr, bool is_pink, struct rt_rng *rng)
{
    int64_t n = raw->dim[0];
    float *noise = malloc((size_t)n * sizeof *noise), state[6] = {0};
    if (!noise)
        return RT_EMEM;
    for (int64_t i = 0; i < n; i++)
        noise[i] = is_pink ? noise_pink(rng, state) : noise_white(rng);
    rt_speech_mix(raw->data, n, noise, snr);
    free(noise);
    return 0;
}

/* ---- recorded noise and rooms ---- */

static int speech_add_sound(const struct rt_front *f, int row, struct rt_tensor *raw, struct rt_rng *rng,
                            struct rt_error *e)
{
    const struct rt_sounds *s = f->sounds;
    int64_t n = raw->dim[0];
    double snr = 0;
    float *noise = malloc((size_t)n * sizeof *noise);
    if (!noise)
        return RT_EMEM;
    int rc = s->noise(s->self, row, n, f->augment.snr_low, f->augment.snr_high, rng, noise, &snr, e);
    if (rc == 0)
        rt_speech_mix(raw->data, n, noise, snr);
    free(noise);
    return rc;
}

static int speech_add_room(const struct rt_front *f, struct rt_tensor *raw, struct rt_rng *rng, struct rt_error *e)
{
    float *response = NULL;
    int64_t count = 0;
    RT_TRY(f->sounds->room(f->sounds->self, rng, &response, &count, e));
    int rc = rt_convolve(raw->data, raw->dim[0], response, count);
    free(response);
    return rc;
}

/* Louder or softer, not so soft that it counts as silent. */
static void speech_change_gain(struct rt_tensor *raw, double gain)
{
    float *x = raw->data, factor = (float)pow(10, gain / 20);
    float least = 1.01f * RT_SPEECH_SILENCE / rt_speech_peak(x, raw->dim[0]);
    factor = fmaxf(factor, fminf(1, least));
    for (int64_t i = 0; i < raw->dim[0]; i++)
        x[i] *= factor;
}

struct speech_change {
    double speed, gain, snr;
    bool noisy, is_pink, echoes;
    struct rt_rng noises, rooms;
};

/* Every draw is made whether used or not, so that one setting does not shift another's numbers; sounds have numbers of
 * their own, of which there may be any number. */
static struct speech_change change_draw(const struct rt_augment *a, struct rt_rng *rng)
{
    struct speech_change c = {.noises = rt_rng_fork(rng, RT_RNG_NOISE), .rooms = rt_rng_fork(rng, RT_RNG_ROOM)};
    c.speed = rt_rng_range(rng, 1 - a->speed, 1 + a->speed);
    c.gain = rt_rng_range(rng, -a->gain, a->gain);
    c.noisy = rt_rng_unit(rng) < a->noise;
    c.is_pink = rt_rng_unit(rng) < 0.5;
    c.snr = a->snr_low + rt_rng_unit(rng) * (a->snr_high - a->snr_low);
    c.echoes = rt_rng_unit(&c.rooms) < a->rir;
    return c;
}

bool rt_speech_alters(const struct rt_front *f, struct rt_rng *rng)
{
    const struct rt_augment *a = &f->augment;
    if (a->gain <= 0 && a->noise <= 0 && a->speed <= 0 && a->rir <= 0)
        return false;
    if (!rng)
        return true;
    struct speech_change c = change_draw(a, rng);
    return a->gain > 0 || a->speed > 0 || c.noisy || c.echoes;
}

int rt_speech_augment(const struct rt_front *f, int row, struct rt_tensor *raw, struct rt_rng *rng, struct rt_error *e)
{
    const struct rt_augment *a = &f->augment;
    struct speech_change c = change_draw(a, rng);
    if (raw->dtype != RT_F32 || raw->rank != 1 || raw->dim[0] < 1)
        return RT_EMISMATCH;
    if (a->speed > 0)
        RT_TRY(speech_change_speed(raw, c.speed));
    if (c.echoes && f->sounds && f->sounds->rooms)
        RT_TRY(speech_add_room(f, raw, &c.rooms, e));
    if (c.noisy && f->sounds && f->sounds->noises)
        RT_TRY(speech_add_sound(f, row, raw, &c.noises, e));
    else if (c.noisy)
        RT_TRY(speech_add_noise(raw, c.snr, c.is_pink, rng));
    if (a->gain > 0)
        speech_change_gain(raw, c.gain);
    return 0;
}
