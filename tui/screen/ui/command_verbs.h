/* SPDX-License-Identifier: MIT
 * command_verbs: what can be typed after `:`. Verbs of the screen (verbs.def) and of the run (pipeline/live/verbs.def)
 * are one list to the person who types. */
#ifndef RT_COMMAND_VERBS_H
#define RT_COMMAND_VERBS_H

#include "pipeline/live/verbs.h"

#define RT_TYPED_VERBS 64 /* room for all */

struct rt_typed_verb {
    const char *name, *arguments, *help;
    const struct rt_live_verb *live; /* NULL: the screen's */
};

/* All of them; their number. */
int rt_typed_verbs(struct rt_typed_verb out[RT_TYPED_VERBS]);
/* How many begin so: *found is the one that is called exactly so (then 1), else the first; *other another. */
int rt_typed_verb_find(const char *word, size_t length, struct rt_typed_verb *found, const char **other);

#endif
