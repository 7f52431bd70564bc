/* SPDX-License-Identifier: MIT
 * tensor: a typed, dense, row-major array with up to RT_TENSOR_RANK dimensions. A plain struct.
 * Not here: arithmetic (stages/nn), compression (frame.h), files (npy.h, safetensors.h). */
#ifndef RT_TENSOR_H
#define RT_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#define RT_TENSOR_RANK 6
#define RT_TENSOR_BYTES_MAX ((size_t)1 << 36) /* a tensor of more than 64 GiB is refused */

/* RT_DTYPE(name, C type, size in bytes, safetensors name, npy descr) */
enum rt_dtype {
#define RT_DTYPE(name, type, size, safetensors, npy) RT_##name,
#include "formats/dtypes.def"
#undef RT_DTYPE
    RT_DTYPES
};

/* Owner: whoever called rt_tensor_init; a struct filled by hand is a view and must not be fini'd.
 * rank 0 is a scalar (one element); a dimension may be 0. data is 64-byte aligned when owned. */
struct rt_tensor {
    enum rt_dtype dtype;
    int rank;
    int64_t dim[RT_TENSOR_RANK];
    void *data;
};

/* Allocates zeroed elements. RT_EMEM; RT_ELARGE when the product of dims overflows or passes
 * RT_TENSOR_BYTES_MAX (dims of 0 left out of the product); RT_ERANGE for a bad dtype, rank or
 * negative dimension. *t is then empty. */
int rt_tensor_init(struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim);
/* As rt_tensor_init, but the elements hold anything: for readers that then fill every byte. */
int rt_tensor_init_unset(struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim);
/* Frees the data and clears the struct; a cleared struct is fine. */
void rt_tensor_fini(struct rt_tensor *t);
/* A view: checks nothing, owns nothing. */
struct rt_tensor rt_tensor_view(enum rt_dtype dtype, int rank, const int64_t *dim, void *data);
/* Element count and byte size by shape, with the checks of rt_tensor_init; RT_E... or 0. */
int rt_tensor_size(enum rt_dtype dtype, int rank, const int64_t *dim, int64_t *count, size_t *bytes);
int64_t rt_tensor_count(const struct rt_tensor *t); /* elements of a valid tensor */
size_t rt_tensor_bytes(const struct rt_tensor *t);
/* Element i, 0 <= i < count, of any type as a double; whole numbers beyond 2^53 are rounded. */
double rt_tensor_element(const struct rt_tensor *t, int64_t i);
size_t rt_dtype_size(enum rt_dtype dtype);

#endif
