/* SPDX-License-Identifier: MIT
 * softmax: the arithmetic that class terms share, one row at a time, in double and without
 * overflow. No allocation: probabilities are exp(u_j - lse), computed again where they are needed.
 * A NaN in the row makes every result NaN. Siblings: term_ce.c, term_aam.c, term_kl.c, term_dkd.c,
 * term_dist.c. */
#ifndef RT_SOFTMAX_H
#define RT_SOFTMAX_H

#include "stages/distill/term.h"

/* ln sum_j exp(scale * x_j) without j = skip (-1 = with all). -inf when no class is left. */
double rt_softmax_lse(const float *x, int n, double scale, int skip);

/* One row of cross-entropy against the label y smoothed by `smoothing`, with u_j = scale * x_j
 * except u_y = target: a margin changes the label's logit only. slope = d target / d x_y. */
struct rt_softmax_ce {
    const float *x; /* [n] */
    int n, y;
    double scale, target, slope, smoothing;
};
/* -sum_j q_j ln p_j with q = (1 - smoothing) * [j = y] + smoothing / n. */
double rt_softmax_ce(const struct rt_softmax_ce *r);
/* out[n] += factor * its gradient in x. */
void rt_softmax_ce_grad(const struct rt_softmax_ce *r, double factor, float *out);
/* The value() and grad() of a term that is a cross-entropy: all there is to it is its row i. */
typedef struct rt_softmax_ce rt_softmax_ce_row(const struct rt_term_in *in, int i);
void rt_softmax_ce_values(rt_softmax_ce_row *row, const struct rt_term_in *in, const uint8_t *use,
                          double *value);
void rt_softmax_ce_grads(rt_softmax_ce_row *row, const struct rt_term_in *in, const double *scale,
                         float *out); /* of the logits that row i reads */

/* KL(softmax(t_scale t) || softmax(x_scale x)) over the classes other than skip. */
double rt_softmax_kl(const float *t, double t_scale, const float *x, double x_scale, int n,
                     int skip);
/* out[n] += factor * its gradient in x_scale * x. */
void rt_softmax_kl_grad(const float *t, double t_scale, const float *x, double x_scale, int n,
                        int skip, double factor, float *out);

#endif
