/* SPDX-License-Identifier: MIT
 * op_conv1d: convolution over time. Reads units, kernel[0], stride[0], pad[0], dilation[0], groups,
 * bias. */
#include "stages/nn/conv.h"

static int op_conv1d_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    return rt_conv_shape(g, n, in, true, e);
}

const struct rt_op rt_op_conv1d = {
    .name = "conv1d",
    .inputs = 1,
    .unsaved_y = true,
    .forward_fuses = true,
    .shape = op_conv1d_shape,
    .scratch = rt_conv_scratch,
    .prepared_bytes = rt_conv_prepared,
    .prepare = rt_conv_prepare,
    .prepared_scratch = rt_conv_prepared_scratch,
    .forward = rt_conv_forward,
    .backward = rt_conv_backward,
};
