/* SPDX-License-Identifier: MIT
 * training_results: see training_results.h. */
#include "stages/session/training_results.h"

#include "stages/metrics/metrics.h"
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 4096 /* samples whose outputs are in memory at one time */

/* ---- answers ----
 * Every sample is asked once more, those that were trained on too: what a model is sure of and wrong about is where the
 * labels are to be looked at, and that is wanted of the result and not of the network as it was when a sample was last
 * in a batch. Validation and test come first: they are what people wait for. */

struct answers {
    int *row, count; /* of a split, usable */
    struct rt_prediction *prediction; /* [count], of those that had outputs, closed up */
    int made;
};

static int answers_piece(struct answers *a, struct rt_training *t, const int *row, int count, struct rt_error *e)
{
    const struct rt_model *m = t->result;
    struct rt_outputs out = {0};
    RT_TRY(rt_session_infer(t->session, t->result, row, count, false, &t->views, &out, e));
    int rc = 0;
    for (int i = 0; i < count && rc == 0; i++) {
        if (!out.have[i])
            continue;
        a->row[a->made] = row[i]; /* never ahead of what is read */
        rc = rt_predictions(&a->prediction[a->made++], out.logits + (size_t)i * (size_t)m->classes,
                            &t->session->dataset.named[row[i]], 1, m->classes, 1);
    }
    rt_outputs_fini(&out);
    return rc < 0 ? rt_error_set(e, rc, "the result's outputs: %s", rt_err_words(rc)) : 0;
}

static int answers_make(struct answers *a, struct rt_training *t, enum rt_split split, struct rt_error *e)
{
    if (rt_dataset_rows(&t->session->dataset, split, t->result->modality->id, false, &a->row, &a->count) < 0)
        return RT_EMEM;
    a->prediction = malloc(((size_t)a->count + 1) * sizeof *a->prediction);
    if (!a->prediction)
        return RT_EMEM;
    for (int at = 0; at < a->count; at += PIECE)
        RT_TRY(answers_piece(a, t, a->row + at, a->count - at < PIECE ? a->count - at : PIECE, e));
    return 0;
}

static int results_record(struct rt_training *t, enum rt_split split, const struct rt_classifier_figures *f,
                          struct rt_error *e)
{
    const char *name = rt_split_names[split];
    RT_TRY(rt_record_result(&t->record, name, "final.top1", f->top1, e));
    RT_TRY(rt_record_result(&t->record, name, "final.top5", f->top5, e));
    return rt_record_result(&t->record, name, "final.macro_f1", f->macro_f1, e);
}

/* A label that no training sample has is one that the model cannot give: it counts, as a wrong answer. */
static int results_figures(struct rt_training *t, enum rt_split split, const struct answers *a,
                           struct rt_training_result *result, struct rt_error *e)
{
    const struct rt_dataset *d = &t->session->dataset;
    struct rt_classifier_figures f;
    struct rt_class_figures *class = malloc(((size_t)d->classes + (size_t)d->strangers + 1) * sizeof *class);
    if (!class)
        return RT_EMEM;
    rt_classifier_figures(&f, a->prediction, a->made, d->classes + d->strangers, NULL, class);
    free(class);
    if (f.count == 0)
        return 0;
    *result = (struct rt_training_result){(int)f.count, f.top1, f.top5, f.macro_f1};
    return results_record(t, split, &f, e);
}

static int results_of_split(struct rt_training *t, enum rt_split split, struct rt_training_result *result,
                            struct rt_error *e)
{
    struct answers a = {0};
    int rc = answers_make(&a, t, split, e);
    if (rc == 0)
        rt_observe_samples_answers(&t->observe_samples, a.prediction, a.row, a.made);
    if (rc == 0)
        rc = results_figures(t, split, &a, result, e);
    free(a.row);
    free(a.prediction);
    return rc == RT_EMEM ? rt_error_set(e, rc, "no memory to measure split %s", rt_split_names[split]) : rc;
}

