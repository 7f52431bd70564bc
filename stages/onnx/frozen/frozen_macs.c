/* SPDX-License-Identifier: MIT
 * frozen_macs: how much work one run of a frozen graph is, counted from its nodes before any are fused. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <string.h>

/* By shapes alone, as people count it: what a padded border or a fast algorithm saves is not taken off, and what is no
 * product (norms, activations) is not counted. */

static double count_of(const struct rt_frozen *f, int value)
{
    return value < 0 ? 0 : (double)rt_tensor_count(&f->value[value].t);
}

static double quotient(double sum, int64_t by)
{
    return by ? sum / (double)by : 0;
}

static double step_macs(const struct rt_frozen *f, const struct rt_frozen_step *s)
{
    const char *op = s->node->op;
    const struct rt_tensor *a = s->inputs > 0 && s->in[0] >= 0 ? &f->value[s->in[0]].t : NULL;
    const struct rt_tensor *w = s->inputs > 1 && s->in[1] >= 0 ? &f->value[s->in[1]].t : NULL;
    double out = s->outputs > 0 ? count_of(f, s->out[0]) : 0;
    if (!a || !w || a->rank == 0 || w->rank == 0)
        return 0;
    if (strcmp(op, "Conv") == 0)
        return quotient(out * (double)rt_tensor_count(w), w->dim[0]);
    if (strcmp(op, "ConvTranspose") == 0)
        return quotient((double)rt_tensor_count(a) * (double)rt_tensor_count(w), w->dim[0]);
    if (strcmp(op, "MatMul") == 0)
        return out * (double)a->dim[a->rank - 1];
    if (strcmp(op, "Gemm") == 0)
        return quotient(out * (double)rt_tensor_count(a), f->value[s->out[0]].t.dim[0]);
    if (strcmp(op, "LSTM") == 0 || strcmp(op, "GRU") == 0 || strcmp(op, "RNN") == 0)
        return (double)(a->dim[0] * a->dim[1]) * (double)(rt_tensor_count(w) + (int64_t)count_of(f, s->in[2]));
    return 0;
}

double rt_frozen_count_macs(const struct rt_frozen *f)
{
    double sum = 0;
    for (int i = 0; i < f->steps; i++)
        sum += step_macs(f, &f->step[i]);
    return sum;
}
