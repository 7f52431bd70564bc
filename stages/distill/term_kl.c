/* SPDX-License-Identifier: MIT
 * terms kl and head_kl: D = T^2 KL(softmax(t / T) || softmax(s / T)) (Hinton, arXiv 1503.02531),
 * with s the student's own head (kl) or the teacher's frozen head on the student's feature
 * (head_kl). T^2 keeps the size of the gradient about the same when T changes. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <stddef.h>

static void kl_value(const struct rt_term_in *in, const float *s, double s_scale,
                     const uint8_t *use, double *value)
{
    double t = in->temperature;

    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->teacher_classes;
        if (use[i])
            value[i] = t * t *
                       rt_softmax_kl(in->t_logits + at, 1 / t, s + at, s_scale / t,
                                     in->teacher_classes, -1);
    }
}

static void kl_grad(const struct rt_term_in *in, const float *s, double s_scale,
                    const double *scale, float *out)
{
    double t = in->temperature;

    for (int i = 0; i < in->batch; i++) {
        size_t at = (size_t)i * in->teacher_classes;
        if (scale[i] != 0)
            rt_softmax_kl_grad(in->t_logits + at, 1 / t, s + at, s_scale / t, in->teacher_classes,
                               -1, scale[i] * t * s_scale, out + at);
    }
}

static void own_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    kl_value(in, in->logits, in->logit_scale, use, value);
}

static void own_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    kl_grad(in, in->logits, in->logit_scale, scale, out);
}

static void head_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    kl_value(in, in->head, 1, use, value);
}

static void head_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    kl_grad(in, in->head, 1, scale, out);
}

const struct rt_term rt_term_kl = {
    .name = "kl",
    .summary = "class: KL from the teacher's posteriors to the student's own head",
    .reads = RT_READS_LOGITS,
    .needs = RT_NEEDS_TEACHER,
    .value = own_value,
    .grad = own_grad,
};

const struct rt_term rt_term_head_kl = {
    .name = "head_kl",
    .summary = "class: KL through the teacher's frozen head",
    .reads = RT_READS_HEAD,
    .needs = RT_NEEDS_TEACHER,
    .value = head_value,
    .grad = head_grad,
};
