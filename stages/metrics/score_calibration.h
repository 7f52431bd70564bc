/* SPDX-License-Identifier: MIT
 * score_calibration: scores of trials as log likelihood ratios, by logistic regression on the score and on what else is
 * known of a pair. Fitted on trials other than those that are judged. Pure functions. */
#ifndef RT_SCORE_CALIBRATION_H
#define RT_SCORE_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#define RT_CALIBRATION_INPUTS 8

struct rt_score_calibration {
    int inputs;                           /* numbers of a trial */
    double weight[RT_CALIBRATION_INPUTS]; /* llr = offset + sum of weight * input */
    double offset;
};

/* input [n, inputs], the score first. p_target: the prior at which errors are weighed. Inputs that are all alike get
 * weight 0. RT_ENODATA: one kind is missing; RT_ENOTFINITE, RT_EMEM; RT_ERANGE: inputs, p_target. */
int rt_score_calibration_fit(struct rt_score_calibration *c, const double *input, int inputs, const uint8_t *same,
                             size_t n, double p_target);
double rt_score_llr(const struct rt_score_calibration *c, const double *input);

#endif
