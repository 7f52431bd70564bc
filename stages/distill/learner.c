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
    size_t n = (size_t)l->c.batch, heads = 1;
    for (int k = 0; k < l->c.teachers; k++)
        heads += (size_t)l->c.model->teacher[k].classes;
    l->weight = calloc(5 * n, sizeof *l->weight);
    l->factor = calloc(n, sizeof *l->factor * RT_WEIGHT_COLUMNS);
    l->distance = calloc(n, sizeof *l->distance * RT_PLACES);
    l->head = calloc(n, sizeof *l->head * heads);
    l->d_head = calloc(n, sizeof *l->d_head * heads);
    if (!l->weight || !l->factor || !l->distance || !l->head || !l->d_head)
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
    if (!l->c.others)
        return 0;
    l->part = calloc((size_t)rt_graph_params(g) + 1, sizeof *l->part);
    if (!l->part)
        return RT_EMEM;
    for (int i = 0; i < rt_graph_params(g); i++) {
        struct rt_param *p = rt_graph_param(g, i);
        if (p->trainable)
            l->part[l->parts++] = (struct rt_exchange_part){p->grad, (size_t)p->count};
    }
    return 0;
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
    RT_TRY(rt_exec_create(&l->exec, g, l->c.batch, true, l->parallel));
    RT_TRY(rt_optim_create(&l->optim, l->c.optimizer, g));
    RT_TRY(learner_find_parts(l));
    return learner_allocate(l);
}

