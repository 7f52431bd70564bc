/* SPDX-License-Identifier: MIT
 * trial_lists: see trial_lists.h. */
#include "stages/session/trial_lists.h"

#include <stdlib.h>

const char *const rt_trial_list_names[RT_TRIAL_LISTS] = {"valid", "test", "noisy"};
static const char *const keys[RT_TRIAL_LISTS] = {"eval.trials", "eval.trials_test", "eval.trials_noisy"};

/* ---- what may be in a list ----
 * Trials of people that the student has learned from would say nothing about strangers, and a choice made by
 * samples of the split test nothing about that split: both look like any other number, so they are refused. */

static int trial_check(const struct rt_trial_lists *l, int which, const struct rt_trial *t, const struct rt_dataset *d,
                       int modality, struct rt_error *e)
{
    const struct rt_manifest *m = d->manifest;
    int row[] = {t->enrol, t->test};
    for (int i = 0; i < 2; i++) {
        const char *id = rt_manifest_cell(m, row[i], rt_manifest_column(m, "id"));
        int split = d->split[row[i]];
        if (split == RT_TRAIN || (which == RT_TRIALS_VALID && split != RT_VALID))
            return rt_error_set(e, RT_EMISMATCH, "%s:%d: '%.200s' is of the split %s: %s takes samples of %s",
                                l->path[which], t->line, id, rt_split_names[split], keys[which],
                                which == RT_TRIALS_VALID ? "valid" : "test or valid");
        if (d->reason[modality] && d->reason[modality][row[i]] == RT_EMISSING)
            return rt_error_set(e, RT_EMISMATCH, "%s:%d: '%.200s' has no %s in %s", l->path[which], t->line, id,
                                rt_modality_names[modality], rt_manifest_path(m));
    }
    return 0;
}

/* An equal error rate needs both kinds. */
static int trials_check_kinds(const struct rt_trial_lists *l, int which, const struct rt_dataset *d, int modality,
                              struct rt_error *e)
{
    const struct rt_trials *t = &l->list[which];
    size_t kind[2] = {0, 0};
    for (size_t i = 0; i < t->count; i++)
        if (d->reason[modality][t->trial[i].enrol] == 0 && d->reason[modality][t->trial[i].test] == 0)
            kind[t->trial[i].same]++;
    if (t->count == 0 || (kind[0] && kind[1]))
        return 0;
    return rt_error_set(e, RT_ENODATA, "%s: of %zu trials %zu are usable and of the same speaker, %zu of two: both "
                        "kinds are needed", l->path[which], t->count, kind[1], kind[0]);
}

int rt_trial_lists_check(const struct rt_trial_lists *l, const struct rt_dataset *d, int modality, struct rt_error *e)
{
    for (int which = 0; which < RT_TRIAL_LISTS; which++)
        RT_TRY(trials_check_kinds(l, which, d, modality, e));
    return 0;
}

int rt_trial_lists_load(struct rt_trial_lists *l, const struct rt_recipe *r, const struct rt_dataset *d, int modality,
                        struct rt_error *e)
{
    *l = (struct rt_trial_lists){.path = {r->eval_trials, r->eval_trials_test, r->eval_trials_noisy}};
    for (int which = 0; which < RT_TRIAL_LISTS; which++) {
        struct rt_trials *t = &l->list[which];
        if (!l->path[which][0])
            continue;
        RT_TRY(rt_trials_load(t, l->path[which], d->manifest, rt_modality_names[modality], e));
        for (size_t i = 0; i < t->count; i++)
            RT_TRY(trial_check(l, which, &t->trial[i], d, modality, e));
    }
    return rt_trial_lists_check(l, d, modality, e);
}

void rt_trial_lists_fini(struct rt_trial_lists *l)
{
    for (int which = 0; which < RT_TRIAL_LISTS; which++)
        rt_trials_fini(&l->list[which]);
}

bool *rt_trials_named(const struct rt_trials *t, int rows)
{
    bool *named = calloc((size_t)rows + 1, sizeof *named);
    for (size_t i = 0; named && i < t->count; i++)
        named[t->trial[i].enrol] = named[t->trial[i].test] = true;
    return named;
}
