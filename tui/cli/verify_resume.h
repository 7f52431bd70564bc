/* SPDX-License-Identifier: MIT
 * verify_resume: `retort run --verify-resume N`. */
#ifndef RT_VERIFY_RESUME_H
#define RT_VERIFY_RESUME_H

#include "formats/recipe.h"

#include <stdbool.h>

/* Trains the recipe's first `updates` updates twice, in folders that are removed again: without a stop, and stopped
 * half way and resumed. Prints whether the checkpoints are the same. An exit code, or RT_E... */
int rt_verify_resume(const struct rt_recipe *r, int64_t updates, bool quiet, struct rt_error *e);

#endif
