/* SPDX-License-Identifier: MIT
 * measures_curves: damage of known strength, planted into real recordings and pictures, and what the
 * measures say of it. This header: one ladder of strengths. The ladders stand in measures_speech.c
 * and measures_image.c. */
#ifndef RT_MEASURES_CURVES_H
#define RT_MEASURES_CURVES_H

#include "stages/modality/modality.h"

#define RUNGS_MAX 9

/* What a ladder must reach. OWN: values depend on what the item shows as well, so only within an item. NEARLY: as BOTH
 * with 50 items, and a little less over all with the dozen of the test. */
enum bar { BOTH, NEARLY, OWN, FREE /* printed only: docs/measures.md says what is not reached */ };

struct ladder {
    const char *measure, *damage;
    double strength[RUNGS_MAX];
    int rungs;
    int way;      /* 1: the measure rises with the strength; -1: it falls */
    enum bar bar;
    /* Values of the item with this strength of damage; false when the item does not take it. */
    bool (*plant)(const struct rt_tensor *item, int number, double strength, double *value);
};

extern const struct ladder speech_ladders[], image_ladders[]; /* end with measure NULL */

/* What must not be taken for quality: the measure of the damaged item less (or over) that of the item
 * before, as a median over the items. */
struct reward {
    const char *measure, *damage;
    double before, strength, least, most;
    bool is_ratio;
    bool (*plant_before)(const struct rt_tensor *item, int number, double strength, double *value);
    bool (*plant)(const struct rt_tensor *item, int number, double strength, double *value);
};
extern const struct reward speech_rewards[], image_rewards[];

/* Recordings that babble is made of: set before the ladders are climbed. */
void speech_babble(const struct rt_tensor *item, int count);

#endif
