/* SPDX-License-Identifier: MIT
 * fbank: log-mel filter-bank frames of 16 kHz speech, as Kaldi computes them: 25 ms windows every
 * 10 ms (whole windows only), DC removed, pre-emphasis, 512-point power spectrum, triangular mel bands, natural
 * logarithm, no dither. What differs between toolkits are settings. */
#ifndef RT_FBANK_H
#define RT_FBANK_H

#include "formats/choice.h"

#include <stdbool.h>
#include <stdint.h>

#define RT_FBANK_WINDOW 400 /* samples in a frame */
#define RT_FBANK_SHIFT 160  /* samples from one frame to the next */
#define RT_FBANK_BINS 257   /* of the power spectrum: 0 .. 8 kHz in steps of 31.25 Hz */
#define RT_FBANK_BANDS 256  /* at most */

struct rt_fbank_settings {
    enum rt_window_id window; /* never RT_WINDOW_AUTO */
    float scale;              /* what full scale of the samples becomes, 1 or 32768 */
    float emphasis;           /* of the sample before that is taken off each */
    double low, high;         /* Hz: where the lowest band begins, the highest ends */
    float floor;              /* least energy of a band, above 0 */
};

struct rt_fbank; /* opaque: window and bands */

/* bands: 1 to RT_FBANK_BANDS; where they are so narrow that one has no bin, it is at the floor. s NULL: Kaldi's own,
 * 20 Hz to 8 kHz, of 16-bit samples. RT_EMEM, RT_ERANGE. */
int rt_fbank_create(struct rt_fbank **out, int bands, const struct rt_fbank_settings *s);
void rt_fbank_destroy(struct rt_fbank *f);
bool rt_fbank_is_plain(const struct rt_fbank_settings *s); /* they are those of NULL */

/* Frames that `samples` samples give; 0 when there are fewer than a window. */
int64_t rt_fbank_frames(int64_t samples);
/* sample: full scale +-1; out: [rt_fbank_frames(count), bands]. Any number of threads at once. */
void rt_fbank_run(const struct rt_fbank *f, const float *sample, int64_t count, float *out);
/* One window's power spectrum, the step before the mel bands. One thread at a time. */
void rt_fbank_power(struct rt_fbank *f, const float sample[RT_FBANK_WINDOW],
                    float power[RT_FBANK_BINS]);

#endif
