/* SPDX-License-Identifier: MIT
 * identity: which data and teachers a run learns from, as digests: what a checkpoint, and run.db, say of them, so that
 * nothing goes on with others without a word. */
#ifndef RT_IDENTITY_H
#define RT_IDENTITY_H

#include "stages/session/session.h"

#define RT_IDENTITY_KEY "retort.data" /* its name among a checkpoint's texts, and in run.db's meta */
#define RT_IDENTITY_TEXT 400          /* bytes that hold one */

/* After scoring (before it nothing is known of files and texts), into text: the rows in their order by id, split,
 * label, group, weight and what weight.columns names, which of them can be used, what is in their files and texts, and
 * the teachers' weights. student: its modality. sounds: of what is added to them (sound_bank.h), 0 = nothing. */
void rt_identity_make(const struct rt_session *s, int student, const struct rt_model *const *teacher, int teachers,
                      uint64_t sounds, char text[RT_IDENTITY_TEXT]);
/* The identity that a file holds against that of now. What a file of before does not say is not compared; NULL says
 * nothing. RT_EMISMATCH names the file, what differs, and, where run.db of `folder` knows, the first row. */
int rt_identity_check(const char *then, const char *now, const char *file, const char *folder,
                      const struct rt_session *s, int student, struct rt_error *e);
/* In words the first thing that differs between two of them, NULL = nothing does. */
const char *rt_identity_differs(const char *a, const char *b);
/* Whether such a text speaks of these ids in this order; false also when it says nothing of ids. */
bool rt_identity_same_ids(const char *then, const struct rt_dataset *d);

#endif
