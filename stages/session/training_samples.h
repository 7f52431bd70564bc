/* SPDX-License-Identifier: MIT
 * training_samples: which samples a run has, how good they are, and which of them it learns from and is measured on.
 * Before the first update; the thread that leads the run. */
#ifndef RT_TRAINING_SAMPLES_H
#define RT_TRAINING_SAMPLES_H

#include "stages/session/identity.h"
#include "stages/session/training.h"

/* Which data and teachers these are (identity.h), as far as it is known. */
void rt_training_identify(const struct rt_training *t, char text[RT_IDENTITY_TEXT]);
/* With the teachers loaded: trial lists, then the scoring pass, which all ranks share. As rt_session_score;
 * RT_EMISMATCH for a column that is not there, and for other data than other ranks'; and what rt_trial_lists_load and
 * _check refuse. */
int rt_training_score(struct rt_training *t, const struct rt_modality *student, struct rt_error *e);
/* Behind it: train_rows, train_labelled and valid_rows, and how many of the first each teacher can see. RT_ENODATA:
 * nothing to learn from. */
int rt_training_choose_rows(struct rt_training *t, const struct rt_modality *student, struct rt_error *e);
/* Behind that. RT_ENODATA: a loss that r turns on needs what no training row has; *e names it. */
int rt_training_check_served(const struct rt_training *t, const struct rt_recipe *r, struct rt_error *e);
/* Warns of each weight that no training row was measured for. */
void rt_training_tell_unmeasured(const struct rt_training *t);

#endif
