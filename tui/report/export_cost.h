/* SPDX-License-Identifier: MIT
 * export_cost: what a model lost on its way into a file: both on the same samples. Main thread. */
#ifndef RT_EXPORT_COST_H
#define RT_EXPORT_COST_H

#include "stages/session/evaluation.h"

struct rt_export_cost_request {
    const char *before, *after; /* models */
    const char *manifest;       /* labelled samples: of its split test where there is one, else all */
    const char *trials;         /* over samples of it, of any split; or NULL */
};

struct rt_export_cost {
    int samples; /* with a label that the model knows; 0: top1 says nothing */
    double top1[2]; /* before and after */
    bool trials;    /* there were: eer is set */
    double eer[2];
    int compared; /* samples with two embeddings */
    double cosine_mean, cosine_least; /* between them */
};

/* What evaluating, a list of trials and their scores give. */
int rt_export_cost(struct rt_export_cost *c, const struct rt_export_cost_request *q, struct rt_error *e);
void rt_export_cost_print(const struct rt_export_cost *c);
/* Points lost, of top-1 or of the EER, whichever lost more; negative: nothing was. NaN: neither is known. */
double rt_export_cost_points(const struct rt_export_cost *c);

#endif
