/* SPDX-License-Identifier: MIT
 * learner_weights: each sample's weight from its measures, from what the teacher says of it, and by
 * hand. See learner.h and weights.h. */
#include "stages/distill/learner_parts.h"

#include "stages/distill/weights.h"

#include <math.h>

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
 * all who share the update. */
static int factor_of_norm(struct rt_learner *l, const struct rt_minibatch *b, double *out, int stride,
                          struct rt_error *e)
{
    const struct rt_taught *t = b->taught;
    int dim = l->teacher->dim;
    double sum[3] = {0}; /* how many, their sum, their squares' sum */
    for (int i = 0; i < b->count; i++) {
        bool have = t && t->have && t->have[i];
        double x = have ? feature_norm(t->embedding + (size_t)i * (size_t)dim, dim) : NAN;
        out[i * stride] = x;
        if (!isnan(x)) {
            sum[0]++;
            sum[1] += x;
            sum[2] += x * x;
        }
    }
    RT_TRY(rt_exchange_sums(l->c.others, sum, 3, e));
    if (sum[0] > 0) {
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

/* The teacher's posterior of the sample's label; NaN without label or teacher. */
static void factor_of_confidence(const struct rt_learner *l, const struct rt_minibatch *b, double *out,
                                 int stride)
{
    const struct rt_taught *t = b->taught;
    int classes = l->teacher->classes;
    for (int i = 0; i < b->count; i++) {
        out[i * stride] = NAN;
        if (!t || !t->have || !t->have[i] || b->label[i] < 0 || !l->c.model->teacher[0].shares_classes)
            continue;
        const float *z = t->logits + (size_t)i * (size_t)classes;
        double top = z[0], sum = 0;
        for (int c = 1; c < classes; c++)
            top = fmax(top, z[c]);
        for (int c = 0; c < classes; c++)
            sum += exp(z[c] - top);
        out[i * stride] = exp(z[b->label[i]] - top) / sum;
    }
}

static void factor_of_measure(const struct rt_learner *l, const struct rt_minibatch *b, int column, double *out,
                              int stride)
{
    for (int i = 0; i < b->count; i++)
        out[i * stride] =
            b->quality ? b->quality[(size_t)i * (size_t)l->c.measures + (size_t)column] : NAN;
}

/* ---- the weights ----
 * They are made before the forward pass: nothing of the student is in them, so nobody has to wait
 * for it. Their mean is 1 over all samples of the update, wherever these are: else a part with poor
 * samples would pull as hard as one with good ones. The factor by hand comes behind that: who
 * doubles a sample wants it doubled. */

static int weigh_samples(struct rt_learner *l, const struct rt_minibatch *b,
                         const struct rt_learner_settings *s, int terms, struct rt_error *e)
{
    size_t n = (size_t)b->count;
    double sum[2];
    for (size_t i = 0; i < n; i++)
        l->scale[i] = b->factor ? b->factor[i] : 1;
    rt_weight_quality(l->factor, n, terms, l->quality);
    if (terms) {
        rt_weight_measure(l->quality, l->scale, n, s->weight.gamma, s->weight.floor, l->weight, sum);
        RT_TRY(rt_exchange_sums(l->c.others, sum, 2, e));
        rt_weight_apply(l->scale, n, sum, l->weight);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        l->weight[i] = l->scale[i];
    return 0;
}

int rt_learner_weigh(struct rt_learner *l, const struct rt_minibatch *b,
                     const struct rt_learner_settings *s, double *effective, struct rt_error *e)
{
    struct rt_weight_source have = rt_learner_weight_source(l);
    struct rt_weight_columns list; /* all there: the settings were checked */
    double sum[2];
    rt_weight_terms_read("weight.terms", s->weight.terms, &have, &list, NULL);
    for (int t = 0; t < list.count; t++) {
        if (list.column[t] == RT_WEIGHT_OF(RT_WEIGHT_teacher_norm))
            RT_TRY(factor_of_norm(l, b, l->factor + t, list.count, e));
        else if (list.column[t] == RT_WEIGHT_OF(RT_WEIGHT_teacher_confidence))
            factor_of_confidence(l, b, l->factor + t, list.count);
        else
            factor_of_measure(l, b, list.column[t], l->factor + t, list.count);
    }
    RT_TRY(weigh_samples(l, b, s, list.count, e));
    rt_weight_squares(l->weight, (size_t)b->count, sum);
    RT_TRY(rt_exchange_sums(l->c.others, sum, 2, e));
    *effective = sum[1] == 0 ? 0 : sum[0] * sum[0] / sum[1];
    return 0;
}
