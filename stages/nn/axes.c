/* SPDX-License-Identifier: MIT
 * axes: see axes.h. */
#include "stages/nn/axes.h"

#include "stages/nn/window.h"

/* ---- neighbouring dimensions ----
 * Softmax, reduce, normalise, slice and concat work over a run of dimensions; whatever their
 * number, a sample is [outer, n, inner] to them, and each is one loop. Dimensions that are no
 * neighbours are brought together by a transpose before (onnx/thaw/ does that). */

int rt_axes_check(struct rt_node *n, const struct rt_shape *in, struct rt_error *e)
{
    struct rt_attr *a = &n->attr;
    a->axes = a->axes ? a->axes : 1;
    if (a->axis < 0 || a->axes < 1 || a->axes > RT_NODE_RANK || a->axis + a->axes > in->rank) {
        char text[48];
        return rt_error_set(e, RT_ERANGE, "network: node \"%s\" (%s): %d dimensions from %d on are "
                            "not all in the input of shape %s", n->name, rt_op_get(n->op)->name,
                            a->axes, a->axis, rt_shape_text(in, text));
    }
    return 0;
}

/* Dimensions before the run, in it, behind it: products of each. A sample's numbers are counted,
 * the batch is outside. */
struct rt_axes rt_axes_of(const struct rt_node *n, const struct rt_shape *in)
{
    struct rt_axes s = {1, 1, 1};
    for (int i = 0; i < in->rank; i++) {
        int64_t *part = i < n->attr.axis ? &s.outer : i < n->attr.axis + n->attr.axes ? &s.n : &s.inner;
        *part *= in->dim[i];
    }
    return s;
}

void rt_each_sample(struct rt_op_run *r, void (*piece)(void *self, int sample, int thread))
{
    rt_parallel_for(r->parallel, r->batch, piece, r);
}
