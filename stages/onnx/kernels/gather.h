/* SPDX-License-Identifier: MIT
 * gather: y[i, j, ...] = x[map0[i], map1[j], ...]: padding, and resizing to the nearest. */
#ifndef RT_GATHER_H
#define RT_GATHER_H

#include "formats/tensor.h"

/* map holds the indices of all axes of y one after the other; -1 gives `fill` (one element of x's
 * type). Shapes and types are the caller's to check. */
void rt_gather_mapped(const struct rt_tensor *x, struct rt_tensor *y, const int64_t *map,
                      const void *fill);
/* Bytes of y's map. */
size_t rt_gather_bytes(const struct rt_tensor *y);

#endif
