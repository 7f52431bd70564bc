/* SPDX-License-Identifier: MIT
 * geometry: where the windows of a convolution or pooling lie in its input, along up to three axes
 * (1-D and 2-D ones count as 3-D with leading axes of 1). */
#ifndef RT_GEOMETRY_H
#define RT_GEOMETRY_H

#include "stages/onnx/kernels/kernel.h"

#define RT_GEOMETRY_AXES 3

struct rt_geometry {
    int axes; /* that the operator has; they lie at the end of each array */
    int64_t in[RT_GEOMETRY_AXES], out[RT_GEOMETRY_AXES], kernel[RT_GEOMETRY_AXES];
    int64_t stride[RT_GEOMETRY_AXES], dilation[RT_GEOMETRY_AXES];
    int64_t before[RT_GEOMETRY_AXES], after[RT_GEOMETRY_AXES]; /* padding */
    int64_t in_count, out_count, taps; /* products of in, out, kernel */
};

/* Reads strides, pads, dilations, auto_pad and ceil_mode of a node on x = [n, c, axes...];
 * kernel[axes] is from its weights or kernel_shape. Refuses by name what does not fit: RT_EMISMATCH
 * (number of axes, windows beyond the input), RT_ERANGE, RT_EFORMAT (auto_pad), RT_ELARGE. */
int rt_geometry_read(struct rt_geometry *g, const struct rt_kernel_call *c,
                     const struct rt_tensor *x, const int64_t *kernel);
/* The same for a transposed convolution, whose output is what a convolution's input is: *g is that
 * convolution's (g->in is the node's output). Also reads output_padding and output_shape. */
int rt_geometry_read_transposed(struct rt_geometry *g, const struct rt_kernel_call *c,
                                const struct rt_tensor *x, const int64_t *kernel);
/* Window columns [*from, *to) of output positions whose tap k along an axis lies inside. */
void rt_geometry_inside(const struct rt_geometry *g, int axis, int64_t k, int64_t *from,
                        int64_t *to);

#endif
