/* SPDX-License-Identifier: MIT
 * op_bag: where a sparse batch enters; made by rt_graph_bag, read by embeddingbag, never run. */
#include "stages/nn/op.h"

const struct rt_op rt_op_bag = {.name = "bag"};
