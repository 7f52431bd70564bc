/* SPDX-License-Identifier: MIT
 * objective: one batch through all terms: who has what a term needs, margin, weight, mean, gradient
 * scale. The running quantile lives here too; its place in a checkpoint is objective_state.c. */
#include "stages/distill/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is added up of one term over all samples, those of others who share the update included. */
enum {
    SUM_USED,   /* samples that have what the term needs */
    SUM_INSIDE, /* of these, D <= margin */
    SUM_LOSS,   /* weight * max(0, D - margin) */
    SUM_FINITE, /* samples used whose D is finite: these move the running quantile */
    SUM_BELOW,  /* of these, D < margin */
    SUM_SPREAD, /* of these, |D - margin| */
    SUMS
};

/* One batch on its way through the phases. */
struct pass {
    const struct rt_objective_settings *s;
    const struct rt_objective_side *side;
    struct rt_term_in in[RT_TEACHERS]; /* as the terms read it */
    int places;                        /* of the sides there are */
    const struct rt_exchange *others;
    int batch;
    struct rt_objective next; /* the running quantiles behind this batch */
    bool ready[RT_PLACES];     /* the arrays that the term reads are there */
    double margin[RT_PLACES];  /* in force */
    double sum[RT_PLACES][SUMS];
    uint8_t *use;             /* [places, batch] */
    double *value, *scale;    /* [places, batch] D; [batch] the gradient's factor */
};

int rt_place(int teacher, int term)
{
    return teacher == 0 ? term : RT_TERMS + (teacher - 1) * RT_DISTILL_TERMS + term - RT_TASK_TERMS;
}

int rt_place_term(int place)
{
    return place < RT_TERMS ? place : RT_TASK_TERMS + (place - RT_TERMS) % RT_DISTILL_TERMS;
}

int rt_place_teacher(int place)
{
    return place < RT_TERMS ? 0 : 1 + (place - RT_TERMS) / RT_DISTILL_TERMS;
}

void rt_objective_init(struct rt_objective *o)
{
    for (int k = 0; k < RT_PLACES; k++) {
        o->quantile[k] = NAN;
        o->spread[k] = NAN;
    }
}

/* ---- measure: who takes part in a term, and each one's distance ----
 * Nothing here depends on other samples than those at hand, and nothing is changed. All distances
 * are kept until the end: what the gradient is scaled with (how many samples a term has) is known
 * only when all who share the update have told, and asking once for all terms is cheaper than once
 * a term. */

static const struct rt_term *objective_term(const struct rt_objective_settings *s, int k)
{
    k = rt_place_term(k);
    return s->table ? s->table[k] : rt_terms[k];
}

/* The outputs that are there, as enum rt_reads. */
static unsigned outputs_there(const float *logits, const float *feature, const float *head)
{
    return (logits ? RT_READS_LOGITS : 0u) | (feature ? RT_READS_FEATURE : 0u) |
           (head ? RT_READS_HEAD : 0u);
}

/* Are the arrays there, and do heads that are compared have the same classes? */
static bool term_is_ready(const struct rt_term_in *in, const struct rt_term *term)
{
    unsigned outputs = outputs_there(in->logits, in->feature, in->head);
    unsigned had = RT_NEEDS_OTHERS | (in->label ? RT_NEEDS_LABEL : 0u) |
                   (in->t_feature ? RT_NEEDS_T_FEATURE : 0u) |
                   (in->t_logits ? RT_NEEDS_T_LOGITS : 0u) |
                   (in->classes == in->teacher_classes ? RT_NEEDS_CLASSES : 0u);

    return (term->reads & ~outputs) == 0 && (term->needs & ~had) == 0;
}

static int term_mark_used(const struct rt_term_in *in, const struct rt_term *term,
                          const uint8_t *has_teacher, uint8_t *use)
{
    int used = 0;

    for (int i = 0; i < in->batch; i++) {
        bool labelled = in->label && in->label[i] >= 0 && in->label[i] < in->classes;
        use[i] = (labelled || !(term->needs & RT_NEEDS_LABEL)) &&
                 ((has_teacher && has_teacher[i]) || !(term->needs & RT_NEEDS_TEACHER));
        used += use[i];
    }
    if (used == 1 && (term->needs & RT_NEEDS_OTHERS)) { /* nobody to be compared with */
        memset(use, 0, (size_t)in->batch);
        used = 0;
    }
    return used;
}

