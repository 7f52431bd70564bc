/* SPDX-License-Identifier: MIT
 * kernel_quantise: what kernel_quantise.c and kernel_integer.c share. */
#ifndef RT_KERNEL_QUANTISE_H
#define RT_KERNEL_QUANTISE_H

#include "formats/tensor.h"

/* The whole numbers that an element may be; type: ONNX's number (INT8, UINT8, INT16, UINT16), 0: 8 bits, as dtype
 * says (RT_U8, or RT_I32 for INT8). */
void rt_quantise_bounds(enum rt_dtype dtype, int type, float *least, float *most);
/* v / scale to the nearest, ties to even, plus zero, within the bounds. NaN, for which ONNX says nothing: zero. */
double rt_quantise(float v, float scale, double zero, enum rt_dtype dtype, int type);

#endif
