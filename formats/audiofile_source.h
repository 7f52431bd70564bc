/* SPDX-License-Identifier: MIT
 * audiofile_source: what a recording's own samples say and 16 kHz mono no longer shows: stops that a
 * wave was cut at, the quantisation step, the offset, channels that differ. Fed block by block while
 * audiofile.c reads. One scan belongs to one thread. */
#ifndef RT_AUDIOFILE_SOURCE_H
#define RT_AUDIOFILE_SOURCE_H

#include "formats/error.h"
#include <stddef.h>

struct rt_audio_source {
    double stops;    /* fraction of the samples that lie on a stop, mean over the channels */
    double step;     /* between neighbouring values, full scale = 1; never below 2^-15 */
    double offset;   /* largest |mean| of a channel, full scale = 1 */
    double likeness; /* 1: channels alike (or one); 0: one silent or unrelated; -1: inverted */
};

struct rt_audio_scan; /* opaque */

/* channels: 1 to 16. RT_EMEM. */
int rt_audio_scan_create(struct rt_audio_scan **out, int channels);
void rt_audio_scan_destroy(struct rt_audio_scan *s);
/* frames: [count, channels], finite, full scale +-1 (more is allowed). */
void rt_audio_scan_add(struct rt_audio_scan *s, const float *frames, size_t count);
/* Of all that was added; at least one frame. */
struct rt_audio_source rt_audio_scan_result(const struct rt_audio_scan *s);

#endif
