/* SPDX-License-Identifier: MIT
 * op_reshape: the same numbers in another shape, attr.shape, or as one row when that is empty. Memory
 * is shared with the input, so nothing runs. */
#include "stages/nn/window.h"

#include <limits.h>
#include <stdio.h>

static int op_reshape_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                            struct rt_error *e)
{
    (void)g;
    if (rt_shape_count(in) > INT_MAX)
        return rt_shape_refuse(n, in, "fewer than 2^31 numbers", e);
    n->shape = n->attr.shape.rank ? n->attr.shape
                                  : (struct rt_shape){1, {(int)rt_shape_count(in)}};
    if (rt_shape_valid(&n->shape) && rt_shape_count(&n->shape) == rt_shape_count(in))
        return 0;
    char text[48], wanted[80];
    snprintf(wanted, sizeof wanted, "as many numbers as shape %s has", rt_shape_text(&n->shape, text));
    return rt_shape_refuse(n, in, wanted, e);
}

const struct rt_op rt_op_reshape = {
    .name = "reshape", .inputs = 1, .view = true, .shape = op_reshape_shape};
