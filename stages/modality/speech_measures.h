/* SPDX-License-Identifier: MIT
 * speech_measures: the quality of a recording in numbers. Part of speech.c's vtable; no checks of
 * the recording here, no features. */
#ifndef RT_SPEECH_MEASURES_H
#define RT_SPEECH_MEASURES_H

#include "formats/audiofile_source.h"
#include "stages/modality/modality.h"

#define RT_SPEECH_MEASURES 10
extern const struct rt_measure rt_speech_measures[RT_SPEECH_MEASURES];

/* sample: 16 kHz, at least 100 ms, finite, not silent; source: of the file it came from.
 * value: [RT_SPEECH_MEASURES], NaN where there is too little to tell (snr, hum). RT_EMEM. */
int rt_speech_measure(const float *sample, int64_t count, const struct rt_audio_source *source,
                      double *value);

#endif
