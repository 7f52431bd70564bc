/* SPDX-License-Identifier: MIT
 * whisper: log-mel frames of 16 kHz speech as Whisper's encoder hears them: windows of 25 ms (Hann, periodic) around
 * every 10 ms, the recording mirrored at its beginning and silent behind its end, 400-point power spectrum, mel bands
 * on Slaney's scale, each of area 1, decimal logarithm. */
#ifndef RT_WHISPER_H
#define RT_WHISPER_H

#include <stdint.h>

#define RT_WHISPER_SHIFT 160
#define RT_WHISPER_SILENCE (-10.0f) /* of a band, before rt_whisper_scale */
#define RT_WHISPER_BANDS 201        /* at most */

/* Of `frames` in all, those that hear something of a recording; what lies behind `frames` is not heard. */
int64_t rt_whisper_frames(int64_t samples, int64_t frames);
/* sample: full scale +-1, at least 201; out: [rt_whisper_frames(count, frames), bands]. RT_EMEM. */
int rt_whisper_run(const float *sample, int64_t count, int64_t frames, int bands, float *out);
/* In place, of all that the network gets: nothing more than 8 below the largest value, then (x + 4) / 4. */
void rt_whisper_scale(float *x, int64_t count);

#endif
