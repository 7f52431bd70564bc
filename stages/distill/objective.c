/* SPDX-License-Identifier: MIT
 * objective: one batch through all terms: who has what a term needs, margin, weight, mean, gradient
 * scale. The running quantile lives here too; its place in a checkpoint is objective_state.c. */
#include "stages/distill/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scratch of one call, [batch] each. */
struct scratch {
    uint8_t *use;
    double *value, *scale, *sorted;
};

void rt_objective_init(struct rt_objective *o)
{
    for (int k = 0; k < RT_TERMS; k++) {
        o->quantile[k] = NAN;
        o->spread[k] = NAN;
    }
}

static const struct rt_term *settings_term(const struct rt_objective_settings *s, int k)
{
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

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The first batch sets the margin to its own quantile (linear between order statistics). */
static void start_quantile(struct rt_objective *o, int k, double quantile, int batch,
                           struct scratch *w)
{
    int n = 0;
    double at, sum = 0;

    for (int i = 0; i < batch; i++)
        if (w->use[i] && isfinite(w->value[i]))
            w->sorted[n++] = w->value[i];
    if (n == 0)
        return;
    qsort(w->sorted, (size_t)n, sizeof *w->sorted, compare_doubles);
    at = quantile * (n - 1);
    int low = (int)at, high = low + 1 < n ? low + 1 : low;
    o->quantile[k] = w->sorted[low] + (at - low) * (w->sorted[high] - w->sorted[low]);
    for (int i = 0; i < n; i++)
        sum += fabs(w->sorted[i] - o->quantile[k]);
    o->spread[k] = sum / n;
}

static void move_quantile(struct rt_objective *o, int k, double quantile, int batch,
                          const struct scratch *w)
{
    double m = o->quantile[k], below = 0, sum = 0;
    int n = 0;

    for (int i = 0; i < batch; i++) {
        if (!w->use[i] || !isfinite(w->value[i]))
            continue;
        n++;
        below += w->value[i] < m;
        sum += fabs(w->value[i] - m);
    }
    if (n == 0)
        return;
    o->spread[k] += RT_OBJECTIVE_RATE * (sum / n - o->spread[k]);
    m += RT_OBJECTIVE_RATE * o->spread[k] * (quantile - below / n);
    o->quantile[k] = m < 0 ? 0 : m;
}

/* Distances are in w->value; fills the record and w->scale, the gradient's factor per sample. */
static void apply_margin(const struct rt_objective_settings *s, int k, const double *weight,
                         int batch, const struct scratch *w, struct rt_objective_out *out)
{
    bool weighed = weight && (k >= RT_TASK_TERMS || s->weigh_task);
    double margin = out->margin[k], sum = 0;
    int inside = 0, used = out->used[k];

    for (int i = 0; i < batch; i++) {
        double d = w->value[i], factor = weighed ? weight[i] : 1;
        w->scale[i] = 0;
        if (!w->use[i])
            continue;
        inside += d <= margin;
        sum += factor * (d <= margin ? 0 : d - margin); /* NaN is not <= and stays */
        if (d > margin)
            w->scale[i] = s->term[k].lambda * factor / used;
    }
    out->mean[k] = sum / used;
    out->inside[k] = (double)inside / used;
}

static void record_distances(const struct scratch *w, int batch, double *distance)
{
    for (int i = 0; distance && i < batch; i++)
        distance[i] = w->use[i] ? w->value[i] : NAN;
}

static void run_term(struct rt_objective *o, const struct rt_objective_settings *s, int k,
                     const struct rt_term_in *in, const double *weight, const uint8_t *has_teacher,
                     const struct rt_term_out *gradient, struct scratch *w,
                     struct rt_objective_out *out)
{
    const struct rt_term *term = settings_term(s, k);
    double quantile = s->term[k].quantile;

    out->used[k] = term_mark_used(in, term, has_teacher, w->use);
    if (out->used[k] > 0)
        term->ops->value(in, w->use, w->value);
    record_distances(w, in->batch, out->distance[k]);
    if (quantile > 0 && isnan(o->quantile[k]))
        start_quantile(o, k, quantile, in->batch, w);
    out->margin[k] = quantile > 0 ? o->quantile[k] : s->term[k].margin;
    if (out->used[k] == 0)
        return;
    apply_margin(s, k, weight, in->batch, w, out);
    if (term->reads & outputs_there(gradient->logits, gradient->feature, gradient->head))
        term->ops->grad(in, w->use, w->scale, gradient);
    if (quantile > 0)
        move_quantile(o, k, quantile, in->batch, w);
    out->total += s->term[k].lambda * out->mean[k];
}

static void clear_term(struct rt_objective_out *out, int k, int batch)
{
    out->mean[k] = out->margin[k] = out->inside[k] = NAN;
    out->used[k] = 0;
    for (int i = 0; out->distance[k] && i < batch; i++)
        out->distance[k][i] = NAN;
}

static struct rt_term_in term_view(const struct rt_objective_settings *s,
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

int rt_objective_batch(struct rt_objective *o, const struct rt_objective_settings *s,
                       const struct rt_term_in *in, const double *weight,
                       const uint8_t *has_teacher, float *d_logits, float *d_feature, float *d_head,
                       struct rt_objective_out *out)
{
    struct rt_term_out gradient = {d_logits, d_feature, d_head};
    struct rt_term_in view = term_view(s, in);
    size_t n = in->batch > 0 ? (size_t)in->batch : 0;
    double *doubles = calloc(n ? n : 1, 3 * sizeof *doubles);
    struct scratch w = {calloc(n ? n : 1, 1), doubles, doubles + n, doubles + 2 * n};

    if (!doubles || !w.use) {
        free(w.use);
        free(doubles);
        return RT_EMEM;
    }
    out->total = 0;
    for (int k = 0; k < RT_TERMS; k++) {
        clear_term(out, k, in->batch);
        if (s->term[k].lambda > 0 && term_is_ready(in, settings_term(s, k)))
            run_term(o, s, k, &view, weight, has_teacher, &gradient, &w, out);
    }
    free(w.use);
    free(doubles);
    return 0;
}
