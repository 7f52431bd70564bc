/* SPDX-License-Identifier: MIT
 * sound_bank: the recordings of noise and of rooms that a run adds to its own (augment.noise_from, .rir_from), and
 * voices of its training split for babble. Made on the main thread; asked by any (stages/modality/sounds.h). */
#ifndef RT_SOUND_BANK_H
#define RT_SOUND_BANK_H

#include "formats/recipe.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/datafile.h"
#include "stages/modality/raw.h"
#include "stages/modality/sounds.h"

struct rt_sound_bank; /* opaque */

/* Lists what the recipe names and looks at each file's length. d, sources: of the run, borrowed. *out is NULL where the
 * recipe names nothing. note [size]: a line on what was found and what cannot be used, or "". RT_EUSAGE for settings
 * that do not fit; RT_ENODATA when nothing usable is there; RT_EMISSING; RT_EMEM. */
int rt_sound_bank_create(struct rt_sound_bank **out, const struct rt_recipe *r, const struct rt_dataset *d,
                         struct rt_datafiles *sources, char *note, size_t size, struct rt_error *e);
/* Once it is known which samples can be used: those whose voices make babble; from: where they are read, of the same
 * data set. RT_ENODATA when they are too few; RT_EMEM. b may be NULL. */
int rt_sound_bank_take_voices(struct rt_sound_bank *b, const struct rt_raw_source *from, struct rt_error *e);
void rt_sound_bank_destroy(struct rt_sound_bank *b);
/* For a front end; NULL for NULL. Stands while the bank does. */
const struct rt_sounds *rt_sound_bank_sounds(const struct rt_sound_bank *b);
/* Of all that a draw depends on: which files in which order, their lengths, the kinds. */
uint64_t rt_sound_bank_digest(const struct rt_sound_bank *b);

#endif
