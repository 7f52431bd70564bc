/* SPDX-License-Identifier: MIT
 * resume: a run that goes on: only as the run that it was, from its newest checkpoint that is whole. */
#ifndef RT_RESUME_H
#define RT_RESUME_H

#include "stages/session/training.h"

/* The recipe in the folder against that of now: RT_EUSAGE names the first setting that differs. Another length
 * (train.steps, train.epochs) is what rt_resume_load is to make of it; t->recipe has that of the folder again. */
int rt_resume_check_recipe(struct rt_training *t, struct rt_error *e);
/* Loads the newest checkpoint into the student; one that is damaged is set aside under another name, with a warning,
 * and the next older one is taken. Without any the run begins again. A greater length is planned for the next update,
 * and kept in the checkpoint. RT_EMISMATCH: it belongs to other data, another teacher or another recipe; RT_EUSAGE: a
 * smaller length. */
int rt_resume_load(struct rt_training *t, struct rt_error *e);
/* A checkpoint's data and teachers against the run's, which has been opened; path and folder are its own. */
int rt_resume_check_data(const struct rt_training *t, const struct rt_safetensors *s, const char *path,
                         const char *folder, struct rt_error *e);

#endif
