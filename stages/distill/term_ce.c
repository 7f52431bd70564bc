/* SPDX-License-Identifier: MIT
 * term ce: softmax cross-entropy of the student's own head on the label, with label smoothing.
 * term head_ce: the same through the teacher's frozen head, without smoothing: it asks the
 * student's feature to lie where the teacher's classifier puts its class. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <stddef.h>

static struct rt_softmax_ce own_row(const struct rt_term_in *in, int i)
{
    const float *x = in->logits + (size_t)i * in->classes;
    int y = in->label[i];

    return (struct rt_softmax_ce){.x = x,
                                  .n = in->classes,
                                  .y = y,
                                  .scale = in->logit_scale,
                                  .target = in->logit_scale * x[y],
                                  .slope = in->logit_scale,
                                  .smoothing = in->smoothing};
}

static struct rt_softmax_ce head_row(const struct rt_term_in *in, int i)
{
    const float *x = in->head + (size_t)i * in->teacher_classes;
    int y = in->label[i];

    return (struct rt_softmax_ce){
        .x = x, .n = in->teacher_classes, .y = y, .scale = 1, .target = x[y], .slope = 1};
}

static void ce_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    rt_softmax_ce_values(own_row, in, use, value);
}

static void ce_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    rt_softmax_ce_grads(own_row, in, scale, out);
}

static void head_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    rt_softmax_ce_values(head_row, in, use, value);
}

static void head_grad(const struct rt_term_in *in, const double *scale, float *out)
{
    rt_softmax_ce_grads(head_row, in, scale, out);
}

const struct rt_term rt_term_ce = {
    .name = "ce",
    .summary = "task: softmax cross-entropy on the label",
    .reads = RT_READS_LOGITS,
    .needs = RT_NEEDS_LABEL,
    .value = ce_value,
    .grad = ce_grad,
};

const struct rt_term rt_term_head_ce = {
    .name = "head_ce",
    .summary = "class: cross-entropy of the teacher's frozen head on the label",
    .reads = RT_READS_HEAD,
    .needs = RT_NEEDS_LABEL,
    .value = head_value,
    .grad = head_grad,
};
