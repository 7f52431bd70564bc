/* SPDX-License-Identifier: MIT
 * objective: all terms of one batch together: distances, margins, weights, gradients, and the record
 * of each sample. One thread (the student's work). */
#ifndef RT_OBJECTIVE_H
#define RT_OBJECTIVE_H

#include "formats/safetensors.h"
#include "stages/distill/term.h"

/* Settings of one step, read from the recipe's snapshot. */
struct rt_objective_settings {
    struct {
        double lambda, margin, quantile, temperature;
    } term[RT_TERMS]; /* a task term is on when its lambda > 0 */
    double smoothing, aam_margin, aam_scale;
    bool weigh_task;
};

/* The running quantile of each term's distance, for margins given as a quantile; saved with the
 * checkpoint. Kept by stochastic approximation: m += rate * (quantile - share of D below m). */
struct rt_objective {
    double quantile[RT_TERMS]; /* NaN before the first batch */
    double spread[RT_TERMS];   /* running mean |D - m|, the step size's unit */
};

/* What came out; arrays are [batch] and the caller's. */
struct rt_objective_out {
    double total;
    double mean[RT_TERMS];   /* mean_i w_i L_i over the samples used, before lambda; NaN = none used */
    double margin[RT_TERMS]; /* in force */
    double inside[RT_TERMS]; /* share of used samples with D <= margin; NaN = none used */
    int used[RT_TERMS];
    double *distance[RT_TERMS]; /* D_k,i; NaN where not used; NULL = not wanted */
};

void rt_objective_init(struct rt_objective *o);
/* weight[batch]; has_teacher[batch] may be NULL = none. d_logits, d_feature, d_head: gradients are
 * added; NULL = the student lacks that output (terms that read it are off). */
void rt_objective_batch(struct rt_objective *o, const struct rt_objective_settings *s,
                        struct rt_term_in *in, const double *weight, const uint8_t *has_teacher,
                        float *d_logits, float *d_feature, float *d_head,
                        struct rt_objective_out *out);
int rt_objective_save(const struct rt_objective *o, struct rt_safetensors *s);
int rt_objective_load(struct rt_objective *o, const struct rt_safetensors *s, struct rt_error *e);

#endif
