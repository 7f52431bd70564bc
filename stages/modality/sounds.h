/* SPDX-License-Identifier: MIT
 * sounds: recordings that training adds to recordings: noise, and rooms as the responses of theirs to one clap. What
 * there is and how it is read is its giver's matter (stages/session/sound_bank.h). */
#ifndef RT_SOUNDS_H
#define RT_SOUNDS_H

#include "formats/error.h"
#include "formats/rng.h"
#include <stdbool.h>
#include <stdint.h>

struct rt_sounds {
    void *self;
    bool noises, rooms; /* whether there are any */
    /* Fills noise [count], at 16 kHz, of any level but not silent, and the SNR in dB that its kind is heard at. low,
     * high: the range of kinds without one of their own. row: of the sample it is for, whose own voice is not taken.
     * Every draw comes from rng. Any thread, any number at once. RT_E... with *e naming the file at fault. */
    int (*noise)(void *self, int row, int64_t count, double low, double high, struct rt_rng *rng, float *noise,
                 double *snr, struct rt_error *e);
    /* A room's response, malloc'ed; its largest sample is where the direct sound arrives. */
    int (*room)(void *self, struct rt_rng *rng, float **response, int64_t *count, struct rt_error *e);
};

#endif
