/* SPDX-License-Identifier: MIT
 * op_input: where a dense batch enters; made by rt_graph_input, never run. */
#include "stages/nn/op.h"

const struct rt_op rt_op_input = {.name = "input"};
