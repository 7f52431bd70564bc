/* SPDX-License-Identifier: MIT
 * adamw: Adam with weight decay apart from the gradient (Loshchilov and Hutter), in PyTorch's order
 * of operations. momentum is beta1. */
#include "stages/nn/simd.h"
#include "stages/nn/optim/rule.h"

#include <math.h>

struct factors {
    float scale, keep, beta1, beta2, step, root, epsilon;
};

RT_SIMD static void adamw_update_range(float *restrict p, const float *restrict grad,
                                       float *restrict m, float *restrict v, int64_t n,
                                       struct factors f)
{
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] * f.scale;
        m[i] = f.beta1 * m[i] + (1 - f.beta1) * g;
        v[i] = f.beta2 * v[i] + (1 - f.beta2) * g * g;
        p[i] = p[i] * f.keep - f.step * m[i] / (sqrtf(v[i]) * f.root + f.epsilon);
    }
}

/* The bias corrections are two factors for all weights of a step, so the loop has one root and one
 * division a number. */
static void adamw_update(const struct rt_update *u)
{
    const struct rt_optim_step *s = u->s;
    struct factors f = {.scale = (float)u->scale,
                        .keep = (float)(u->decay ? 1 - s->lr * s->decay : 1),
                        .beta1 = (float)s->momentum,
                        .beta2 = (float)RT_ADAM_BETA2,
                        .step = (float)(s->lr / (1 - u->beta1)),
                        .root = (float)(1 / sqrt(1 - u->beta2)),
                        .epsilon = 1e-8f};
    adamw_update_range(u->value, u->grad, u->state[0], u->state[1], u->count, f);
}

const struct rt_rule rt_rule_adamw = {
    .id = RT_OPTIM_ADAMW, .states = 2, .state_name = {"m", "v"}, .update = adamw_update};
