/* SPDX-License-Identifier: MIT
 * learner: one update: kept samples, weights, forward, objective, backward, exchange, step. See
 * learner.h. */
#include "stages/distill/learner_parts.h"

#include "stages/nn/optim/schedule.h"
#include "stages/nn/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings: what can be had with this model and these teachers ---- */

static struct rt_objective_facts learner_facts(const struct rt_learner *l, int teacher)
{
    const struct rt_model *m = l->c.model;
    return (struct rt_objective_facts){
        .has_teacher = l->c.teachers > teacher,
        .shares_classes = m->teacher[teacher].shares_classes,
        .classes = m->classes,
        .teacher_classes = m->teacher[teacher].classes,
    };
}

int rt_learner_check(const struct rt_learner *l, const struct rt_learner_settings *s, struct rt_error *e)
{
    struct rt_weight_source have = rt_learner_weight_source(l);
    struct rt_weight_scale scale;
    enum rt_head_id head = s->head;
    for (int k = 0; k == 0 || k < l->c.teachers; k++) {
        struct rt_objective_facts facts = learner_facts(l, k);
        RT_TRY(rt_objective_check(&s->objective, k, &facts, e));
    }
    if ((head == RT_HEAD_TEACHER || head == RT_HEAD_SUM) && !l->c.model->teacher[0].shares_classes)
        return rt_error_set(e, RT_EMISMATCH, "eval.head is %s, but there is no teacher's head with "
                            "the data set's classes: write own or auto", rt_head_names[head]);
    return rt_weight_scale_read(s->weight.terms, s->weight.map, s->weight.knees, &have, &scale, e);
}

/* ---- made and unmade ---- */

static int learner_allocate(struct rt_learner *l)
{
    size_t n = (size_t)l->c.batch, shards = (size_t)l->c.shards, heads = 1;
    for (int k = 0; k < l->c.teachers; k++)
        heads += (size_t)l->c.model->teacher[k].classes;
    l->first = calloc(shards + 1, sizeof *l->first);
    l->sums = calloc(shards, sizeof *l->sums);
    l->weight = calloc(5 * n, sizeof *l->weight);
    l->factor = calloc(n, sizeof *l->factor * RT_WEIGHT_COLUMNS);
    l->distance = calloc(n, sizeof *l->distance * RT_PLACES);
    l->agreed = calloc(n, sizeof *l->agreed);
    l->head = calloc((size_t)l->shard_rows, sizeof *l->head * heads);
    l->d_head = calloc((size_t)l->shard_rows, sizeof *l->d_head * heads);
    if (!l->first || !l->sums || !l->weight || !l->factor || !l->distance || !l->agreed || !l->head || !l->d_head)
        return RT_EMEM;
    l->task_weight = l->weight + n;
    l->quality = l->weight + 2 * n;
    l->task_quality = l->weight + 3 * n;
    l->scale = l->weight + 4 * n;
    for (size_t k = 0; k < RT_PLACES; k++)
        l->out.distance[k] = l->distance + k * n;
    return 0;
}

static int learner_find_parts(struct rt_learner *l)
{
    struct rt_graph *g = l->c.model->graph;
    size_t statistics = 0;
    l->part = calloc((size_t)rt_graph_params(g) + 1, sizeof *l->part);
    if (!l->part)
        return RT_EMEM;
    for (int i = 0; i < rt_graph_params(g); i++) {
        struct rt_param *p = rt_graph_param(g, i);
        if (p->trainable)
            l->part[l->parts++] = (struct rt_exchange_part){p->grad, (size_t)p->count};
    }
    l->gradients = l->parts;
    for (int i = 0; rt_learner_is_cut(l) && i < rt_graph_params(g); i++) {
        struct rt_param *p = rt_graph_param(g, i);
        if (!p->statistic)
            continue;
        l->part[l->parts++] = (struct rt_exchange_part){p->value, (size_t)p->count};
        statistics += (size_t)p->count;
    }
    l->before = calloc(statistics + 1, sizeof *l->before);
    return l->before ? rt_shard_sum_create(&l->sum, l->part, l->parts, l->c.shards) : RT_EMEM;
}

