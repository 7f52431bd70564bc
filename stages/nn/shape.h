/* SPDX-License-Identifier: MIT
 * shape: the sizes of one sample's numbers at a node. */
#ifndef RT_SHAPE_H
#define RT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#define RT_NODE_RANK 4

struct rt_shape {
    int rank; /* without the batch */
    int dim[RT_NODE_RANK];
};

/* "[144,64]" */
const char *rt_shape_text(const struct rt_shape *s, char out[static 48]);
int64_t rt_shape_count(const struct rt_shape *s);
/* Rank 1 to RT_NODE_RANK, no empty dimension, at most 2^29 numbers. */
bool rt_shape_valid(const struct rt_shape *s);

#endif
