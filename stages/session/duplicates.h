/* SPDX-License-Identifier: MIT
 * duplicates: samples whose recording, picture or text has the same bytes (and is the same part of them) as that of
 * another sample: copies, and what they spoil: two labels for one thing, tests that were trained on. Alike is not the
 * same: a picture saved again is another. Any thread. */
#ifndef RT_DUPLICATES_H
#define RT_DUPLICATES_H

#include "pipeline/data/dataset.h"
#include "stages/modality/raw.h"

struct rt_duplicates {
    int *first;     /* [rows] the first row with the same content; itself where it is that, or is not usable; owned */
    int modality;
    int rows;       /* that have another before them */
    int labels;     /* of these, with another label than their first */
    int splits;     /* of these, in another split than their first */
    int example;    /* one of them, the worst kind there is; -1 = there is none */
};

/* Of a scored data set. RT_EMEM. The caller fini's *r, also after a failure. */
int rt_duplicates_find(struct rt_duplicates *r, const struct rt_dataset *d, const struct rt_content *c, int modality);
void rt_duplicates_fini(struct rt_duplicates *r);
/* The modality by which samples are told apart: the first that the data set has of speech, image, text; -1 = none. */
int rt_duplicates_modality(const struct rt_dataset *d);
/* "3 samples have the same recording as one before, 1 with another label (such as b, the same as a)"; "" when there is
 * none. */
void rt_duplicates_words(const struct rt_duplicates *r, const struct rt_dataset *d, char *text, size_t size);

#endif