static size_t input_numbers(const struct rt_graph *g)
{
    for (int k = 0; k < rt_graph_nodes(g); k++)
        if (rt_graph_at(g, k)->op == RT_OP_input)
            return (size_t)rt_shape_count(&rt_graph_at(g, k)->shape);
    return 0;
}

static int learner_make(struct rt_learner *l)
{
    struct rt_graph *g = l->c.model->graph;
    RT_TRY(rt_sample_states_init(&l->samples, l->c.rows));
    RT_TRY(rt_parallel_create(&l->parallel, l->c.threads));
    RT_TRY(rt_exec_create(&l->exec, g, l->shard_rows, true, l->parallel));
    RT_TRY(rt_optim_create(&l->optim, l->c.optimizer, g));
    RT_TRY(learner_find_parts(l));
    return learner_allocate(l);
}

int rt_learner_create(struct rt_learner **out, const struct rt_learner_config *c, struct rt_error *e)
{
    *out = NULL;
    if (c->teachers > RT_TEACHERS || c->teachers != c->model->teachers)
        return rt_error_set(e, RT_EUSAGE, "%d teachers: %d at most, and those of the model", c->teachers, RT_TEACHERS);
    if (c->shards < 1 || (c->shards & (c->shards - 1)))
        return rt_error_set(e, RT_EUSAGE, "%d shards: take a power of two", c->shards);
    struct rt_learner *l = calloc(1, sizeof *l);
    if (!l || uv_mutex_init(&l->hold) != 0) {
        free(l);
        return rt_error_set(e, RT_EMEM, "student: no memory");
    }
    l->c = *c;
    l->shard_rows = c->shard_rows ? c->shard_rows : c->batch;
    l->teacher = c->teachers ? c->teacher[0] : NULL;
    l->input_row = input_numbers(c->model->graph);
    l->best = -1;
    l->norm_mean = l->norm_var = NAN;
    rt_objective_init(&l->objective);
    int rc = rt_learner_check(l, c->settings, e);
    if (rc < 0)
        goto fail;
    rc = learner_make(l);
    if (rc < 0) {
        rt_error_set(e, rc, "student: %s (batch %d)", rt_err_words(rc), l->c.batch);
        goto fail;
    }
    l->c.settings = NULL; /* they come with each update */
    l->c.teacher = NULL;
    *out = l;
    return 0;
fail:
    rt_learner_destroy(l);
    return rc;
}

void rt_learner_destroy(struct rt_learner *l)
{
    if (!l)
        return;
    rt_shard_sum_destroy(l->sum);
    rt_optim_destroy(l->optim);
    rt_stretch_destroy(l->stretch);
    rt_exec_destroy(l->exec);
    rt_parallel_destroy(l->parallel);
    rt_sample_states_fini(&l->samples);
    rt_learner_keep_fini(l);
    rt_learner_eval_fini(l);
    void *owned[] = {l->weight, l->factor, l->distance, l->agreed, l->head, l->d_head,
                     l->part, l->before, l->first, l->sums};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    uv_mutex_destroy(&l->hold);
    free(l);
}

void rt_learner_prolong(struct rt_learner *l, int64_t steps)
{
    l->c.steps = steps;
}

struct rt_learner_progress rt_learner_progress(const struct rt_learner *l)
{
    return l ? (struct rt_learner_progress){l->step, l->c.steps, l->best} : (struct rt_learner_progress){.best = -1};
}

const struct rt_sample_states *rt_learner_samples(const struct rt_learner *l)
{
    return &l->samples;
}

void rt_learner_hold(struct rt_learner *l, bool on)
{
    if (on)
        uv_mutex_lock(&l->hold);
    else
        uv_mutex_unlock(&l->hold);
}

