/* SPDX-License-Identifier: MIT
 * fbank: log-mel filter-bank frames of 16 kHz speech, as Kaldi computes them: 25 ms windows every
 * 10 ms (whole windows only), DC removed, pre-emphasis 0.97, Povey window, 512-point power
 * spectrum, triangular mel bands from 20 Hz to 8 kHz, natural logarithm, no dither, samples scaled
 * to 16 bit. */
#ifndef RT_FBANK_H
#define RT_FBANK_H

#include <stdint.h>

#define RT_FBANK_WINDOW 400 /* samples in a frame */
#define RT_FBANK_SHIFT 160  /* samples from one frame to the next */
#define RT_FBANK_BINS 257   /* of the power spectrum: 0 .. 8 kHz in steps of 31.25 Hz */

struct rt_fbank; /* opaque; holds scratch, so one thread at a time */

/* bands: mel bands, 1 to 80 (more would leave bands without a bin). RT_EMEM, RT_ERANGE. */
int rt_fbank_create(struct rt_fbank **out, int bands);
void rt_fbank_destroy(struct rt_fbank *f);

/* Frames that `samples` samples give; 0 when there are fewer than a window. */
int64_t rt_fbank_frames(int64_t samples);
/* sample: full scale +-1; out: [rt_fbank_frames(count), bands]. */
void rt_fbank_run(struct rt_fbank *f, const float *sample, int64_t count, float *out);
/* One window's power spectrum, the step before the mel bands. */
void rt_fbank_power(struct rt_fbank *f, const float sample[RT_FBANK_WINDOW],
                    float power[RT_FBANK_BINS]);

#endif
