/* SPDX-License-Identifier: MIT
 * trial_lists: the lists of verification trials of a training run (eval.trials and the like): read and
 * checked before anything is scored. Main thread; read-only afterwards, so the student's work may look. */
#ifndef RT_TRIAL_LISTS_H
#define RT_TRIAL_LISTS_H

#include "formats/recipe.h"
#include "formats/trials.h"
#include "pipeline/data/dataset.h"

/* VALID is scored at each evaluation and decides which one is the best, so its samples are of the split valid;
 * the others are scored once, at the end. None may name a training sample. */
enum rt_trial_list { RT_TRIALS_VALID, RT_TRIALS_TEST, RT_TRIALS_NOISY, RT_TRIAL_LISTS };
extern const char *const rt_trial_list_names[RT_TRIAL_LISTS]; /* what metrics have for a split: valid test noisy */

struct rt_trial_lists {
    const char *path[RT_TRIAL_LISTS];       /* of the recipe */
    struct rt_trials list[RT_TRIAL_LISTS];  /* count 0: not asked for */
};

/* Those that the recipe names; zeros in *l first. RT_EFORMAT, RT_EMISMATCH with file and line: no such sample, one of
 * a split that does not fit, one without the modality. RT_ENODATA: trials of one kind alone. rt_trial_lists_fini in
 * any case. */
int rt_trial_lists_load(struct rt_trial_lists *l, const struct rt_recipe *r, const struct rt_dataset *d, int modality,
                        struct rt_error *e);
/* Again, when the scoring pass has found which samples are unusable: RT_ENODATA where too few are left. */
int rt_trial_lists_check(const struct rt_trial_lists *l, const struct rt_dataset *d, int modality, struct rt_error *e);
void rt_trial_lists_fini(struct rt_trial_lists *l);

/* [rows] which samples a list names, malloc'ed; NULL without memory. */
bool *rt_trials_named(const struct rt_trials *t, int rows);

#endif
