/* SPDX-License-Identifier: MIT
 * shared_scores: the scoring pass of a run that several ranks make: each looks at all files without reading them, reads
 * and measures the samples of its part, and takes from the others what they found of theirs. Then all know the same, as
 * if each had scored everything. Alone (s->ranks NULL) nothing is done. The thread that leads the run. */
#ifndef RT_SHARED_SCORES_H
#define RT_SHARED_SCORES_H

#include "stages/session/session.h"

/* This rank's part of `count` rows: [*first, *behind), perhaps none. */
void rt_shared_scores_part(const struct rt_ranks *ranks, int count, int *first, int *behind);
/* Before the pass, with data sets of as many rows everywhere: has every rank each sample's file, of the same size, the
 * same part of it, and each text? All ranks name the first sample of which that is not so, and on which rank.
 * RT_EMISMATCH, RT_ELOST, RT_EMEM. */
int rt_shared_scores_check(const struct rt_session *s, const bool modality[RT_MODALITIES], struct rt_error *e);
/* After it: content, scores, reason[] and left of all. RT_ELOST, RT_EMEM. */
int rt_shared_scores_exchange(struct rt_session *s, const bool modality[RT_MODALITIES], struct rt_error *e);

#endif
