/* SPDX-License-Identifier: MIT
 * run_length: how long a run is meant to be: by its recipe, or as --resume made it longer, which its journal says. */
#ifndef RT_RUN_LENGTH_H
#define RT_RUN_LENGTH_H

#include "formats/recipe.h"
#include "pipeline/run/rundb.h"

/* Sets train_steps and train_epochs of r, the recipe in the run's folder, to what the journal made of them, if it can
 * be read. RT_EMEM. */
int rt_run_length(struct rt_rundb *db, struct rt_recipe *r, struct rt_error *e);

#endif