/* Of the training split no figures are made, so no more than a piece of it is held: it is the largest. */
static int results_of_training(struct rt_training *t, struct rt_error *e)
{
    struct answers a = {.row = malloc(PIECE * sizeof *a.row), .prediction = malloc(PIECE * sizeof *a.prediction)};
    int *row = NULL, count = 0;
    int rc = rt_dataset_rows(&t->session->dataset, RT_TRAIN, t->result->modality->id, false, &row, &count);
    if (!a.row || !a.prediction)
        rc = RT_EMEM;
    for (int at = 0; rc == 0 && at < count; at += PIECE) {
        a.made = 0;
        rc = answers_piece(&a, t, row + at, count - at < PIECE ? count - at : PIECE, e);
        if (rc == 0)
            rt_observe_samples_answers(&t->observe_samples, a.prediction, a.row, a.made);
    }
    free(row);
    free(a.row);
    free(a.prediction);
    return rc == RT_EMEM ? rt_error_set(e, rc, "no memory to measure split %s", rt_split_names[RT_TRAIN]) : rc;
}

/* ---- trials ---- */

static int results_record_trials(struct rt_training *t, enum rt_trial_list which, const struct rt_verification *v,
                                 size_t used, struct rt_error *e)
{
    const char *name = rt_trial_list_names[which];
    t->trials_result[which] = (struct rt_training_trials){used, t->trials.list[which].count - used, v->eer, v->min_dcf};
    RT_TRY(rt_record_result(&t->record, name, "final.eer", v->eer, e));
    return rt_record_result(&t->record, name, "final.min_dcf", v->min_dcf, e);
}

/* A list scored by the result: its samples embedded, each once. */
static int results_of_trials(struct rt_training *t, enum rt_trial_list which, struct rt_error *e)
{
    const struct rt_trials *list = &t->trials.list[which];
    int all = t->session->dataset.count, count = 0, rc = RT_EMEM;
    struct rt_outputs out = {0};
    struct rt_verification v;
    size_t used;
    if (list->count == 0)
        return 0;
    bool *named = rt_trials_named(list, all);
    int *rows = malloc(sizeof *rows * ((size_t)all + 1)), *place = malloc(sizeof *place * ((size_t)all + 1));
    if (!named || !rows || !place) {
        rt_error_set(e, rc, "no memory to measure trials");
        goto out;
    }
    for (int i = 0; i < all; i++)
        if (named[i])
            rows[count++] = i;
    if ((rc = rt_session_infer(t->session, t->result, rows, count, false, &t->views, &out, e)) < 0)
        goto out;
    for (int i = 0; i < count; i++)
        place[rows[i]] = out.have[i] ? i : -1;
    rc = rt_verification_trials(&v, list, out.embedding, t->result->dim, place, RT_P_TARGET, &used);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: %s", t->trials.path[which], rt_err_words(rc))
                : results_record_trials(t, which, &v, used, e);
out:
    rt_outputs_fini(&out);
    free(named);
    free(rows);
    free(place);
    return rc;
}

/* ---- heads ----
 * Which of them answers was decided when the result was the best so far, perhaps by a process before this one: run.db
 * has what they were then. */

static int heads_take_row(void *self, int columns, const struct rt_rundb_cell *c)
{
    static const char *const name[RT_HEADS] = {
        [RT_HEAD_OWN] = "top1.own", [RT_HEAD_TEACHER] = "top1.teacher_head", [RT_HEAD_SUM] = "top1.sum"};
    struct rt_training *t = self;
    (void)columns;
    for (int h = 0; h < RT_HEADS; h++)
        if (name[h] && c[0].text && strcmp(c[0].text, name[h]) == 0)
            t->heads[h] = c[1].number;
    return 0;
}

static int results_of_heads(struct rt_training *t, struct rt_error *e)
{
    char sql[400];
    bool trials = t->trials.list[RT_TRIALS_VALID].count > 0;
    for (int h = 0; h < RT_HEADS; h++)
        t->heads[h] = NAN;
    snprintf(sql, sizeof sql, "SELECT name, value FROM metrics WHERE split='valid' AND name LIKE 'top1.%%' AND step="
             "(SELECT step FROM metrics WHERE split='valid' AND name='%s' ORDER BY value %s, step LIMIT 1)",
             trials ? "eer" : "top1", trials ? "ASC" : "DESC");
    return rt_rundb_scan(t->record.db, sql, heads_take_row, t, e);
}

int rt_training_results(struct rt_training *t, struct rt_error *e)
{
    RT_TRY(results_of_heads(t, e));
    RT_TRY(results_of_split(t, RT_VALID, &t->valid, e));
    RT_TRY(results_of_split(t, RT_TEST, &t->test, e));
    for (int which = 0; which < RT_TRIAL_LISTS; which++)
        RT_TRY(results_of_trials(t, (enum rt_trial_list)which, e));
    return results_of_training(t, e);
}
