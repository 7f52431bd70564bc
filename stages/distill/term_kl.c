/* SPDX-License-Identifier: MIT
 * terms kl and head_kl: D = T^2 KL(softmax(t / T) || softmax(s / T)) (Hinton, arXiv 1503.02531),
 * with s the student's own head (kl) or the teacher's frozen head on the student's feature
 * (head_kl). T^2 keeps the size of the gradient about the same when T changes. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <stddef.h>

/* ---- one KL for two heads ----
 * T is in twice: D has T^2, and the logits are divided by T before the softmax, so dD / d logit is
 * T (q - p), which for a large T tends to a plain difference of logits instead of to 0. The own
 * head's logits may be cosines; their factor then stands in the exponent and once more in the
 * gradient. */

/* One side of the comparison: whose logits, their factor, and the temperature of both. */
struct kl_side {
    const float *logits;
    double scale, temperature;
};

static struct kl_side kl_own(const struct rt_term_in *in)
{
    return (struct kl_side){in->logits, in->logit_scale, in->param[RT_PARAM_kl_temperature]};
}

static struct kl_side kl_head(const struct rt_term_in *in)
{
    return (struct kl_side){in->head, 1, in->param[RT_PARAM_head_kl_temperature]};
}

static void kl_values(const struct rt_term_in *in, struct kl_side s, const uint8_t *use,
                      double *value)
{
    double t = s.temperature;

    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->teacher_classes;
        if (use[i])
            value[i] = t * t *
                       rt_softmax_kl(in->t_logits + at, 1 / t, s.logits + at, s.scale / t,
                                     in->teacher_classes, -1);
    }
}

static void kl_grads(const struct rt_term_in *in, struct kl_side s, const double *scale, float *out)
{
    double t = s.temperature;

    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->teacher_classes;
        if (scale[i] != 0)
            rt_softmax_kl_grad(in->t_logits + at, 1 / t, s.logits + at, s.scale / t,
                               in->teacher_classes, -1, scale[i] * t * s.scale, out + at);
    }
}

static void kl_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    kl_values(in, kl_own(in), use, value);
}

static void kl_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                    const struct rt_term_out *out)
{
    (void)use;
    kl_grads(in, kl_own(in), scale, out->logits);
}

static void head_kl_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    kl_values(in, kl_head(in), use, value);
}

static void head_kl_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                         const struct rt_term_out *out)
{
    (void)use;
    kl_grads(in, kl_head(in), scale, out->head);
}

const struct rt_term_ops rt_term_kl = {.value = kl_value, .grad = kl_grad};
const struct rt_term_ops rt_term_head_kl = {.value = head_kl_value, .grad = head_kl_grad};
