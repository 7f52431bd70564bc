/* SPDX-License-Identifier: MIT
 * objective: one batch through all terms: who has what a term needs, margin, weight, mean, gradient
 * scale. The running quantile lives here too; its place in a checkpoint is objective_state.c. */
#include "stages/distill/objective.h"

#include <math.h>
#include <stdlib.h>

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

static const float *input_of(const struct rt_term_in *in, enum rt_reads reads)
{
    return reads == RT_READS_LOGITS ? in->logits : reads == RT_READS_HEAD ? in->head : in->feature;
}

/* Are the arrays there, and do heads that are compared have the same classes? */
static bool is_ready(const struct rt_term_in *in, const struct rt_term *term)
{
    if (!input_of(in, term->reads))
        return false;
    if ((term->needs & RT_NEEDS_LABEL) && !in->label)
        return false;
    if (!(term->needs & RT_NEEDS_TEACHER))
        return true;
    if (term->reads == RT_READS_FEATURE)
        return in->t_feature != NULL;
    return in->t_logits && (term->reads == RT_READS_HEAD || in->classes == in->teacher_classes);
}

static int mark_used(const struct rt_term_in *in, const struct rt_term *term,
                     const uint8_t *has_teacher, uint8_t *use)
{
    int classes = term->reads == RT_READS_HEAD ? in->teacher_classes : in->classes, used = 0;

    for (int i = 0; i < in->batch; i++) {
        bool labelled = in->label && in->label[i] >= 0 && in->label[i] < classes;
        use[i] = (labelled || !(term->needs & RT_NEEDS_LABEL)) &&
                 ((has_teacher && has_teacher[i]) || !(term->needs & RT_NEEDS_TEACHER));
        used += use[i];
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
                     float *gradient, struct scratch *w, struct rt_objective_out *out)
{
    double quantile = s->term[k].quantile;

    out->used[k] = mark_used(in, rt_terms[k], has_teacher, w->use);
    if (out->used[k] > 0)
        rt_terms[k]->value(in, w->use, w->value);
    record_distances(w, in->batch, out->distance[k]);
    if (quantile > 0 && isnan(o->quantile[k]))
        start_quantile(o, k, quantile, in->batch, w);
    out->margin[k] = quantile > 0 ? o->quantile[k] : s->term[k].margin;
    if (out->used[k] == 0)
        return;
    apply_margin(s, k, weight, in->batch, w, out);
    if (gradient)
        rt_terms[k]->grad(in, w->scale, gradient);
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

static struct rt_term_in term_view(const struct rt_objective_settings *s, int k,
                                   const struct rt_term_in *in)
{
    struct rt_term_in view = *in;
    bool cosines = s->cosine_logits || s->term[RT_TERM_aam].lambda > 0;

    view.temperature = s->term[k].temperature;
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
    float *gradient[] = {
        [RT_READS_LOGITS] = d_logits, [RT_READS_FEATURE] = d_feature, [RT_READS_HEAD] = d_head};
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
        struct rt_term_in view = term_view(s, k, in);
        clear_term(out, k, in->batch);
        if (s->term[k].lambda > 0 && is_ready(in, rt_terms[k]))
            run_term(o, s, k, &view, weight, has_teacher, gradient[rt_terms[k]->reads], &w, out);
    }
    free(w.use);
    free(doubles);
    return 0;
}
