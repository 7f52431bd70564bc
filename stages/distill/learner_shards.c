/* SPDX-License-Identifier: MIT
 * learner_shards: the batch of an update, shard by shard: forward, objective, backward, and what is added up of them.
 * See learner.h.
 *
 * One shard at a time is in the network, so the network has memory for one: a batch that is cut in four takes a quarter
 * of the activations. What a gradient needs of other shards is how many samples each term has, and that is known before
 * any of them has been through the network; so nothing has to be run twice but in the one update in which a running
 * quantile begins, which needs all distances first. */
#include "stages/distill/learner_parts.h"

#include "stages/nn/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which rows are in which shard ---- */

bool rt_learner_is_cut(const struct rt_learner *l)
{
    return l->c.shards > 1 || (l->c.others && l->c.others->size > 1);
}

int rt_learner_cut(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e)
{
    int at = 0;
    for (int s = 0; s < l->c.shards; s++) {
        l->first[s] = at;
        while (at < b->count && (!b->shard || b->shard[at] <= s))
            at++;
        if (at - l->first[s] > l->shard_rows)
            return rt_error_set(e, RT_EUSAGE, "shard %d has %d samples: %d at most", s, at - l->first[s],
                                l->shard_rows);
    }
    l->first[l->c.shards] = b->count;
    return at == b->count ? 0 : rt_error_set(e, RT_EUSAGE, "a sample of shard %d: there are %d", b->shard[at],
                                             l->c.shards);
}

static struct rt_minibatch shard_take(const struct rt_learner *l, const struct rt_minibatch *b, int s,
                                      struct rt_taught taught[RT_TEACHERS])
{
    size_t at = (size_t)l->first[s];
    struct rt_minibatch part = {.count = l->first[s + 1] - l->first[s], .sample = b->sample + at, .bags = b->bags};
    if (b->input)
        part.input = b->input + at * l->input_row;
    else if (b->bags.offset)
        part.bags.offset += at;
    part.label = b->label + at;
    for (int k = 0; k < l->c.teachers && b->taught; k++) {
        const struct rt_taught *t = &b->taught[k];
        const struct rt_model_teacher *m = &l->c.model->teacher[k];
        taught[k] = (struct rt_taught){
            t->have ? t->have + at : NULL,
            t->embedding ? t->embedding + at * (size_t)m->dim : NULL,
            t->logits ? t->logits + at * (size_t)m->classes : NULL,
        };
    }
    part.taught = b->taught ? taught : NULL;
    return part;
}

/* ---- the objective's sides ---- */

/* The student's outputs and one teacher's, as the objective reads them, and where gradients go. A part without
 * samples has none. at: where its head lies in l->head. pull: with gradients; else outputs need not be there yet. */
static struct rt_objective_side shard_side(struct rt_learner *l, const struct rt_minibatch *b, int k, size_t at,
                                           bool pull)
{
    const struct rt_model *m = l->c.model;
    const struct rt_model_teacher *t = &m->teacher[k];
    const struct rt_taught *taught = k < l->c.teachers && b->taught ? &b->taught[k] : NULL;
    struct rt_objective_side side = {.in = {.batch = b->count, .classes = m->classes, .label = b->label}};
    if (b->count == 0)
        return side;
    side.in.logits = rt_exec_output(l->exec, m->logits);
    side.gradient.logits = pull ? rt_exec_grad(l->exec, m->logits) : NULL;
    if (!taught || !taught->have)
        return side;
    side.have = taught->have;
    side.in.teacher_classes = t->classes;
    side.in.dim = t->dim;
    side.in.feature = rt_exec_output(l->exec, t->feature);
    side.in.t_feature = taught->embedding;
    side.in.t_logits = taught->logits;
    side.gradient.feature = pull ? rt_exec_grad(l->exec, t->feature) : NULL;
    if (t->head < 0)
        return side;
    const float *raw = rt_exec_output(l->exec, t->head);
    size_t n = (size_t)b->count * (size_t)t->classes;
    for (size_t i = 0; i < n; i++)
        l->head[at + i] = raw[i] * (float)t->scale;
    memset(l->d_head + at, 0, n * sizeof *l->d_head);
    side.in.head = l->head + at;
    side.gradient.head = pull ? l->d_head + at : NULL;
    return side;
}

static int shard_sides(struct rt_learner *l, const struct rt_minibatch *b, bool pull,
                       struct rt_objective_side side[RT_TEACHERS])
{
    int sides = l->c.teachers ? l->c.teachers : 1;
    size_t at = 0;
    for (int k = 0; k < sides; k++) {
        side[k] = shard_side(l, b, k, at, pull);
        at += (size_t)b->count * (size_t)l->c.model->teacher[k].classes;
    }
    return sides;
}