int rt_learner_create(struct rt_learner **out, const struct rt_learner_config *c, struct rt_error *e)
{
    *out = NULL;
    if (c->teachers > RT_TEACHERS || c->teachers != c->model->teachers)
        return rt_error_set(e, RT_EUSAGE, "%d teachers: %d at most, and those of the model", c->teachers, RT_TEACHERS);
    struct rt_learner *l = calloc(1, sizeof *l);
    if (!l || uv_mutex_init(&l->hold) != 0) {
        free(l);
        return rt_error_set(e, RT_EMEM, "student: no memory");
    }
    l->c = *c;
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
    rt_optim_destroy(l->optim);
    rt_stretch_destroy(l->stretch);
    rt_exec_destroy(l->exec);
    rt_parallel_destroy(l->parallel);
    rt_sample_states_fini(&l->samples);
    rt_learner_keep_fini(l);
    rt_learner_eval_fini(l);
    void *owned[] = {l->weight, l->factor, l->distance, l->head, l->d_head, l->part};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    uv_mutex_destroy(&l->hold);
    free(l);
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

static int learner_not_finite(const struct rt_learner *l, const char *what, struct rt_error *e)
{
    return rt_error_set(e, RT_ENOTFINITE, "step %lld: %s is not finite; lower train.lr or set train.clip",
                        (long long)l->step + 1, what);
}

/* The first layer whose output for n samples is not finite, or else the loss. */
static int loss_not_finite(const struct rt_learner *l, int n, struct rt_error *e)
{
    char what[RT_NAME + 32];
    const struct rt_graph *g = l->c.model->graph;
    for (int k = 0; n > 0 && k < rt_graph_nodes(g); k++) {
        const struct rt_node *node = rt_graph_at(g, k);
        const float *x = rt_exec_output(l->exec, k);
        size_t count = (size_t)n * (size_t)rt_shape_count(&node->shape);
        for (size_t i = 0; x && i < count; i++)
            if (!isfinite(x[i])) {
                snprintf(what, sizeof what, "the output of %s", node->name);
                return learner_not_finite(l, what, e);
            }
    }
    return learner_not_finite(l, "the loss", e);
}

static int gradient_not_finite(const struct rt_learner *l, const char *where, struct rt_error *e)
{
    char what[RT_NAME + 32];
    snprintf(what, sizeof what, "the gradient of %s", where ? where : "the network");
    return learner_not_finite(l, what, e);
}

/* ---- one update ----
 * The order is: weights, forward, objective, backward, exchange, update. Weights come first because
 * nothing of the student is in them. The objective needs the outputs of all samples before it can
 * divide by how many have what a term needs, and its gradients are then those of a mean over all;
 * so gradients of several learners are added as they are, and only their sum is clipped: a norm is
 * not the sum of norms. */

/* The student's outputs and one teacher's, as the objective reads them, and where gradients go. A part without
 * samples has none. at: where its head lies in l->head. */
static struct rt_objective_side learner_side(struct rt_learner *l, const struct rt_minibatch *b, int k, size_t at)
{
    const struct rt_model *m = l->c.model;
    const struct rt_model_teacher *t = &m->teacher[k];
    const struct rt_taught *taught = k < l->c.teachers && b->taught ? &b->taught[k] : NULL;
    struct rt_objective_side side = {.in = {.batch = b->count, .classes = m->classes, .label = b->label}};
    if (b->count == 0)
        return side;
    side.in.logits = rt_exec_output(l->exec, m->logits);
    side.gradient.logits = rt_exec_grad(l->exec, m->logits);
    if (!taught || !taught->have)
        return side;
    side.have = taught->have;
    side.in.teacher_classes = t->classes;
    side.in.dim = t->dim;
    side.in.feature = rt_exec_output(l->exec, t->feature);
    side.in.t_feature = taught->embedding;
    side.in.t_logits = taught->logits;
    side.gradient.feature = rt_exec_grad(l->exec, t->feature);
    if (t->head < 0)
        return side;
    const float *raw = rt_exec_output(l->exec, t->head);
    size_t n = (size_t)b->count * (size_t)t->classes;
    for (size_t i = 0; i < n; i++)
        l->head[at + i] = raw[i] * (float)t->scale;
    memset(l->d_head + at, 0, n * sizeof *l->d_head);
    side.in.head = l->head + at;
    side.gradient.head = l->d_head + at;
    return side;
}

/* Losses and their gradients into the graph's output gradients. */
static int learner_objective(struct rt_learner *l, const struct rt_minibatch *b,
                             const struct rt_objective_settings *settings, struct rt_error *e)
{
    const struct rt_model *m = l->c.model;
    struct rt_objective_side side[RT_TEACHERS];
    int sides = l->c.teachers ? l->c.teachers : 1;
    size_t at = 0;
    for (int k = 0; k < sides; k++) {
        side[k] = learner_side(l, b, k, at);
        at += (size_t)b->count * (size_t)m->teacher[k].classes;
    }
    RT_TRY(rt_objective_batch(&l->objective, settings, side, sides, &l->weights, l->c.others, &l->out, e));
    for (int k = 0; k < sides; k++) {
        const struct rt_model_teacher *t = &m->teacher[k];
        size_t n = (size_t)b->count * (size_t)t->classes;
        float *g = side[k].gradient.head ? rt_exec_grad(l->exec, t->head) : NULL;
        for (size_t i = 0; g && i < n; i++)
            g[i] += side[k].gradient.head[i] * (float)t->scale;
    }
    return 0;
}

/* The gradients of all trained parameters, the sum over all who share the update. */
static int learner_gradients(struct rt_learner *l, int count, struct rt_error *e)
{
    if (count > 0)
        rt_exec_backward(l->exec);
    for (int i = 0; count == 0 && i < l->parts; i++)
        memset(l->part[i].value, 0, l->part[i].count * sizeof *l->part[i].value);
    return rt_exchange_gradients(l->c.others, l->part, l->parts, e);
}

static int learner_learn(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                         struct rt_step_report *report, struct rt_error *e)
{
    struct rt_objective_settings objective = s->objective;
    objective.aam_margin = rt_objective_aam_margin(&s->objective, l->step, l->c.steps);
    objective.aam_scale = l->c.model->scale;
    RT_TRY(rt_learner_weigh(l, b, s, &report->effective, e));
    if (b->count > 0)
        rt_exec_forward(l->exec, b->count, b->input, b->input ? NULL : &b->bags, true, s->seed,
                        (uint64_t)l->step);
    RT_TRY(learner_objective(l, b, &objective, e));
    if (!isfinite(l->out.total))
        return loss_not_finite(l, b->count, e);
    RT_TRY(learner_gradients(l, b->count, e));
    int64_t place = l->step + (int64_t)floor(s->train.advance * (double)l->c.steps + 0.5);
    report->lr = s->train.lr * rt_schedule(s->train.schedule, place, l->c.steps, s->train.warmup);
    struct rt_optim_step how = {report->lr, s->train.momentum, s->train.decay, s->train.clip, l->parallel};
    const char *where = NULL;
    report->gradient_norm = rt_optim_update(l->optim, &how, &where);
    if (!isfinite(report->gradient_norm))
        return gradient_not_finite(l, where, e);
    rt_learner_follow_agreement(l, b, s);
    rt_learner_hold(l, true);
    rt_learner_note_teacher(l, b);
    for (int i = 0; i < b->count; i++)
        rt_sample_states_add(&l->samples, b->sample[i], l->quality[i], l->weight[i], &objective, &l->out, i);
    rt_learner_hold(l, false);
    return 0;
}

int rt_learner_step(struct rt_learner *l, const struct rt_minibatch *given, const struct rt_learner_settings *settings,
                    struct rt_step_report *report, struct rt_error *e)
{
    struct rt_minibatch b;
    if (given->count > l->c.batch)
        return rt_error_set(e, RT_EUSAGE, "%d samples: %d at most", given->count, l->c.batch);
    RT_TRY(rt_learner_keep(l, given, &b, e));
    rt_model_rescale(l->c.model, settings->objective.aam_scale);
    double all = b.count;
    RT_TRY(rt_exchange_sums(l->c.others, &all, 1, e));
    if (all < 2) {
        l->step++; /* the schedule goes on all the same */
        return 0;
    }
    *report = (struct rt_step_report){.samples = (int)all};
    RT_TRY(learner_learn(l, &b, settings, report, e));
    report->step = ++l->step;
    report->total = l->out.total;
    report->terms = &l->out;
    return 1;
}
