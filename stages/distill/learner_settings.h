/* SPDX-License-Identifier: MIT
 * learner_settings: what a learner reads of a recipe: what may differ from update to update. Plain
 * numbers, so that it can be copied, compared and sent; anybody may make it without a recipe. */
#ifndef RT_LEARNER_SETTINGS_H
#define RT_LEARNER_SETTINGS_H

#include "formats/recipe.h"
#include "stages/distill/objective.h"

struct rt_learner_settings {
    uint64_t seed; /* of dropout */
    struct rt_objective_settings objective; /* its AAM margin at full height, its scale as set */
    struct {
        char terms[sizeof(rt_key_text)], knees[sizeof(rt_key_text)]; /* texts of weight_scale.h */
        enum rt_map_id map;
        enum rt_weigh_id task;
        double gamma, floor, agreement_from; /* the last: a part of the run */
    } weight;
    struct {
        enum rt_schedule_id schedule;
        double lr, warmup, advance; /* parts of the run: in which the rate rises; by which it is moved on */
        double momentum, decay, clip;
    } train;
    enum rt_head_id head; /* which answers: one of them, or a wish: auto, best */
};

void rt_learner_settings_of(const struct rt_recipe *r, struct rt_learner_settings *s);

#endif
