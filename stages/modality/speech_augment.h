/* SPDX-License-Identifier: MIT
 * speech_augment: what training does to a recording (speed, a room, noise, gain); and what of it may still be used. */
#ifndef RT_SPEECH_AUGMENT_H
#define RT_SPEECH_AUGMENT_H

#include "formats/audiofile.h"
#include "formats/rng.h"
#include "formats/tensor.h"
#include "stages/modality/front.h"
#include "stages/modality/sounds.h"

#define RT_SPEECH_SHORTEST (RT_AUDIO_RATE / 10) /* 100 ms */
#define RT_SPEECH_SILENCE 3.1623e-4f            /* -70 dBFS */

/* alters and augment of the speech modality (modality.h). */
bool rt_speech_alters(const struct rt_front *f, struct rt_rng *rng);
int rt_speech_augment(const struct rt_front *f, int row, struct rt_tensor *raw, struct rt_rng *rng, struct rt_error *e);

/* Adds noise [n] to x [n] so that the power of x over that of the noise is snr dB. */
void rt_speech_mix(float *x, int64_t n, const float *noise, double snr);

/* Largest distance from the mean (speech.c); NaN when a sample is not finite. */
float rt_speech_peak(const float *x, int64_t n);

#endif
