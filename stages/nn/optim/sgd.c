/* SPDX-License-Identifier: MIT
 * sgd: stochastic gradient descent with Nesterov momentum; decay is added to the gradient. */
#include "stages/nn/simd.h"
#include "stages/nn/optim/rule.h"

/* Nesterov as PyTorch writes it: the step is taken along the momentum that this gradient has
 * already changed. */
RT_SIMD static void sgd_update_range(float *restrict p, const float *restrict grad,
                                     float *restrict m, int64_t n, float scale, float decay,
                                     float momentum, float lr)
{
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] * scale + decay * p[i];
        m[i] = momentum * m[i] + g;
        p[i] -= lr * (g + momentum * m[i]);
    }
}

static void sgd_update(const struct rt_update *u)
{
    sgd_update_range(u->value, u->grad, u->state[0], u->count, (float)u->scale,
                     (float)(u->decay ? u->s->decay : 0), (float)u->s->momentum, (float)u->s->lr);
}

const struct rt_rule rt_rule_sgd = {
    .id = RT_OPTIM_SGD, .states = 1, .state_name = {"momentum"}, .update = sgd_update};
