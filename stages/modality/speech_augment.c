/* SPDX-License-Identifier: MIT
 * speech_augment: what training does to recordings before features are made of them. Any thread. */
#include "stages/modality/speech_augment.h"

#include "formats/audiofile.h"
#include "formats/work.h"
#include "stages/modality/convolve.h"

#include <math.h>
#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

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
INLINE float noise_white(uint64_t u)
{
    return ((float)(u >> 40) + (float)(u >> 16 & 0xffffff)) / 16777216.0f - 1;
}

/* Pink noise is white noise through low-passes an octave and a half apart, each with the same
 * power. They go side by side in a vector, of which two lanes are idle. */
typedef float poles __attribute__((vector_size(32)));

INLINE float noise_pink(float white, poles *state)
{
    static const poles pole = {0.5f, 0.1768f, 0.0625f, 0.0221f, 0.00781f, 0.00276f};
    static const poles gain = {1.0f, 1.68f, 2.83f, 4.76f, 8.0f, 13.5f}; /* about pole ^ -1/2 */
    *state += pole * (white - *state);
    poles part = gain * *state;
    return part[0] + part[1] + part[2] + part[3] + part[4] + part[5];
}

/* Scaled to the recording's own power, so that the SNR is what was drawn, however loud it is. power, other: of x and of
 * the noise, sums over n. */
static void speech_mix(float *x, int64_t n, const float *noise, double power, double other, double snr)
{
    float scale = (float)sqrt(power / (double)n / fmax(other / (double)n, 1e-30) * pow(10, -snr / 10));
    for (int64_t i = 0; i < n; i++)
        x[i] += scale * noise[i];
}

void rt_speech_mix(float *x, int64_t n, const float *noise, double snr)
{
    double power = 0, other = 0;
    for (int64_t i = 0; i < n; i++) {
        power += (double)x[i] * x[i];
        other += (double)noise[i] * noise[i];
    }
    speech_mix(x, n, noise, power, other, snr);
}

/* Each of the sums waits for its own additions only, and pink noise for those of its low-passes: in one loop they wait
 * at the same time. */
INLINE void noise_make(const bool is_pink, struct rt_rng *rng, const float *x, int64_t n, float *noise, double *power,
                       double *other)
{
    double of_x = 0, of_noise = 0;
    poles state = {0};
    for (int64_t i = 0; i < n; i++) {
        float white = noise_white(rt_rng_at(rng->key, rng->counter + (uint64_t)i + 1));
        noise[i] = is_pink ? noise_pink(white, &state) : white;
        of_x += (double)x[i] * x[i];
        of_noise += (double)noise[i] * noise[i];
    }
    rng->counter += (uint64_t)n;
    *power = of_x;
    *other = of_noise;
}

static int speech_add_noise(const struct rt_front *f, struct rt_tensor *raw, double snr, bool is_pink,
                            struct rt_rng *rng)
{
    int64_t n = raw->dim[0];
    double power, other;
    float *noise = rt_work_take(f->work, (size_t)n * sizeof *noise);
    if (!noise)
        return RT_EMEM;
    if (is_pink)
        noise_make(true, rng, raw->data, n, noise, &power, &other);
    else
        noise_make(false, rng, raw->data, n, noise, &power, &other);
    speech_mix(raw->data, n, noise, power, other, snr);
    rt_work_give(f->work, noise);
    return 0;
}

/* ---- recorded noise and rooms ---- */

static int speech_add_sound(const struct rt_front *f, int row, struct rt_tensor *raw, struct rt_rng *rng,
                            struct rt_error *e)
{
    const struct rt_sounds *s = f->sounds;
    int64_t n = raw->dim[0];
    double snr = 0;
    float *noise = rt_work_take(f->work, (size_t)n * sizeof *noise);
    if (!noise)
        return RT_EMEM;
    int rc = s->noise(s->self, row, n, f->augment.snr_low, f->augment.snr_high, rng, noise, &snr, e);
    if (rc == 0)
        rt_speech_mix(raw->data, n, noise, snr);
    rt_work_give(f->work, noise);
    return rc;
}

static int speech_add_room(const struct rt_front *f, struct rt_tensor *raw, struct rt_rng *rng, struct rt_error *e)
{
    float *response = NULL;
    int64_t count = 0;
    RT_TRY(f->sounds->room(f->sounds->self, rng, &response, &count, e));
    int rc = rt_convolve(raw->data, raw->dim[0], response, count, f->work);
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
        RT_TRY(speech_add_noise(f, raw, c.snr, c.is_pink, rng));
    if (a->gain > 0)
        speech_change_gain(raw, c.gain);
    return 0;
}
