/* SPDX-License-Identifier: MIT
 * op_flatten: the same numbers as one row. Memory is shared with the input, so nothing runs. */
#include "stages/nn/window.h"

#include <limits.h>

static int shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                 struct rt_error *e)
{
    (void)g;
    if (rt_shape_count(in) > INT_MAX) {
        return rt_shape_refuse(n, in, "fewer than 2^31 numbers", e);
    }
    n->shape = (struct rt_shape){1, {(int)rt_shape_count(in)}};
    return 0;
}

const struct rt_op rt_op_flatten = {.name = "flatten", .inputs = 1, .view = true, .shape = shape};
