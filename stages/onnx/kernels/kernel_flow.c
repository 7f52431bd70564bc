/* SPDX-License-Identifier: MIT
 * kernel_flow: If and Loop, nodes that hold graphs. There is nothing to compute here: whoever lays out a graph takes in
 * theirs instead, and knows these two by their rows. */
#include "stages/onnx/kernels/kernel.h"

static int flow_refuse(struct rt_kernel_call *c)
{
    return rt_kernel_refuse(c, RT_EUSAGE, "a node that holds graphs is not computed by itself");
}

const struct rt_kernel rt_kernel_if = {1, 1, 1 << 20, flow_refuse, flow_refuse, NULL, NULL};
const struct rt_kernel rt_kernel_loop = {0, 1 << 20, 1 << 20, flow_refuse, flow_refuse, NULL, NULL};