/* ---- NaN ----
 * A number that is not finite ends the run. To leave the update out would hide what made it: a rate
 * that is too high, or a sample that is broken; and it would be met again. Once it is in the
 * weights nothing is left of them, so it is looked for before they change: in the loss, and in the
 * gradients' norm. The message names the update and the first layer, so that someone can look. */

static int gradient_not_finite(const struct rt_learner *l, const char *where, struct rt_error *e)
{
    char what[RT_NAME + 32];
    snprintf(what, sizeof what, "the gradient of %s", where ? where : "the network");
    return rt_learner_not_finite(l, what, e);
}

/* ---- what became of the samples ----
 * The states of all samples are in everyone's checkpoint, so whoever shares the update tells the others of its rows,
 * with the sums of what the terms said; they are noted in the order of the batch, as a sample may be in it twice. */

enum {
    NOTE_SAMPLE, NOTE_QUALITY, NOTE_WEIGHT, NOTE_AGREED, NOTE_TEACHER_P, NOTE_DISTANCE, /* of each term */
    NOTES = NOTE_DISTANCE + RT_TERMS
};

static void sample_note(struct rt_learner *l, const struct rt_objective_settings *objective, const double *note)
{
    int sample = (int)note[NOTE_SAMPLE];
    rt_learner_follow_agreement(l, sample, note[NOTE_AGREED]);
    if (!isnan(note[NOTE_TEACHER_P]))
        l->samples.teacher_p[sample] = (float)note[NOTE_TEACHER_P];
    rt_sample_states_add(&l->samples, sample, note[NOTE_QUALITY], note[NOTE_WEIGHT], objective, note + NOTE_DISTANCE,
                         l->out.margin);
}

/* What others say of their samples is of rows that there are. */
static bool notes_fit(const struct rt_learner *l, const double *note, size_t total)
{
    bool fit = total % (NOTES * sizeof *note) == 0;
    for (size_t i = 0; fit && i < total / sizeof *note; i += NOTES)
        fit = note[i + NOTE_SAMPLE] >= 0 && note[i + NOTE_SAMPLE] < l->samples.rows;
    return fit;
}

static void notes_make(const struct rt_learner *l, const struct rt_minibatch *b, double *note)
{
    for (int i = 0; i < b->count; i++) {
        double *of = note + (size_t)i * NOTES;
        of[NOTE_SAMPLE] = b->sample[i];
        of[NOTE_QUALITY] = l->quality[i];
        of[NOTE_WEIGHT] = l->weight[i];
        of[NOTE_AGREED] = l->agreed[i];
        of[NOTE_TEACHER_P] = rt_learner_teacher_p(l, b, i);
        for (int k = 0; k < RT_TERMS; k++)
            of[NOTE_DISTANCE + k] = l->out.distance[k][i];
    }
}

/* Sums of all who share the update into l->sums[0], and *all [*total]: the notes of all their samples. */
static int notes_share(struct rt_learner *l, const struct rt_minibatch *b, void **all, size_t *total,
                       struct rt_error *e)
{
    size_t n = (size_t)b->count;
    double *note = malloc((n + 1) * NOTES * sizeof *note);
    if (!note)
        return rt_error_set(e, RT_EMEM, "student: no memory for what became of %d samples", b->count);
    notes_make(l, b, note);
    int rc = rt_exchange_sums_and(l->c.others, (double *)l->sums, l->c.shards, RT_LEARNER_SUMS, note,
                                  n * NOTES * sizeof *note, all, total, e);
    free(note);
    if (rc < 0 || notes_fit(l, *all, *total))
        return rc;
    free(*all);
    *all = NULL;
    return rt_error_set(e, RT_EMISMATCH, "who shares the update speaks of a sample that is none of %d",
                        l->samples.rows);
}