static struct rt_term_in objective_view(const struct rt_objective_settings *s,
                                        const struct rt_term_in *in)
{
    struct rt_term_in view = *in;
    bool cosines = s->cosine_logits || s->term[RT_TERM_aam].lambda > 0;

    view.param = s->param;
    view.smoothing = s->smoothing;
    view.aam_margin = s->aam_margin;
    view.aam_scale = s->aam_scale;
    view.logit_scale = cosines ? s->aam_scale : 1;
    return view;
}

static void objective_measure(struct pass *p, int k)
{
    size_t at = (size_t)k * (size_t)p->batch;
    int teacher = rt_place_teacher(k);
    const struct rt_term *term = objective_term(p->s, k);
    int used = term_mark_used(&p->in[teacher], term, p->side[teacher].have, p->use + at);

    p->sum[k][SUM_USED] = used;
    if (used > 0)
        term->ops->value(&p->in[teacher], p->use + at, p->value + at);
}

/* ---- the margin in force ----
 * A running quantile begins with that of the first batch. It takes the distances of all samples, in
 * one order, so several who share an update begin with the same number as one alone; later batches
 * move it by sums. */

static int quantile_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Linear between order statistics. d is sorted. */
static void quantile_start(struct pass *p, int k, double *d, int n)
{
    double at = p->s->term[k].quantile * (n - 1), sum = 0;
    int low = (int)at, high = low + 1 < n ? low + 1 : low;

    qsort(d, (size_t)n, sizeof *d, quantile_compare);
    p->next.quantile[k] = d[low] + (at - low) * (d[high] - d[low]);
    for (int i = 0; i < n; i++)
        sum += fabs(d[i] - p->next.quantile[k]);
    p->next.spread[k] = sum / n;
}

static int quantile_gather(struct pass *p, int k, struct rt_error *e)
{
    const uint8_t *use = p->use + (size_t)k * (size_t)p->batch;
    const double *value = p->value + (size_t)k * (size_t)p->batch;
    double *all;
    int n = 0, total;

    for (int i = 0; i < p->batch; i++)
        if (use[i] && isfinite(value[i]))
            p->scale[n++] = value[i];
    RT_TRY(rt_exchange_gather(p->others, p->scale, n, &all, &total, e));
    if (total > 0)
        quantile_start(p, k, all, total);
    free(all);
    return 0;
}

static void quantile_move(struct pass *p, int k)
{
    const double *sum = p->sum[k];
    double m = p->next.quantile[k], n = sum[SUM_FINITE];

    if (n == 0)
        return;
    p->next.spread[k] += RT_OBJECTIVE_RATE * (sum[SUM_SPREAD] / n - p->next.spread[k]);
    m += RT_OBJECTIVE_RATE * p->next.spread[k] * (p->s->term[k].quantile - sum[SUM_BELOW] / n);
    p->next.quantile[k] = m < 0 ? 0 : m;
}

/* ---- the sums ----
 * What apply needs of other samples than its own, and all that is reported: six numbers a term.
 * Terms that are off, or have no sample here, bring zeros: others may have some, and all must bring
 * the same count of numbers. */

static double objective_factor(const struct rt_objective_weights *w, int k, int i)
{
    const double *weight = !w ? NULL : k < RT_TASK_TERMS ? w->task : w->distill;
    return weight ? weight[i] : 1;
}

static void objective_sum(struct pass *p, int k, const struct rt_objective_weights *weight)
{
    const uint8_t *use = p->use + (size_t)k * (size_t)p->batch;
    const double *value = p->value + (size_t)k * (size_t)p->batch;
    double margin = p->margin[k], *sum = p->sum[k];

    for (int i = 0; i < p->batch; i++) {
        double d = value[i];
        if (!use[i])
            continue;
        sum[SUM_INSIDE] += d <= margin;
        /* NaN is not <= and stays */
        sum[SUM_LOSS] += objective_factor(weight, k, i) * (d <= margin ? 0 : d - margin);
        if (!isfinite(d))
            continue;
        sum[SUM_FINITE]++;
        sum[SUM_BELOW] += d < margin;
        sum[SUM_SPREAD] += fabs(d - margin);
    }
}

