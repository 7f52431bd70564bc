/* SPDX-License-Identifier: MIT
 * rule: the contract of one update rule, private to this folder. optim.c owns the state and the
 * clipping; a rule is arithmetic on a range of one parameter. */
#ifndef RT_RULE_H
#define RT_RULE_H

#include "stages/nn/optim/optim.h"

#define RT_RULE_STATES 2

struct rt_update {
    const struct rt_optim_step *s;
    bool decay;
    float *value;
    const float *grad;
    float *state[RT_RULE_STATES];
    int64_t count;
    double scale;        /* factor on every gradient (clipping) */
    double beta1, beta2; /* products of the decay rates over all steps so far, this one included */
};

struct rt_rule {
    enum rt_optim_id id;
    int states; /* arrays of the parameter's size, zero at first */
    const char *state_name[RT_RULE_STATES];
    void (*update)(const struct rt_update *u);
};

#define RT_ADAM_BETA2 0.999

extern const struct rt_rule rt_rule_adamw, rt_rule_sgd;

#endif
