/* SPDX-License-Identifier: MIT
 * init_recipes: the recipes that `retort init` writes beside a new manifest. Main thread. */
#ifndef RT_INIT_RECIPES_H
#define RT_INIT_RECIPES_H

#include "tui/cli/init_look.h"

/* FOLDER/student.yaml, and FOLDER/teacher.yaml where teacher is not -1: enum rt_modality_id. Settings follow from what
 * was found. Files that are there are written over. RT_E... */
int rt_init_recipes(const char *folder, const struct rt_init_found *f, int student, int teacher, struct rt_error *e);

#endif
