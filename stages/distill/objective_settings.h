/* SPDX-License-Identifier: MIT
 * objective_settings: what a recipe says to the objective, for the network that learns: read anew for
 * each update, and checked before a run begins and before a live change is taken. Any thread. */
#ifndef RT_OBJECTIVE_SETTINGS_H
#define RT_OBJECTIVE_SETTINGS_H

#include "formats/recipe.h"
#include "stages/distill/objective.h"

/* What the settings are measured against; fixed for a run. */
struct rt_objective_facts {
    bool has_teacher;
    bool shares_classes; /* the teacher's head speaks of the same classes in the same order */
    int classes;         /* of the student's own head */
    int teacher_classes; /* 0 = no teacher, or it has no classifier */
};

/* With the AAM margin at its full height. */
void rt_objective_read(const struct rt_recipe *r, struct rt_objective_settings *o);
/* The AAM margin after `step` of `steps` updates: it rises over a part of the run. */
double rt_objective_aam_margin(const struct rt_objective_settings *o, int64_t step, int64_t steps);
/* Has the network what the terms that are on read of this teacher (0: the first, or that there is none)?
 * RT_EUSAGE without a teacher, RT_EMISMATCH where the teacher lacks a classifier or has other classes; *e names
 * the setting. */
int rt_objective_check(const struct rt_objective_settings *o, int teacher, const struct rt_objective_facts *f,
                       struct rt_error *e);

#endif
