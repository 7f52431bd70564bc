/* SPDX-License-Identifier: MIT
 * training_teachers: a run's teachers, from the sections of its recipe. By the thread that leads the run. */
#ifndef RT_TRAINING_TEACHERS_H
#define RT_TRAINING_TEACHERS_H

#include "stages/session/training.h"

/* Reads the models that the recipe names and opens their caches; one that cannot be opened is done without. Closed in
 * any case by rt_training_close_teachers. What rt_model_load_teacher fails with; e names the section. */
int rt_training_load_teachers(struct rt_training *t, struct rt_error *e);
void rt_training_close_teachers(struct rt_training *t);
/* A teacher whose terms are all off costs time and helps nobody: RT_EUSAGE with the line to write. Not one that
 * is off itself (teacher.on), or that weights ask. So does a run without any loss. RT_EMISMATCH where a term compares
 * classes that it does not have. */
int rt_training_check_teaching(const struct rt_training *t, struct rt_error *e);
/* list[RT_TEACHERS]: their models, for those who take several. Returns how many. */
int rt_training_list_teachers(const struct rt_training *t, const struct rt_model **list);
/* Can any of them see the sample? */
bool rt_training_row_is_taught(const struct rt_training *t, int row);

#endif
