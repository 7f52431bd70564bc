/* SPDX-License-Identifier: MIT
 * training_samples: see training_samples.h. */
#include "stages/session/training_samples.h"

#include "stages/distill/weight_terms.h"
#include "stages/session/training_teachers.h"

#include <math.h>
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

/* Has the row what a term needs of it, with teacher k? */
static bool row_serves(const struct rt_training *t, int k, unsigned needs, int row)
{
    const struct rt_dataset *d = &t->session->dataset;
    return (!(needs & RT_NEEDS_LABEL) || d->label[row] >= 0) &&
           (!(needs & RT_NEEDS_TEACHER) || d->reason[t->teacher[k].model.modality->id][row] == 0);
}

static int rows_serving(const struct rt_training *t, int k, unsigned needs)
{
    int count = 0;
    for (int i = 0; i < t->train_count; i++)
        count += row_serves(t, k, needs, t->train_rows[i]);
    return count;
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
    for (int k = 0; k < t->teachers; k++)
        t->teacher[k].taught = rows_serving(t, k, RT_NEEDS_T_FEATURE);
    if (t->train_count >= 2) /* as many as batch-norm needs */
        return 0;
    char left[400];
    rt_session_summary(t->session, left, sizeof left);
    return rt_error_set(e, RT_ENODATA, "%s: %s with %s and a label%s%s%s", rt_manifest_path(d->manifest),
                        t->train_count ? "an update needs two samples, and there is one usable training sample"
                                       : "no usable training sample", student->name,
                        t->teachers ? " or a teacher's modality" : "", left[0] ? "; " : "", left);
}

/* ---- whom a loss is for ----
 * The objective passes over a sample that lacks what a term needs, so a term that no sample can serve would be off for
 * the whole run, and nothing would show it: pictures that are in no row, a loss of label and picture where each row has
 * one of the two. In a batch that is nothing to speak of; of all training rows it is a slip, and refused. A weight by
 * what was measured of nobody is only said: not measured counts as good, as it does for one sample. */

static int term_check_served(const struct rt_training *t, int i, const struct rt_objective_settings *s,
                             struct rt_error *e)
{
    unsigned needs = rt_terms[i]->needs;
    int serving = 0, least = needs & RT_NEEDS_OTHERS ? 2 : 1;
    bool label = needs & RT_NEEDS_LABEL, seen = needs & RT_NEEDS_TEACHER;
    double lambda = 0;
    for (int k = 0; k < t->teachers; k++) {
        lambda = fmax(lambda, s->term[rt_place(k, i)].lambda);
        serving += rows_serving(t, k, needs);
    }
    if (!(lambda > 0) || serving >= least)
        return 0;
    return rt_error_set(e, RT_ENODATA, "distill.%s.lambda is %g, but %s training sample has %s%s%s, which this loss "
                        "needs: it would teach nothing; fill that in or set it to 0", rt_terms[i]->name, lambda,
                        least > 1 ? "no second" : "no", label ? "a label" : "", label && seen ? " and " : "",
                        seen ? t->teacher[0].model.modality->name : "");
}

int rt_training_check_served(const struct rt_training *t, const struct rt_recipe *r, struct rt_error *e)
{
    struct rt_learner_settings s;
    rt_learner_settings_of(r, &s);
    for (int i = RT_TASK_TERMS; i < RT_TERMS; i++)
        RT_TRY(term_check_served(t, i, &s.objective, e));
    return 0;
}

/* Of a teacher's terms: can it see anybody? */
static bool weight_is_measured(const struct rt_training *t, int column)
{
    const struct rt_scores *s = &t->session->scores;
    if (column < 0)
        return t->teacher[0].taught > 0;
    for (int i = 0; i < t->train_count; i++)
        if (isfinite(s->value[(size_t)t->train_rows[i] * (size_t)s->columns + (size_t)column]))
            return true;
    return false;
}

void rt_training_tell_unmeasured(const struct rt_training *t)
{
    const char *name[RT_SCORE_COLUMNS];
    struct rt_weight_source have = {name, rt_scores_names(&t->session->scores, name),
                                    RT_NEEDS_TEACHER | RT_NEEDS_CLASSES};
    struct rt_weight_columns c;
    if (rt_weight_terms_read("weight.terms", t->recipe->weight_terms, &have, &c, NULL) < 0)
        return; /* the learner refuses it, in words */
    for (int i = 0; i < c.count; i++)
        if (!weight_is_measured(t, c.column[i]))
            rt_watch_warn(&t->session->watch, "weight.terms: '%s' is measured of no training sample: it weighs nothing",
                          c.column[i] < 0 ? rt_weight_terms[RT_WEIGHT_OF(c.column[i])].name : name[c.column[i]]);
}
