/* SPDX-License-Identifier: MIT
 * learner_settings: see learner_settings.h. */
#include "stages/distill/learner_settings.h"

#include "stages/distill/objective_settings.h"

#include <stdio.h>

void rt_learner_settings_of(const struct rt_recipe *r, struct rt_learner_settings *s)
{
    *s = (struct rt_learner_settings){
        .seed = (uint64_t)r->seed,
        .weight = {
            .map = r->weight_map, .task = r->weight_task, .gamma = r->weight_gamma, .floor = r->weight_floor,
            .agreement_from = r->weight_agreement_from,
        },
        .train = {
            .schedule = r->train_schedule, .lr = r->train_lr, .warmup = r->train_warmup,
            .advance = r->train_advance, .momentum = r->train_momentum, .decay = r->train_decay,
            .clip = r->train_clip,
        },
        .head = r->eval_head,
    };
    snprintf(s->weight.terms, sizeof s->weight.terms, "%s", r->weight_terms);
    snprintf(s->weight.knees, sizeof s->weight.knees, "%s", r->weight_knees);
    rt_objective_read(r, &s->objective);
}
