/* SPDX-License-Identifier: MIT
 * training_samples: see training_samples.h. */
#include "stages/session/training_samples.h"

#include "stages/session/training_teachers.h"

#include <stdlib.h>
#include <string.h>

/* ---- the samples ----
 * All of them are scored, also those that nobody will learn from: a percentile is of the whole data set. Then those
 * are chosen that can be used; which ones is known before the first update, so that a run can be repeated. */

static int training_need_column(const struct rt_training *t, const struct rt_modality *m, const char *who,
                                struct rt_error *e)
{
    char hint[RT_MANIFEST_HINT];
    if (t->session->dataset.column[m->id] >= 0)
        return 0;
    return rt_error_set(e, RT_EMISMATCH, "%s: there is no column '%s' for the %s%s",
                        rt_manifest_path(t->session->dataset.manifest), m->name, who,
                        rt_manifest_column_hint(t->session->dataset.manifest, m->name, hint));
}

void rt_training_identify(const struct rt_training *t, char text[RT_IDENTITY_TEXT])
{
    const struct rt_model *teacher[RT_TEACHERS];
    rt_identity_make(t->session, (int)t->recipe->student_modality, teacher, rt_training_list_teachers(t, teacher),
                     t->sounds ? rt_sound_bank_digest(t->sounds) : 0, text);
}

/* Other ranks'. What is in the files is not known yet: each then scores a part of what here is found to be the same. */
static int training_compare_data(const struct rt_training *t, struct rt_error *e)
{
    char text[RT_IDENTITY_TEXT];
    if (!t->together.ranks)
        return 0;
    rt_training_identify(t, text);
    return rt_together_check_data(&t->together, text, e);
}

int rt_training_score(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    struct rt_front own = rt_front_of(t->recipe);
    bool modality[RT_MODALITIES] = {false};
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    RT_TRY(training_need_column(t, student, "student", e));
    for (int k = t->teachers - 1; k >= 0; k--) { /* of two that read the same, the first one's features are kept */
        const struct rt_model *m = &t->teacher[k].model;
        RT_TRY(training_need_column(t, m->modality, rt_stage_teacher[k].name, e));
        modality[m->modality->id] = true;
        front[m->modality->id] = &m->front;
        if (m->front.text.tokenizer)
            t->session->tokens = &m->front;
    }
    RT_TRY(rt_trial_lists_load(&t->trials, t->recipe, &t->session->dataset, student->id, e));
    modality[student->id] = true;
    front[student->id] = &own;
    RT_TRY(training_compare_data(t, e));
    RT_TRY(rt_session_score(t->session, modality, front, e));
    return rt_trial_lists_check(&t->trials, &t->session->dataset, student->id, e);
}

/* Of the rows listed those to learn from: with a label, or with something that a teacher can see. */
static int training_keep_taught(const struct rt_training *t, int *rows, int count)
{
    const struct rt_dataset *d = &t->session->dataset;
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (d->label[rows[i]] >= 0 || rt_training_row_is_taught(t, rows[i]))
            rows[kept++] = rows[i];
    return kept;
}

/* Those with a label first, each kind in its order; their number. Balanced batches are dealt from the two. */
static int training_part_rows(const struct rt_training *t, int *rows, int count, struct rt_error *e)
{
    const int *label = t->session->dataset.label;
    int *rest = malloc(sizeof *rest * ((size_t)count + 1)), labelled = 0, others = 0;
    if (!rest)
        return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
    for (int i = 0; i < count; i++) {
        if (label[rows[i]] >= 0)
            rows[labelled++] = rows[i];
        else
            rest[others++] = rows[i];
    }
    memcpy(rows + labelled, rest, sizeof *rest * (size_t)others);
    free(rest);
    return labelled;
}

/* Of the rows listed those that can be measured: whose truth is known, or that are in trials. */
static int training_keep_measured(const struct rt_training *t, int *rows, int count)
{
    bool *named = rt_trials_named(&t->trials.list[RT_TRIALS_VALID], t->session->dataset.count);
    int kept = 0;
    if (!named)
        return RT_EMEM;
    for (int i = 0; i < count; i++)
        if (t->session->dataset.truth[rows[i]] >= 0 || named[rows[i]])
            rows[kept++] = rows[i];
    free(named);
    return kept;
}

int rt_training_choose_rows(struct rt_training *t, const struct rt_modality *student, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    int rc;
    if ((rc = rt_dataset_rows(d, RT_TRAIN, student->id, false, &t->train_rows, &t->train_count)) < 0 ||
        (rc = rt_dataset_rows(d, RT_VALID, student->id, false, &t->valid_rows, &t->valid_count)) < 0)
        return rt_error_set(e, rc, "no memory for the list of samples");
    t->train_count = training_keep_taught(t, t->train_rows, t->train_count);
    if ((t->valid_count = training_keep_measured(t, t->valid_rows, t->valid_count)) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the list of samples");
    if (t->recipe->data_balance > 0)
        RT_TRY(t->train_labelled = training_part_rows(t, t->train_rows, t->train_count, e));
    if (t->train_count >= 2) /* as many as batch-norm needs */
        return 0;
    char left[400];
    rt_session_summary(t->session, left, sizeof left);
    return rt_error_set(e, RT_ENODATA, "%s: no usable training sample with %s and a label%s%s%s",
                        rt_manifest_path(d->manifest), student->name,
                        t->teachers ? " or a teacher's modality" : "", left[0] ? "; " : "", left);
}