static int objective_measure_all(struct pass *p, const struct rt_objective_weights *weight, struct rt_error *e)
{
    for (int k = 0; k < p->places; k++) {
        double quantile = p->s->term[k].quantile;
        if (!(p->s->term[k].lambda > 0))
            continue;
        p->ready[k] = term_is_ready(&p->in[rt_place_teacher(k)], objective_term(p->s, k));
        if (p->ready[k])
            objective_measure(p, k);
        if (quantile > 0 && isnan(p->next.quantile[k]))
            RT_TRY(quantile_gather(p, k, e));
        p->margin[k] = quantile > 0 ? p->next.quantile[k] : p->s->term[k].margin;
        objective_sum(p, k, weight);
    }
    return rt_exchange_sums(p->others, p->sum[0], p->places * SUMS, e);
}

/* ---- apply: the record, the gradient, the next margin ---- */

/* A term's mean is over all samples that have what it needs, wherever they are: each one's gradient
 * is divided by that count, and then gradients of several who share an update can be added. */
static void objective_apply(struct pass *p, int k, const struct rt_objective_weights *weight,
                            struct rt_objective_out *out)
{
    size_t at = (size_t)k * (size_t)p->batch;
    const double *value = p->value + at, *sum = p->sum[k];
    const struct rt_term *term = objective_term(p->s, k);
    const struct rt_term_in *in = &p->in[rt_place_teacher(k)];
    const struct rt_term_out *gradient = &p->side[rt_place_teacher(k)].gradient;

    out->used[k] = (int)sum[SUM_USED];
    if (p->ready[k] || out->used[k] > 0)
        out->margin[k] = p->margin[k];
    for (int i = 0; p->ready[k] && out->distance[k] && i < p->batch; i++)
        out->distance[k][i] = p->use[at + (size_t)i] ? value[i] : NAN;
    if (out->used[k] == 0)
        return;
    for (int i = 0; i < p->batch; i++) {
        bool pulls = p->use[at + (size_t)i] && value[i] > p->margin[k];
        p->scale[i] = pulls ? p->s->term[k].lambda * objective_factor(weight, k, i) / out->used[k] : 0;
    }
    unsigned wanted = outputs_there(gradient->logits, gradient->feature, gradient->head);
    if ((term->reads & wanted) && memchr(p->use + at, 1, (size_t)p->batch))
        term->ops->grad(in, p->use + at, p->scale, gradient);
    if (p->s->term[k].quantile > 0)
        quantile_move(p, k);
    out->mean[k] = sum[SUM_LOSS] / out->used[k];
    out->inside[k] = sum[SUM_INSIDE] / out->used[k];
    out->total += p->s->term[k].lambda * out->mean[k];
}

static void objective_clear(struct rt_objective_out *out, int k, int batch)
{
    out->mean[k] = out->margin[k] = out->inside[k] = NAN;
    out->used[k] = 0;
    for (int i = 0; out->distance[k] && i < batch; i++)
        out->distance[k][i] = NAN;
}

int rt_objective_batch(struct rt_objective *o, const struct rt_objective_settings *s,
                       const struct rt_objective_side *side, int sides,
                       const struct rt_objective_weights *weight,
                       const struct rt_exchange *others, struct rt_objective_out *out, struct rt_error *e)
{
    size_t n = side->in.batch > 0 ? (size_t)side->in.batch : 0;
    size_t places = (size_t)(RT_TERMS + (sides - 1) * RT_DISTILL_TERMS);
    struct pass p = {.s = s, .side = side, .places = (int)places, .others = others, .batch = (int)n, .next = *o};
    int rc = RT_EMEM;

    for (int t = 0; t < sides; t++)
        p.in[t] = objective_view(s, &side[t].in);
    p.use = calloc(places * n + 1, 1);
    p.value = calloc((places + 1) * n + 1, sizeof *p.value);
    if (!p.use || !p.value) {
        rt_error_set(e, rc, "student: no memory for the losses");
        goto out;
    }
    p.scale = p.value + places * n;
    rc = objective_measure_all(&p, weight, e);
    if (rc < 0)
        goto out;
    out->total = 0;
    for (int k = 0; k < p.places; k++) {
        objective_clear(out, k, p.batch);
        objective_apply(&p, k, weight, out);
    }
    *o = p.next;
out:
    free(p.use);
    free(p.value);
    return rc;
}
