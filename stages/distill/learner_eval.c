/* SPDX-License-Identifier: MIT
 * learner_eval: the learner measured: which head to read, whether this is the best so far. See
 * learner.h.
 *
 * The outputs of all samples are kept until the last batch: what top-1 and macro-F1 come to follows
 * from all of them, and the head that answers is chosen by comparing them. For a validation split
 * that is a few numbers a sample. */
#include "stages/distill/learner_parts.h"

#include "stages/metrics/metrics.h"
#include "stages/metrics/predictions.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool eval_has_trials(const struct rt_learner *l)
{
    return l->c.trials && l->c.trials->count > 0;
}

/* What is kept of each sample: so many bytes of it, and where. */
struct column {
    struct rt_learner_room *room;
    size_t size;
};
enum { COLUMN_OWN, COLUMN_HEAD, COLUMN_TEACHER, COLUMN_LABEL, COLUMN_ROW, COLUMN_TAUGHT, COLUMN_EMBEDDING, COLUMNS };

/* Returns how many there are: embeddings are wanted for trials alone. */
static int eval_columns(struct rt_learner *l, struct column column[COLUMNS])
{
    struct rt_learner_eval *v = &l->eval;
    size_t head = sizeof(float) * (size_t)l->c.model->teacher[0].classes;
    column[COLUMN_OWN] = (struct column){&v->own, sizeof(float) * (size_t)l->c.model->classes};
    column[COLUMN_HEAD] = (struct column){&v->head, head};
    column[COLUMN_TEACHER] = (struct column){&v->teacher, head};
    column[COLUMN_LABEL] = (struct column){&v->label, sizeof(int)};
    column[COLUMN_ROW] = (struct column){&v->row, sizeof(int)};
    column[COLUMN_TAUGHT] = (struct column){&v->taught, 1};
    column[COLUMN_EMBEDDING] = (struct column){&v->embedding, sizeof(float) * (size_t)l->c.model->dim};
    return eval_has_trials(l) ? COLUMNS : COLUMN_EMBEDDING;
}

static int eval_room(struct rt_learner *l, int count)
{
    struct column column[COLUMNS];
    size_t n = (size_t)count + 1;
    int columns = eval_columns(l, column);
    for (int i = 0; i < columns; i++)
        RT_TRY(rt_learner_room(column[i].room, n * column[i].size));
    return rt_learner_room(&l->eval.prediction, n * sizeof(struct rt_prediction));
}

/* What others brought is of rows and classes that there are. */
static bool eval_fits(const struct rt_learner *l, size_t at, size_t count)
{
    const int *row = l->eval.row.data, *label = l->eval.label.data;
    bool fits = true;
    for (size_t i = at; i < at + count; i++)
        fits = fits && row[i] >= 0 && row[i] < l->c.rows && label[i] < l->c.model->classes;
    return fits;
}

/* Behind those of earlier batches lie so many of the own samples; then those of all who share the evaluation do, those
 * of rank 0 first: the order of one who has them all. Returns how many. */
static int eval_share(struct rt_learner *l, int own, struct rt_error *e)
{
    struct column column[COLUMNS];
    size_t at = (size_t)l->eval.count, total, count = (size_t)own;
    int columns = eval_columns(l, column), rc = 0;
    bool fits = true;
    for (int i = 0; l->c.others && rc == 0 && i < columns; i++) {
        void *all;
        size_t size = column[i].size;
        RT_TRY(rt_exchange_gather(l->c.others, (char *)column[i].room->data + at * size, (size_t)own * size, &all,
                                  &total, e));
        size_t came = size ? total / size : count;
        fits = fits && total == came * size && came <= INT_MAX - at && (i == 0 || came == count);
        count = came;
        rc = fits ? eval_room(l, (int)(at + count)) : RT_EMISMATCH;
        if (rc == 0)
            memcpy((char *)column[i].room->data + at * size, all, total);
        free(all);
    }
    if (rc == 0 && l->c.others && !eval_fits(l, at, count))
        rc = RT_EMISMATCH;
    if (rc == RT_EMISMATCH)
        return rt_error_set(e, rc, "who shares the evaluation speaks of other samples or classes");
    return rc < 0 ? rt_error_set(e, rc, "no memory for the outputs of an evaluation") : (int)count;
}