static void notes_keep(struct rt_learner *l, const struct rt_objective_settings *objective, const double *note,
                       size_t bytes)
{
    rt_learner_hold(l, true);
    for (size_t i = 0; i < bytes / (NOTES * sizeof *note); i++)
        sample_note(l, objective, note + i * NOTES);
    rt_learner_hold(l, false);
}

/* ---- one update ----
 * The order is: weights, then shard by shard forward, objective and backward, exchange, update. Weights come first
 * because nothing of the student is in them. All who share the update meet three times: before the forward pass for
 * what is counted, for the gradients, and for the rest; each time all wait for the slowest. The objective's gradients
 * are those of a mean over all samples, wherever these are; so gradients of several shards are added as they are, and
 * only their sum is clipped: a norm is not the sum of norms. */

/* What the sums of all shards say. */
static int learner_conclude(struct rt_learner *l, const struct rt_objective_settings *objective,
                            struct rt_step_report *report, struct rt_error *e)
{
    const double *squares = l->sums->squares;
    rt_objective_conclude(&l->objective, objective, l->c.teachers ? l->c.teachers : 1, l->sums->place, &l->out);
    report->samples = (int)l->all.rows;
    report->effective = squares[1] == 0 ? 0 : squares[0] * squares[0] / squares[1];
    report->total = l->out.total;
    report->terms = &l->out;
    return isfinite(l->out.total) ? 0 : rt_learner_not_finite(l, l->broken[0] ? l->broken : "the loss", e);
}

static int learner_update(struct rt_learner *l, const struct rt_learner_settings *s, struct rt_step_report *report,
                          struct rt_error *e)
{
    int64_t place = l->step + (int64_t)floor(s->train.advance * (double)l->c.steps + 0.5);
    report->lr = s->train.lr * rt_schedule(s->train.schedule, place, l->c.steps, s->train.warmup);
    struct rt_optim_step how = {report->lr, s->train.momentum, s->train.decay, s->train.clip, l->parallel};
    const char *where = NULL;
    report->gradient_norm = rt_optim_update(l->optim, &how, &where);
    return isfinite(report->gradient_norm) ? 0 : gradient_not_finite(l, where, e);
}

static int learner_learn(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                         const struct rt_objective_settings *objective, struct rt_step_report *report,
                         struct rt_error *e)
{
    void *notes;
    size_t bytes;
    *report = (struct rt_step_report){.step = l->step + 1};
    rt_learner_weigh(l, b);
    RT_TRY(rt_learner_shards(l, b, objective, s, e));
    RT_TRY(notes_share(l, b, &notes, &bytes, e));
    int rc = learner_conclude(l, objective, report, e);
    if (rc == 0)
        rc = learner_update(l, s, report, e);
    if (rc == 0)
        notes_keep(l, objective, notes, bytes);
    free(notes);
    return rc;
}

int rt_learner_step(struct rt_learner *l, const struct rt_minibatch *given, const struct rt_learner_settings *settings,
                    struct rt_step_report *report, struct rt_error *e)
{
    struct rt_minibatch b;
    if (given->count > l->c.batch)
        return rt_error_set(e, RT_EUSAGE, "%d samples: %d at most", given->count, l->c.batch);
    RT_TRY(rt_learner_keep(l, given, &b, e));
    RT_TRY(rt_learner_cut(l, &b, e));
    rt_model_rescale(l->c.model, settings->objective.aam_scale);
    struct rt_objective_settings objective = settings->objective;
    objective.aam_margin = rt_objective_aam_margin(&settings->objective, l->step, l->c.steps);
    objective.aam_scale = l->c.model->scale;
    RT_TRY(rt_learner_measure_weights(l, &b, settings, e));
    RT_TRY(rt_learner_count(l, &b, &objective, e));
    if (l->all.rows >= RT_LEARNER_LEAST)
        RT_TRY(learner_learn(l, &b, settings, &objective, report, e));
    l->step++; /* the schedule goes on all the same */
    return l->all.rows >= RT_LEARNER_LEAST;
}
