/* SPDX-License-Identifier: MIT
 * objective: shards of an update through all terms: who has what a term needs, margin, weight, mean,
 * gradient scale. The running quantile lives here too; its place in a checkpoint is objective_state.c. */
#include "stages/distill/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One shard on its way through a call. */
struct pass {
    const struct rt_objective_settings *s;
    const struct rt_objective_side *side;
    struct rt_term_in in[RT_TEACHERS]; /* as the terms read it */
    int places;                        /* of the sides there are */
    int batch;
    struct rt_objective_sums *sum;     /* [RT_PLACES] */
    uint8_t *use;                      /* [places, batch] */
    double *value, *scale;             /* [batch] D of one place; the gradient's factor */
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

/* ---- count: who takes part in a term ----
 * That follows from labels and from what the teacher answered, so it is known before the student has been asked. */

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

static int pass_places(int sides)
{
    return RT_TERMS + (sides - 1) * RT_DISTILL_TERMS;
}

/* Counts, too: sum[].there and used. */
static int pass_init(struct pass *p, const struct rt_objective_settings *s, const struct rt_objective_side *side,
                     int sides, struct rt_objective_sums *sum, struct rt_error *e)
{
    size_t n = side->in.batch > 0 ? (size_t)side->in.batch : 0;
    *p = (struct pass){.s = s, .side = side, .places = pass_places(sides), .batch = (int)n, .sum = sum};
    memset(sum, 0, sizeof *sum * RT_PLACES);
    p->use = calloc((size_t)p->places * n + 1, 1);
    p->value = calloc(2 * n + 1, sizeof *p->value);
    if (!p->use || !p->value)
        return rt_error_set(e, RT_EMEM, "student: no memory for the losses");
    p->scale = p->value + n;
    for (int t = 0; t < sides; t++)
        p->in[t] = objective_view(s, &side[t].in);
    for (int k = 0; k < p->places; k++) {
        int teacher = rt_place_teacher(k);
        const struct rt_term *term = objective_term(s, k);
        if (!(s->term[k].lambda > 0) || !term_is_ready(&p->in[teacher], term))
            continue;
        sum[k].there = 1;
        sum[k].used = term_mark_used(&p->in[teacher], term, side[teacher].have, p->use + (size_t)k * n);
    }
    return 0;
}

static void pass_fini(struct pass *p)
{
    free(p->use);
    free(p->value);
}

int rt_objective_count(const struct rt_objective_settings *s, const struct rt_objective_side *side, int sides,
                       struct rt_objective_sums sum[RT_PLACES], struct rt_error *e)
{
    struct pass p;
    int rc = pass_init(&p, s, side, sides, sum, e);
    pass_fini(&p);
    return rc;
}

/* ---- the margin in force ----
 * A running quantile begins with that of the first batch. It takes the distances of all samples, in
 * one order, so several who share an update begin with the same number as one alone; later batches
 * move it by sums. */

bool rt_objective_begins(const struct rt_objective *o, const struct rt_objective_settings *s,
                         const struct rt_objective_sums all[RT_PLACES], int k)
{
    return s->term[k].lambda > 0 && s->term[k].quantile > 0 && isnan(o->quantile[k]) && all[k].used > 0;
}

static int quantile_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Linear between order statistics. */
void rt_objective_begin(struct rt_objective *o, const struct rt_objective_settings *s, int k, double *d, int n)
{
    double at = s->term[k].quantile * (n - 1), sum = 0;
    int low = (int)at, high = low + 1 < n ? low + 1 : low;

    if (n == 0)
        return;
    qsort(d, (size_t)n, sizeof *d, quantile_compare);
    o->quantile[k] = d[low] + (at - low) * (d[high] - d[low]);
    for (int i = 0; i < n; i++)
        sum += fabs(d[i] - o->quantile[k]);
    o->spread[k] = sum / n;
}

static double margin_in_force(const struct rt_objective *o, const struct rt_objective_settings *s, int k)
{
    return s->term[k].quantile > 0 ? o->quantile[k] : s->term[k].margin;
}

static void quantile_move(struct rt_objective *o, double quantile, const struct rt_objective_sums *sum, int k)
{
    double m = o->quantile[k], n = sum->finite;

    if (n == 0)
        return;
    o->spread[k] += RT_OBJECTIVE_RATE * (sum->spread / n - o->spread[k]);
    m += RT_OBJECTIVE_RATE * o->spread[k] * (quantile - sum->below / n);
    o->quantile[k] = m < 0 ? 0 : m;
}

/* ---- a shard: distances, what is added up of them, gradients ----
 * Terms that are off, or have no sample here, leave zeros: others may have some. A term's mean is over all samples
 * that have what it needs, wherever they are: each one's gradient is divided by that count, and then gradients of
 * several shards can be added. */

static double objective_factor(const struct rt_objective_weights *w, int k, int i)
{
    const double *weight = !w ? NULL : k < RT_TASK_TERMS ? w->task : w->distill;
    return weight ? weight[i] : 1;
}

static void shard_add_up(struct pass *p, int k, double margin, const struct rt_objective_weights *weight)
{
    const uint8_t *use = p->use + (size_t)k * (size_t)p->batch;
    struct rt_objective_sums *sum = &p->sum[k];

    for (int i = 0; i < p->batch; i++) {
        double d = p->value[i];
        if (!use[i])
            continue;
        sum->inside += d <= margin;
        /* NaN is not <= and stays */
        sum->loss += objective_factor(weight, k, i) * (d <= margin ? 0 : d - margin);
        if (!isfinite(d))
            continue;
        sum->finite++;
        sum->below += d < margin;
        sum->spread += fabs(d - margin);
    }
}

static void shard_pull(struct pass *p, int k, double margin, const struct rt_objective_weights *weight, double used)
{
    const uint8_t *use = p->use + (size_t)k * (size_t)p->batch;
    const struct rt_term *term = objective_term(p->s, k);
    const struct rt_term_out *gradient = &p->side[rt_place_teacher(k)].gradient;

    for (int i = 0; i < p->batch; i++) {
        bool pulls = use[i] && p->value[i] > margin;
        p->scale[i] = pulls ? p->s->term[k].lambda * objective_factor(weight, k, i) / used : 0;
    }
    unsigned wanted = outputs_there(gradient->logits, gradient->feature, gradient->head);
    if (term->reads & wanted)
        term->ops->grad(&p->in[rt_place_teacher(k)], use, p->scale, gradient);
}

int rt_objective_shard(const struct rt_objective *o, const struct rt_objective_settings *s,
                       const struct rt_objective_side *side, int sides, const struct rt_objective_weights *weight,
                       const struct rt_objective_sums all[RT_PLACES], double *const distance[RT_PLACES],
                       struct rt_objective_sums sum[RT_PLACES], struct rt_error *e)
{
    struct pass p;
    int rc = pass_init(&p, s, side, sides, sum, e);
    for (int k = 0; rc == 0 && k < p.places; k++) {
        const uint8_t *use = p.use + (size_t)k * (size_t)p.batch;
        double margin = margin_in_force(o, s, k);
        if (sum[k].used > 0) {
            objective_term(s, k)->ops->value(&p.in[rt_place_teacher(k)], use, p.value);
            shard_add_up(&p, k, margin, weight);
            if (all)
                shard_pull(&p, k, margin, weight, (int)all[k].used);
        }
        for (int i = 0; distance[k] && i < p.batch; i++)
            distance[k][i] = use[i] ? p.value[i] : NAN;
    }
    pass_fini(&p);
    return rc;
}

/* ---- the record ---- */

void rt_objective_conclude(struct rt_objective *o, const struct rt_objective_settings *s, int sides,
                           const struct rt_objective_sums sum[RT_PLACES], struct rt_objective_out *out)
{
    out->total = 0;
    for (int k = 0; k < pass_places(sides); k++) {
        out->mean[k] = out->margin[k] = out->inside[k] = NAN;
        out->used[k] = (int)sum[k].used;
        if (sum[k].there > 0)
            out->margin[k] = margin_in_force(o, s, k);
        if (out->used[k] == 0)
            continue;
        if (s->term[k].quantile > 0)
            quantile_move(o, s->term[k].quantile, &sum[k], k);
        out->mean[k] = sum[k].loss / out->used[k];
        out->inside[k] = sum[k].inside / out->used[k];
        out->total += s->term[k].lambda * out->mean[k];
    }
}
