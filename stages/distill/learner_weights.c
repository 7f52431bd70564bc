/* SPDX-License-Identifier: MIT
 * learner_weights: each sample's weight from its measures, from what the teacher says of it, and by
 * hand. See learner.h and weights.h. */
#include "stages/distill/learner_parts.h"

#include "stages/distill/softmax.h"
#include "stages/distill/weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct rt_weight_source rt_learner_weight_source(const struct rt_learner *l)
{
    unsigned teacher = l->teacher ? RT_NEEDS_T_FEATURE : 0u;
    if (l->teacher && l->teacher->classes > 0)
        teacher |= RT_NEEDS_T_LOGITS | (l->c.model->teacher[0].shares_classes ? RT_NEEDS_CLASSES : 0u);
    return (struct rt_weight_source){l->c.measure, l->c.measures, teacher};
}

/* ---- what the teacher's outputs say of a sample ----
 * These are known only while a sample is in a batch, so they are measured here and not in the
 * scoring pass. */

static double feature_norm(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* AdaFace's image quality: the feature norm's z-score over the batches so far, h = 0.33, clipped to
 * -1..1, here moved to 0..1. Updates the running mean and variance (rate 0.01), with the norms of
 * all who share the update; what is too small for an update moves nothing. */
static int factor_of_norm(struct rt_learner *l, const struct rt_minibatch *b, double *out, int stride,
                          struct rt_error *e)
{
    const struct rt_taught *t = b->taught;
    int dim = l->teacher->dim;
    /* how many, their sum, their squares' sum; rows. Where other sums of the shards come later. */
    double *sum = memset(l->sums, 0, sizeof *sum * 4 * (size_t)l->c.shards);
    for (int s = 0; s < l->c.shards; s++) {
        sum[4 * s + 3] = l->first[s + 1] - l->first[s];
        for (int i = l->first[s]; i < l->first[s + 1]; i++) {
            bool have = t && t->have && t->have[i];
            double x = have ? feature_norm(t->embedding + (size_t)i * (size_t)dim, dim) : NAN;
            out[i * stride] = x;
            if (!isnan(x)) {
                sum[4 * s]++;
                sum[4 * s + 1] += x;
                sum[4 * s + 2] += x * x;
            }
        }
    }
    RT_TRY(rt_exchange_sums(l->c.others, sum, l->c.shards, 4, e));
    if (sum[0] > 0 && sum[3] >= RT_LEARNER_LEAST) {
        double mean = sum[1] / sum[0], var = fmax(0, sum[2] / sum[0] - mean * mean);
        l->norm_mean = isnan(l->norm_mean) ? mean : 0.99 * l->norm_mean + 0.01 * mean;
        l->norm_var = isnan(l->norm_var) ? var : 0.99 * l->norm_var + 0.01 * var;
    }
    for (int i = 0; i < b->count; i++) {
        double z = (out[i * stride] - l->norm_mean) / (sqrt(l->norm_var) + 1e-3) * 0.33;
        out[i * stride] = isnan(z) ? NAN : 0.5 + 0.5 * fmax(-1, fmin(1, z));
    }
    return 0;
}

/* The teacher's posterior of the sample's label; without a label its largest one. To say nothing there would
 * let pairs that nobody labelled count more than good ones that somebody did. NaN without teacher. */
static void factor_of_confidence(const struct rt_learner *l, const struct rt_minibatch *b, double *out,
                                 int stride)
{
    const struct rt_taught *t = b->taught;
    int classes = l->teacher->classes;
    for (int i = 0; i < b->count; i++) {
        out[i * stride] = NAN;
        if (!t || !t->have || !t->have[i] || !l->c.model->teacher[0].shares_classes)
            continue;
        const float *z = t->logits + (size_t)i * (size_t)classes;
        double top = z[0], sum = 0;
        for (int c = 1; c < classes; c++)
            top = fmax(top, z[c]);
        for (int c = 0; c < classes; c++)
            sum += exp(z[c] - top);
        out[i * stride] = (b->label[i] < 0 ? 1 : exp(z[b->label[i]] - top)) / sum;
    }
}

/* ---- agreement ----
 * A wrong pair (somebody else's picture beside the recording) shows in no measure of either. It shows in that
 * the student, which learns from all others, goes on to answer otherwise than the teacher. So the cosine of
 * both posteriors is followed for each sample, over its own updates, and counts from a part of the run on at
 * which the student has learned something. It is a knee and not a choice of the samples with the smallest
 * loss: that one needs to be told how many pairs are wrong, and takes good ones away where none are. */

#define AGREEMENT_RATE 0.3

static bool agreement_is_in(const struct rt_weight_columns *list)
{
    for (int t = 0; t < list->count; t++)
        if (list->column[t] == RT_WEIGHT_OF(RT_WEIGHT_agreement))
            return true;
    return false;
}

/* As the update before left it; NaN: not yet in force, never seen, or no teacher. */
static void factor_of_agreement(const struct rt_learner *l, const struct rt_minibatch *b, double from,
                                const struct rt_knee *knee, double *out, int stride)
{
    bool on = (double)l->step >= from * (double)l->c.steps;
    for (int i = 0; i < b->count; i++) {
        double a = on ? (double)l->samples.agreement[b->sample[i]] : NAN;
        out[i * stride] = isnan(a) ? NAN : rt_knee_factor(knee, a);
    }
}

/* Cosine of softmax(scale * x) and softmax(z). */
static double posterior_cosine(const float *x, double scale, const float *z, int classes)
{
    double own = rt_softmax_lse(x, classes, scale, -1), taught = rt_softmax_lse(z, classes, 1, -1);
    double dot = 0, p2 = 0, q2 = 0;
    for (int c = 0; c < classes; c++) {
        double p = exp(scale * x[c] - own), q = exp(z[c] - taught);
        dot += p * q;
        p2 += p * p;
        q2 += q * q;
    }
    return dot / sqrt(p2 * q2);
}

void rt_learner_agree(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                      double *now)
{
    struct rt_weight_source have = rt_learner_weight_source(l);
    struct rt_weight_columns list;
    const struct rt_taught *t = b->taught;
    int classes = l->c.model->classes;
    rt_weight_terms_read("weight.terms", s->weight.terms, &have, &list, NULL);
    bool follows = agreement_is_in(&list);
    l->samples.follows_agreement |= follows;
    for (int i = 0; i < b->count; i++) {
        size_t at = (size_t)i * (size_t)classes;
        now[i] = !follows || !t || !t->have || !t->have[i] ? NAN
                 : posterior_cosine(rt_exec_output(l->exec, l->c.model->logits) + at,
                                    s->objective.cosine_logits ? l->c.model->scale : 1, t->logits + at, classes);
    }
}

void rt_learner_follow_agreement(struct rt_learner *l, int sample, double now)
{
    float *a = &l->samples.agreement[sample];
    if (!isnan(now))
        *a = (float)(isnan(*a) ? now : (double)*a + AGREEMENT_RATE * (now - (double)*a));
}

double rt_learner_teacher_p(const struct rt_learner *l, const struct rt_minibatch *b, int i)
{
    const struct rt_taught *t = b->taught;
    if (!t || !t->have || !t->logits || !l->c.model->teacher[0].shares_classes || !t->have[i] || b->label[i] < 0)
        return NAN;
    const float *z = t->logits + (size_t)i * (size_t)l->teacher->classes;
    return fmaxf((float)exp(z[b->label[i]] - rt_softmax_lse(z, l->teacher->classes, 1, -1)), FLT_MIN);
}

static void factor_of_measure(const struct rt_learner *l, const struct rt_minibatch *b,
                              const struct rt_weight_scale *scale, int t)
{
    for (int i = 0; i < b->count; i++) {
        size_t at = (size_t)i * (size_t)l->c.measures + (size_t)scale->list.column[t];
        l->factor[i * scale->list.count + t] =
            b->value ? rt_weight_scale_factor(scale, t, (double)b->value[at], (double)b->percentile[at]) : NAN;
    }
}

static int factor_of_term(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                          const struct rt_weight_scale *scale, int t, struct rt_error *e)
{
    int column = scale->list.column[t], stride = scale->list.count;
    if (column == RT_WEIGHT_OF(RT_WEIGHT_teacher_norm))
        return factor_of_norm(l, b, l->factor + t, stride, e);
    if (column == RT_WEIGHT_OF(RT_WEIGHT_teacher_confidence))
        factor_of_confidence(l, b, l->factor + t, stride);
    else if (column == RT_WEIGHT_OF(RT_WEIGHT_agreement))
        factor_of_agreement(l, b, s->weight.agreement_from, &scale->knee[t], l->factor + t, stride);
    else
        factor_of_measure(l, b, scale, t);
    return 0;
}

/* ---- the weights ----
 * They are made before the forward pass: what is in them of the student is of earlier updates, so nobody
 * has to wait for it. Their mean is 1 over all samples of the update, wherever these are: else a part with
 * poor samples would pull as hard as one with good ones. The factor by hand comes behind that: who doubles
 * a sample wants it doubled.
 *
 * There are two. What the student itself reads from is as bad for the label as for the teacher's word; a
 * bad picture of somebody whose voice is clean spoils only what the picture's network says. So measures of
 * the student's modality weigh the task too, and all others distillation alone. One weight for both was
 * tried (weight.task true) and is right where all terms are the student's. */

/* Of one shard. Without terms all are 1, and sums of nobody leave them so. */
static void shard_measure_weights(const struct rt_learner *l, int shard, const struct rt_learner_settings *s, int terms,
                                  const double *quality, double *weight, double sum[2])
{
    int at = l->first[shard], behind = l->first[shard + 1];
    sum[0] = sum[1] = 0;
    for (int i = at; terms == 0 && i < behind; i++)
        weight[i] = 1;
    if (terms > 0)
        rt_weight_measure(quality + at, l->scale + at, (size_t)(behind - at), s->weight.gamma, s->weight.floor,
                          weight + at, sum);
}

/* Does it say something of what the student reads? */
static bool measure_is_own(const struct rt_learner *l, int measure)
{
    enum rt_modality_id named;
    int own = (int)l->c.model->modality->id;
    if (measure < 0)
        return false;
    if (l->c.measure_of)
        return l->c.measure_of[measure] == own || l->c.measure_of[measure] < 0;
    return rt_measure_find(l->c.measure[measure], &named) && (int)named == own;
}

/* Unmakes the factors that say nothing of what the student reads; returns how many are left. */
static int factors_keep_own(struct rt_learner *l, int count, const struct rt_weight_columns *list)
{
    int own = 0;
    for (int t = 0; t < list->count; t++) {
        if (measure_is_own(l, list->column[t]))
            own++;
        else
            for (int i = 0; i < count; i++)
                l->factor[i * list->count + t] = NAN;
    }
    return own;
}

static void measure_task_weights(struct rt_learner *l, const struct rt_minibatch *b,
                                 const struct rt_learner_settings *s, const struct rt_weight_columns *list)
{
    l->weights = (struct rt_objective_weights){s->weight.task == RT_WEIGH_TRUE ? l->weight : NULL, l->weight};
    if (s->weight.task != RT_WEIGH_AUTO)
        return;
    int own = factors_keep_own(l, b->count, list);
    rt_weight_quality(l->factor, (size_t)b->count, list->count, l->task_quality);
    l->weights.task = l->task_weight;
    for (int k = 0; k < l->c.shards; k++)
        shard_measure_weights(l, k, s, own, l->task_quality, l->task_weight, l->sums[k].task);
}

int rt_learner_measure_weights(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                               struct rt_error *e)
{
    struct rt_weight_source have = rt_learner_weight_source(l);
    struct rt_weight_scale scale; /* all there: the settings were checked */
    size_t n = (size_t)b->count;
    rt_weight_scale_read(s->weight.terms, s->weight.map, s->weight.knees, &have, &scale, NULL);
    for (int t = 0; t < scale.list.count; t++)
        RT_TRY(factor_of_term(l, b, s, &scale, t, e));
    for (size_t i = 0; i < n; i++)
        l->scale[i] = b->factor ? b->factor[i] : 1;
    rt_weight_quality(l->factor, n, scale.list.count, l->quality);
    memset(l->sums, 0, sizeof *l->sums * (size_t)l->c.shards);
    for (int k = 0; k < l->c.shards; k++)
        shard_measure_weights(l, k, s, scale.list.count, l->quality, l->weight, l->sums[k].weight);
    measure_task_weights(l, b, s, &scale.list);
    return 0;
}

void rt_learner_weigh(struct rt_learner *l, const struct rt_minibatch *b)
{
    rt_weight_apply(l->scale, (size_t)b->count, l->all.weight, l->weight);
    if (l->weights.task == l->task_weight)
        rt_weight_apply(l->scale, (size_t)b->count, l->all.task, l->task_weight);
    for (int k = 0; k < l->c.shards; k++)
        rt_weight_squares(l->weight + l->first[k], (size_t)(l->first[k + 1] - l->first[k]), l->sums[k].squares);
}
