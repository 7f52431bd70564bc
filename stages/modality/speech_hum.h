/* SPDX-License-Identifier: MIT
 * speech_hum: hum of the mains in a recording. One of the measures of speech_measures.c; a pure
 * function, any thread. */
#ifndef RT_SPEECH_HUM_H
#define RT_SPEECH_HUM_H

#include <stdint.h>

/* sample: 16 kHz. Power of the lines at 50 or 60 Hz (whichever is stronger) and their harmonics over
 * `speech`, the power of the speech, in dB; not below -80. NaN for less than 0.2 s. */
double rt_speech_hum(const float *sample, int64_t count, double speech);

#endif
