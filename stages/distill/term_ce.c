/* SPDX-License-Identifier: MIT
 * term ce: softmax cross-entropy of the student's own head on the label, with label smoothing.
 * term head_ce: the same through the teacher's frozen head, without smoothing: it asks the
 * student's feature to lie where the teacher's classifier puts its class. */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <stddef.h>

/* What each is, as a row of the cross-entropy that softmax.c works out. The head's row has no
 * smoothing: the own head can learn to answer less surely, but the teacher's is frozen, so smoothing
 * could only push features away from where it is sure of their class. */

static struct rt_softmax_ce ce_row(const struct rt_term_in *in, int i)
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

static struct rt_softmax_ce head_ce_row(const struct rt_term_in *in, int i)
{
    const float *x = in->head + (size_t)i * in->teacher_classes;
    int y = in->label[i];

    return (struct rt_softmax_ce){
        .x = x, .n = in->teacher_classes, .y = y, .scale = 1, .target = x[y], .slope = 1};
}

static void ce_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    rt_softmax_ce_values(ce_row, in, use, value);
}

static void ce_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                    const struct rt_term_out *out)
{
    (void)use;
    rt_softmax_ce_grads(ce_row, in, scale, out->logits);
}

static void head_ce_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    rt_softmax_ce_values(head_ce_row, in, use, value);
}

static void head_ce_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                         const struct rt_term_out *out)
{
    (void)use;
    rt_softmax_ce_grads(head_ce_row, in, scale, out->head);
}

const struct rt_term_ops rt_term_ce = {.value = ce_value, .grad = ce_grad};
const struct rt_term_ops rt_term_head_ce = {.value = head_ce_value, .grad = head_ce_grad};