static struct rt_objective_sums *shard_sums(const struct rt_learner *l, int s)
{
    return l->sums[s].place;
}

static void shard_distances(const struct rt_learner *l, int s, double *distance[RT_PLACES])
{
    for (int k = 0; k < RT_PLACES; k++)
        distance[k] = l->out.distance[k] + l->first[s];
}

/* ---- running statistics ----
 * Batch-norm normalises each shard by itself: to share its sums within each layer would be a journey a layer, for
 * statistics that a shard of some samples gives well enough. Each shard starts from the running statistics of before
 * the update, and how far it moves them is added up as gradients are, by rows: the update moves them by the mean. */

static void statistics_restore(struct rt_learner *l)
{
    const float *before = l->before;
    for (int i = l->gradients; i < l->parts; before += l->part[i++].count)
        memcpy(l->part[i].value, before, l->part[i].count * sizeof *before);
}

static void statistics_keep(struct rt_learner *l)
{
    float *before = l->before;
    for (int i = l->gradients; i < l->parts; before += l->part[i++].count)
        memcpy(before, l->part[i].value, l->part[i].count * sizeof *before);
}

static void statistics_weigh(struct rt_learner *l, int rows)
{
    const float *before = l->before;
    for (int i = l->gradients; i < l->parts; before += l->part[i++].count)
        for (size_t k = 0; k < l->part[i].count; k++)
            l->part[i].value[k] = (l->part[i].value[k] - before[k]) * (float)rows;
}

static void statistics_move(struct rt_learner *l, int rows)
{
    const float *before = l->before;
    for (int i = l->gradients; i < l->parts; before += l->part[i++].count)
        for (size_t k = 0; k < l->part[i].count; k++)
            l->part[i].value[k] = before[k] + l->part[i].value[k] / (float)rows;
}

/* ---- one shard ---- */

/* Dropout draws by the place in the shard, and other numbers for each shard. */
static void shard_forward(struct rt_learner *l, const struct rt_minibatch *b, int s, uint64_t seed)
{
    uint64_t number = (uint64_t)s + (l->c.others ? (uint64_t)(l->c.others->rank * l->c.shards) : 0);
    if (b->count > 0)
        rt_exec_forward(l->exec, b->count, b->input, b->input ? NULL : &b->bags, true, seed,
                        (uint64_t)l->step + (number << 40));
}

/* Losses and their gradients into the graph's output gradients. */
static int shard_objective(struct rt_learner *l, const struct rt_minibatch *b, int s,
                           const struct rt_objective_settings *settings, struct rt_error *e)
{
    struct rt_objective_side side[RT_TEACHERS];
    double *distance[RT_PLACES];
    int sides = shard_sides(l, b, true, side);
    struct rt_objective_weights w = {l->weights.task ? l->weights.task + l->first[s] : NULL,
                                     l->weights.distill + l->first[s]};
    shard_distances(l, s, distance);
    RT_TRY(rt_objective_shard(&l->objective, settings, side, sides, &w, l->all.place, distance, shard_sums(l, s), e));
    for (int k = 0; k < sides; k++) {
        const struct rt_model_teacher *t = &l->c.model->teacher[k];
        size_t n = (size_t)b->count * (size_t)t->classes;
        float *g = side[k].gradient.head ? rt_exec_grad(l->exec, t->head) : NULL;
        for (size_t i = 0; g && i < n; i++)
            g[i] += side[k].gradient.head[i] * (float)t->scale;
    }
    return 0;
}

int rt_learner_not_finite(const struct rt_learner *l, const char *what, struct rt_error *e)
{
    return rt_error_set(e, RT_ENOTFINITE, "step %lld: %s is not finite; lower train.lr or set train.clip",
                        (long long)l->step + 1, what);
}

/* Of a shard whose loss is not finite the first layer's output that is not; what is found first is kept. */
static void shard_look_for_nan(struct rt_learner *l, int s, int n)
{
    const struct rt_graph *g = l->c.model->graph;
    const struct rt_objective_sums *sum = shard_sums(l, s);
    bool finite = true;
    for (int k = 0; k < RT_PLACES; k++)
        finite = finite && isfinite(sum[k].loss);
    for (int k = 0; !finite && !l->broken[0] && k < rt_graph_nodes(g); k++) {
        const struct rt_node *node = rt_graph_at(g, k);
        const float *x = rt_exec_output(l->exec, k);
        size_t count = (size_t)n * (size_t)rt_shape_count(&node->shape);
        for (size_t i = 0; x && !l->broken[0] && i < count; i++)
            if (!isfinite(x[i]))
                snprintf(l->broken, sizeof l->broken, "the output of %s", node->name);
    }
}

