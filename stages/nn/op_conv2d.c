/* SPDX-License-Identifier: MIT
 * op_conv2d: convolution over height and width; input [h,w] counts as [h,w,1]. Reads units, kernel,
 * stride, pad, dilation, groups, bias. */
#include "stages/nn/conv.h"

static int op_conv2d_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                           struct rt_error *e)
{
    return rt_conv_shape(g, n, in, false, e);
}

const struct rt_op rt_op_conv2d = {
    .name = "conv2d",
    .inputs = 1,
    .unsaved_y = true,
    .forward_fuses = true,
    .shape = op_conv2d_shape,
    .scratch = rt_conv_scratch,
    .prepared_bytes = rt_conv_prepared,
    .prepare = rt_conv_prepare,
    .prepared_scratch = rt_conv_prepared_scratch,
    .forward = rt_conv_forward,
    .backward = rt_conv_backward,
};
