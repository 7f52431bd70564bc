/* SPDX-License-Identifier: MIT
 * window: the geometry that convolution and pooling share: which input places an output place sees.
 * 1-D input [t,c] is [t,1,c] with a kernel of width 1, so each op is written once. */
#ifndef RT_WINDOW_H
#define RT_WINDOW_H

#include "stages/nn/op.h"

struct rt_window {
    int h, w, c;                        /* input */
    int oh, ow;                         /* output places */
    int kh, kw, sh, sw, ph, pw, dh, dw; /* kernel, stride, padding on each side, dilation */
};

/* For shape(): fills in what attr leaves 0 (stride: `stride`, the others 1), checks it against
 * input shape in, of rank 2 or 3, and sets n->shape to [oh,ow,channels] or [oh,channels]. */
int rt_window_shape(struct rt_node *n, const struct rt_shape *in, const int stride[2], int channels,
                    struct rt_error *e);
struct rt_window rt_window_of(const struct rt_node *n, const struct rt_shape *in);

/* For shape(): the error of an op that wants another input; wanted completes "it takes ...". */
int rt_shape_refuse(const struct rt_node *n, const struct rt_shape *in, const char *wanted,
                    struct rt_error *e);
/* The shape() of ops that give attr.units numbers for [c] numbers: n->shape, and "weight"
 * [units, c]. */
int rt_units_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                   struct rt_error *e);

#endif
