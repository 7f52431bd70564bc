/* SPDX-License-Identifier: MIT
 * op_parameter: weights that are an operand: y = weight for each sample, of attr.shape. The input only
 * says how many samples there are. Reads shape, frozen. */
#include "stages/nn/window.h"

#include <string.h>

static int op_parameter_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                              struct rt_error *e)
{
    n->shape = n->attr.shape;
    if (!rt_shape_valid(&n->shape))
        return rt_shape_refuse(n, in, "a shape of its own without empty dimensions", e);
    int64_t count = rt_shape_count(&n->shape);
    return rt_op_param(g, n, "weight", 1, &count, 0, 0, false, false);
}

/* ---- a copy for each sample ----
 * Other ops know samples and nothing else, so a weight that is added or multiplied in is copied to
 * each. These are small (scales, position tables); a way to share one copy would be a case in every
 * op. */

static void op_parameter_forward(struct rt_op_run *r)
{
    int64_t n = r->param[0]->count;
    for (int b = 0; b < r->batch; b++)
        memcpy(r->y + b * n, r->param[0]->value, (size_t)n * sizeof *r->y);
}

static void op_parameter_backward(struct rt_op_run *r)
{
    float *grad = r->param[0]->grad;
    int64_t n = r->param[0]->count, inputs = rt_shape_count(r->in_shape[0]);
    for (int b = 0; grad && b < r->batch; b++)
        for (int64_t i = 0; i < n; i++)
            grad[i] += r->dy[b * n + i];
    if (r->dx[0] && !r->add[0])
        memset(r->dx[0], 0, (size_t)(r->batch * inputs) * sizeof *r->dx[0]);
}

const struct rt_op rt_op_parameter = {
    .name = "parameter",
    .inputs = 1,
    .unsaved_x = true,
    .unsaved_y = true,
    .shape = op_parameter_shape,
    .forward = op_parameter_forward,
    .backward = op_parameter_backward,
};
