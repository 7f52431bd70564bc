/* SPDX-License-Identifier: MIT
 * walk: visits the elements of up to four arrays of one common shape in row-major order, each with
 * steps of its own (0 = broadcast). Broadcasting, transposing, slicing, tiling and reducing are all
 * such walks. Any thread. */
#ifndef RT_WALK_H
#define RT_WALK_H

#include "formats/tensor.h"

#define RT_WALK_RANK (2 * RT_TENSOR_RANK) /* tiling gives each dimension a second one */
#define RT_WALK_OPERANDS 4

struct rt_walk {
    int operands, rank;
    int64_t dim[RT_WALK_RANK];
    int64_t step[RT_WALK_OPERANDS][RT_WALK_RANK]; /* in elements */
};

/* The common shape; every operand's steps are 0 until set. */
void rt_walk_init(struct rt_walk *w, int operands, int rank, const int64_t *dim);
/* Operand k is a dense array of this shape, lined up at the right as ONNX broadcasting does;
 * dimensions of 1 are repeated. */
void rt_walk_dense(struct rt_walk *w, int k, int rank, const int64_t *dim);
/* Calls row once for each row of n elements: operand k's start at at[k], step[k] apart. The shape
 * is first made as flat as the steps allow. No call when there are no elements. */
typedef void rt_walk_row(void *self, int64_t n, const int64_t *at, const int64_t *step);
void rt_walk_run(const struct rt_walk *w, rt_walk_row *row, void *self);

#endif