/* Leaves the shard's gradients, and how it moves statistics, in the parts. */
static int shard_learn(struct rt_learner *l, const struct rt_minibatch *b, int s, bool forward,
                       const struct rt_objective_settings *objective, const struct rt_learner_settings *settings,
                       struct rt_error *e)
{
    if (forward) {
        statistics_restore(l);
        shard_forward(l, b, s, settings->seed);
    }
    RT_TRY(shard_objective(l, b, s, objective, e));
    shard_look_for_nan(l, s, b->count);
    rt_learner_agree(l, b, settings, l->agreed + l->first[s]);
    if (b->count > 0)
        rt_exec_backward(l->exec);
    for (int i = 0; b->count == 0 && i < l->gradients; i++)
        memset(l->part[i].value, 0, l->part[i].count * sizeof *l->part[i].value);
    statistics_weigh(l, b->count);
    rt_shard_sum_push(l->sum);
    return 0;
}

/* ---- all shards ---- */

int rt_learner_count(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_objective_settings *objective,
                     struct rt_error *e)
{
    for (int s = 0; s < l->c.shards; s++) {
        struct rt_taught taught[RT_TEACHERS];
        struct rt_objective_side side[RT_TEACHERS];
        struct rt_minibatch part = shard_take(l, b, s, taught);
        int sides = shard_sides(l, &part, false, side);
        RT_TRY(rt_objective_count(objective, side, sides, shard_sums(l, s), e));
        l->sums[s].rows = part.count;
    }
    RT_TRY(rt_exchange_sums(l->c.others, (double *)l->sums, l->c.shards, RT_LEARNER_SUMS, e));
    l->all = l->sums[0];
    return 0;
}

static int quantile_begin(struct rt_learner *l, int n, const struct rt_objective_settings *settings, int k,
                          struct rt_error *e)
{
    double *finite = malloc(((size_t)n + 1) * sizeof *finite);
    size_t total;
    void *all;
    int found = 0;
    if (!finite)
        return rt_error_set(e, RT_EMEM, "student: no memory for the losses");
    for (int i = 0; i < n; i++)
        if (isfinite(l->out.distance[k][i]))
            finite[found++] = l->out.distance[k][i];
    int rc = rt_exchange_gather(l->c.others, finite, (size_t)found * sizeof *finite, &all, &total, e);
    free(finite);
    if (rc < 0)
        return rc;
    rt_objective_begin(&l->objective, settings, k, all, (int)(total / sizeof *finite));
    free(all);
    return 0;
}

/* Where a quantile begins: the distances of all samples, and then its first value. */
static int quantiles_begin(struct rt_learner *l, const struct rt_minibatch *b,
                           const struct rt_objective_settings *settings, uint64_t seed, struct rt_error *e)
{
    for (int s = 0; s < l->c.shards; s++) {
        struct rt_taught taught[RT_TEACHERS];
        struct rt_objective_side side[RT_TEACHERS];
        struct rt_minibatch part = shard_take(l, b, s, taught);
        double *distance[RT_PLACES];
        statistics_restore(l);
        shard_forward(l, &part, s, seed);
        int sides = shard_sides(l, &part, false, side);
        shard_distances(l, s, distance);
        RT_TRY(rt_objective_shard(&l->objective, settings, side, sides, NULL, NULL, distance, shard_sums(l, s), e));
    }
    for (int k = 0; k < RT_PLACES; k++)
        if (rt_objective_begins(&l->objective, settings, l->all.place, k))
            RT_TRY(quantile_begin(l, b->count, settings, k, e));
    return 0;
}

static bool quantiles_are_to_begin(const struct rt_learner *l, const struct rt_objective_settings *settings)
{
    bool begins = false;
    for (int k = 0; k < RT_PLACES; k++)
        begins |= rt_objective_begins(&l->objective, settings, l->all.place, k);
    return begins;
}

int rt_learner_shards(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_objective_settings *objective,
                      const struct rt_learner_settings *settings, struct rt_error *e)
{
    l->broken[0] = '\0';
    statistics_keep(l);
    bool begins = quantiles_are_to_begin(l, objective);
    if (begins)
        RT_TRY(quantiles_begin(l, b, objective, settings->seed, e));
    for (int s = 0; s < l->c.shards; s++) {
        struct rt_taught taught[RT_TEACHERS];
        struct rt_minibatch part = shard_take(l, b, s, taught);
        bool there = begins && l->c.shards == 1; /* its outputs are those of just now */
        RT_TRY(shard_learn(l, &part, s, !there, objective, settings, e));
    }
    RT_TRY(rt_exchange_add(l->c.others, l->part, l->parts, e));
    statistics_move(l, (int)l->all.rows);
    return 0;
}