/* The outputs of n samples that have been run, `at` places behind the first of the evaluation. */
static void eval_keep_outputs(struct rt_learner *l, size_t at, size_t n, const float *own, const float *head,
                              const float *embedding)
{
    struct rt_learner_eval *v = &l->eval;
    const struct rt_model *m = l->c.model;
    size_t classes = (size_t)m->classes, taught = (size_t)m->teacher[0].classes, dim = (size_t)m->dim;
    memcpy((float *)v->own.data + at * classes, own, n * classes * sizeof(float));
    if (head)
        memcpy((float *)v->head.data + at * taught, head, n * taught * sizeof(float));
    if (eval_has_trials(l))
        memcpy((float *)v->embedding.data + at * dim, embedding, n * dim * sizeof(float));
}

/* Whole recordings one by one, each at its length; the weights are those of now. */
static int eval_run_whole(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e)
{
    const struct rt_model *m = l->c.model;
    const float *x = b->input;
    int frame = rt_graph_at(m->graph, 0)->shape.dim[1];
    if (!l->stretch && rt_stretch_create(&l->stretch, m->graph, NULL, l->parallel) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for an evaluation");
    for (int i = 0; i < b->count; x += (int64_t)b->length[i++] * frame) {
        RT_TRY(rt_stretch_forward(l->stretch, b->length[i], x, e));
        const float *head = m->teacher[0].head >= 0 ? rt_stretch_output(l->stretch, m->teacher[0].head) : NULL;
        eval_keep_outputs(l, (size_t)(l->eval.count + i), 1, rt_stretch_output(l->stretch, m->logits), head,
                          rt_stretch_output(l->stretch, m->embedding));
    }
    return 0;
}

static int eval_run(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e)
{
    const struct rt_model *m = l->c.model;
    if (b->length)
        return eval_run_whole(l, b, e);
    for (int s = 0; s < l->c.shards; s++) {
        struct rt_bags bags = b->bags;
        int at = l->first[s], n = l->first[s + 1] - at;
        if (n == 0)
            continue;
        if (!b->input)
            bags.offset += at;
        rt_exec_forward(l->exec, n, b->input ? b->input + (size_t)at * l->input_row : NULL,
                        b->input ? NULL : &bags, false, 0, 0);
        eval_keep_outputs(l, (size_t)(l->eval.count + at), (size_t)n, rt_exec_output(l->exec, m->logits),
                          m->teacher[0].head >= 0 ? rt_exec_output(l->exec, m->teacher[0].head) : NULL,
                          rt_exec_output(l->exec, m->embedding));
    }
    return 0;
}

int rt_learner_measure(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e)
{
    struct rt_learner_eval *v = &l->eval;
    const struct rt_taught *t = l->teacher ? b->taught : NULL;
    if (b->count > l->c.batch)
        return rt_error_set(e, RT_EUSAGE, "%d samples: %d at most", b->count, l->c.batch);
    RT_TRY(rt_learner_cut(l, b, e));
    if (eval_room(l, v->count + b->count) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the outputs of an evaluation");
    RT_TRY(eval_run(l, b, e));
    size_t at = (size_t)v->count, n = (size_t)b->count, head = (size_t)l->c.model->teacher[0].classes;
    if (t && t->logits && n)
        memcpy((float *)v->teacher.data + at * head, t->logits, n * head * sizeof(float));
    if (n)
        memcpy((int *)v->row.data + at, b->sample, n * sizeof(int));
    for (size_t i = 0; i < n; i++) {
        ((int *)v->label.data)[at + i] = b->label[i];
        ((uint8_t *)v->taught.data)[at + i] = t && t->have && t->have[i];
    }
    int count = eval_share(l, b->count, e);
    v->count += count > 0 ? count : 0;
    return count < 0 ? count : 0;
}

void rt_learner_eval_fini(struct rt_learner *l)
{
    struct rt_learner_eval *v = &l->eval;
    void *owned[] = {v->own.data, v->head.data, v->teacher.data, v->label.data, v->taught.data,
                     v->embedding.data, v->row.data, v->prediction.data};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

/* ---- what the outputs come to ---- */

static double eval_cross_entropy(const float *logits, const int *label, int n, int classes)
{
    double sum = 0;
    int used = 0;
    for (int i = 0; i < n; i++) {
        const float *z = logits + (size_t)i * (size_t)classes;
        if (label[i] < 0)
            continue;
        double top = z[0], mass = 0;
        for (int c = 1; c < classes; c++)
            top = fmax(top, z[c]);
        for (int c = 0; c < classes; c++)
            mass += exp(z[c] - top);
        sum += top + log(mass) - z[label[i]];
        used++;
    }
    return used ? sum / used : NAN;
}

/* Top-1 of one way to read the student; fills the report when it is the answer. right: [samples] which of them it has,
 * or NULL. */
static int eval_head(struct rt_learner *l, enum rt_head_id head, struct rt_eval_report *r, bool details, uint8_t *right)
{
    const struct rt_learner_eval *v = &l->eval;
    const struct rt_model *m = l->c.model;
    const int *label = v->label.data;
    struct rt_accuracy a = {0};
    float *logits = malloc(sizeof(float) * ((size_t)v->count * (size_t)m->classes + 1));
    if (!logits)
        return RT_EMEM;
    rt_model_answer(m, head, v->own.data, v->head.data, v->count, logits);
    int rc = rt_accuracy(&a, logits, label, v->count, m->classes);
    if (rc < 0)
        goto out;
    r->top1[head] = a.top1;
    struct rt_prediction *each = v->prediction.data;
    if (right)
        rc = rt_predictions(each, logits, label, v->count, m->classes, 1);
    for (int i = 0; right && rc == 0 && i < v->count; i++)
        right[i] = each[i].label >= 0 && each[i].rank == 0;
    if (details) {
        r->top5 = a.top5;
        r->macro_f1 = a.macro_f1;
        r->loss = eval_cross_entropy(logits, label, v->count, m->classes);
        r->samples = a.count;
        rc = rt_predictions(v->prediction.data, logits, label, v->count, m->classes, 1);
        r->predictions = v->count;
        r->prediction = v->prediction.data;
        r->row = v->row.data;
    }
out:
    rt_accuracy_fini(&a);
    free(logits);
    return rc;
}

static int eval_teacher(struct rt_learner *l, struct rt_eval_report *r)
{
    const struct rt_learner_eval *v = &l->eval;
    struct rt_accuracy a = {0};
    r->teacher_top1 = NAN;
    if (!l->teacher || !l->c.model->teacher[0].shares_classes)
        return 0;
    int *label = malloc(sizeof *label * ((size_t)v->count + 1));
    if (!label)
        return RT_EMEM;
    for (int i = 0; i < v->count; i++)
        label[i] = ((const uint8_t *)v->taught.data)[i] ? ((const int *)v->label.data)[i] : -1;
    int rc = rt_accuracy(&a, v->teacher.data, label, v->count, l->c.model->classes);
    if (rc == 0 && a.count)
        r->teacher_top1 = a.top1;
    rt_accuracy_fini(&a);
    free(label);
    return rc;
}

/* By the embedding, whatever head answers: people that are in trials have no class. */
static int eval_trials(struct rt_learner *l, struct rt_eval_report *r)
{
    const struct rt_learner_eval *v = &l->eval;
    struct rt_verification found;
    size_t used;
    r->eer = r->min_dcf = NAN;
    if (!eval_has_trials(l))
        return 0;
    int *place = malloc(sizeof *place * ((size_t)l->c.rows + 1));
    if (!place)
        return RT_EMEM;
    for (int i = 0; i < l->c.rows; i++)
        place[i] = -1;
    for (int i = 0; i < v->count; i++)
        place[((const int *)v->row.data)[i]] = i;
    int rc = rt_verification_trials(&found, l->c.trials, v->embedding.data, l->c.model->dim, place, RT_P_TARGET,
                                    &used);
    free(place);
    r->eer = found.eer;
    r->min_dcf = found.min_dcf;
    return rc;
}

/* Higher is better; NaN where there was nothing to measure. */
static double eval_merit(const struct rt_learner *l, const struct rt_eval_report *r)
{
    if (eval_has_trials(l))
        return 1 - r->eer;
    return r->samples > 0 ? r->top1[r->answer] : NAN;
}

/* ---- which head answers ----
 * The best of three on a small validation split is the best by luck more often than not, and one that no term trains
 * can win it only so. So the own head stays, unless another one is trained and right more often by more than chance,
 * of the samples on which the two differ. `best` takes the highest whatever it is worth; it was `auto` once. */

#define CHANCE 0.025 /* on the better side, so one in twenty on both */

static bool term_is_on(const struct rt_objective_settings *s, unsigned reads)
{
    bool on = false;
    for (int i = 0; i < RT_TERMS; i++)
        on |= s->term[rt_place(0, i)].lambda > 0 && (rt_terms[i]->reads & reads) != 0;
    return on;
}

/* The teacher's head is frozen: what trains is the feature that it reads. */
static bool head_is_trained(const struct rt_objective_settings *s, int head)
{
    bool own = term_is_on(s, RT_READS_LOGITS), teacher = term_is_on(s, RT_READS_HEAD | RT_READS_FEATURE);
    return head == RT_HEAD_OWN ? own : head == RT_HEAD_TEACHER ? teacher : own && teacher;
}

static bool head_is_better(const uint8_t *right, const uint8_t *than, int n)
{
    int better = 0, worse = 0;
    for (int i = 0; i < n; i++) {
        better += right[i] && !than[i];
        worse += !right[i] && than[i];
    }
    return rt_sign_test(better, worse) < CHANCE;
}

/* right: [RT_HEADS][n], of heads that there are. */
static enum rt_head_id eval_choose(const struct rt_learner_settings *s, const struct rt_eval_report *r,
                                   const uint8_t *right, size_t n)
{
    enum rt_head_id best = RT_HEAD_OWN;
    bool careful = s->head == RT_HEAD_AUTO, own = head_is_trained(&s->objective, RT_HEAD_OWN);
    if (s->head >= RT_HEAD_OWN && !isnan(r->top1[s->head]))
        return s->head;
    for (int h = RT_HEAD_OWN + 1; h < RT_HEADS; h++) {
        if (isnan(r->top1[h]) || (careful && !head_is_trained(&s->objective, h)))
            continue;
        bool beats = !careful || (!own && best == RT_HEAD_OWN) ||
                     head_is_better(right + (size_t)h * n, right + RT_HEAD_OWN * n, (int)n);
        if (beats && (r->top1[h] > r->top1[best] || (careful && !own)))
            best = (enum rt_head_id)h;
    }
    return best;
}

static int eval_heads(struct rt_learner *l, const struct rt_learner_settings *s, struct rt_eval_report *r,
                      uint8_t *right)
{
    size_t n = (size_t)l->eval.count;
    for (int h = 0; h < RT_HEADS; h++) {
        r->top1[h] = NAN;
        if (h == RT_HEAD_OWN || (h > RT_HEAD_OWN && l->c.model->teacher[0].shares_classes))
            RT_TRY(eval_head(l, (enum rt_head_id)h, r, false, right + (size_t)h * n));
    }
    r->answer = l->c.model->answer = eval_choose(s, r, right, n);
    return eval_head(l, r->answer, r, true, NULL);
}

static int eval_all(struct rt_learner *l, const struct rt_learner_settings *s, struct rt_eval_report *r)
{
    uint8_t *right = calloc((size_t)l->eval.count * RT_HEADS + 1, 1);
    int rc = right ? eval_heads(l, s, r, right) : RT_EMEM;
    free(right);
    RT_TRY(rc);
    RT_TRY(eval_trials(l, r));
    return eval_teacher(l, r);
}

int rt_learner_conclude(struct rt_learner *l, const struct rt_learner_settings *settings,
                        struct rt_eval_report *report, struct rt_error *e)
{
    *report = (struct rt_eval_report){.step = l->step};
    rt_model_rescale(l->c.model, settings->objective.aam_scale);
    int rc = eval_all(l, settings, report);
    l->eval.count = 0;
    if (rc < 0)
        return rt_error_set(e, rc, "evaluation: %s", rt_err_words(rc));
    double merit = eval_merit(l, report);
    report->best = merit > l->best;
    if (report->best)
        l->best = merit;
    return 0;
}
