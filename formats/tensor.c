/* SPDX-License-Identifier: MIT
 * tensor: sizes checked for overflow, aligned allocation. The dtypes come from dtypes.def. */
#include "formats/tensor.h"
#include "formats/error.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64 /* a cache line, and the widest vector register */

static const uint8_t dtype_size[] = {
#define RT_DTYPE(name, type, size, safetensors, npy) size,
#include "formats/dtypes.def"
#undef RT_DTYPE
};

#define RT_DTYPE(name, type, size, safetensors, npy)                                               \
    _Static_assert(sizeof(type) == (size), "dtypes.def: size of " #name);
#include "formats/dtypes.def"
#undef RT_DTYPE

/* Sizes come from files, so products are checked for overflow in one place, and every reader asks
 * it before it allocates. Data is aligned to a cache line: kernels may load whole vectors from any
 * tensor's start. */

size_t rt_dtype_size(enum rt_dtype dtype)
{
    return (unsigned)dtype < RT_DTYPES ? dtype_size[dtype] : 0;
}

int rt_tensor_size(enum rt_dtype dtype, int rank, const int64_t *dim, int64_t *count, size_t *bytes)
{
    if ((unsigned)dtype >= RT_DTYPES || rank < 0 || rank > RT_TENSOR_RANK)
        return RT_ERANGE;
    /* Two products: the one without zeros bounds every stride, also of a tensor with no elements.
     */
    uint64_t product = 1, nonzero = dtype_size[dtype];
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0)
            return RT_ERANGE;
        product *= (uint64_t)dim[i];
        if (dim[i] > 0 && __builtin_mul_overflow(nonzero, (uint64_t)dim[i], &nonzero))
            return RT_ELARGE;
    }
    if (nonzero > RT_TENSOR_BYTES_MAX)
        return RT_ELARGE;
    *count = (int64_t)product;
    *bytes = (size_t)product * dtype_size[dtype];
    return 0;
}

int rt_tensor_init_unset(struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim)
{
    int64_t count;
    size_t bytes;
    memset(t, 0, sizeof *t);
    int rc = rt_tensor_size(dtype, rank, dim, &count, &bytes);
    if (rc)
        return rc;
    /* Never zero bytes, so that data is not NULL; aligned_alloc wants whole multiples. */
    void *data = aligned_alloc(ALIGNMENT, bytes / ALIGNMENT * ALIGNMENT + ALIGNMENT);
    if (!data)
        return RT_EMEM;
    *t = rt_tensor_view(dtype, rank, dim, data);
    return 0;
}

int rt_tensor_init(struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim)
{
    int rc = rt_tensor_init_unset(t, dtype, rank, dim);
    if (!rc)
        memset(t->data, 0, rt_tensor_bytes(t));
    return rc;
}

void rt_tensor_fini(struct rt_tensor *t)
{
    free(t->data);
    memset(t, 0, sizeof *t);
}

struct rt_tensor rt_tensor_view(enum rt_dtype dtype, int rank, const int64_t *dim, void *data)
{
    struct rt_tensor t = {.dtype = dtype, .rank = rank, .data = data};
    for (int i = 0; i < rank && i < RT_TENSOR_RANK; i++)
        t.dim[i] = dim[i];
    return t;
}

int64_t rt_tensor_count(const struct rt_tensor *t)
{
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count *= t->dim[i];
    return count;
}

size_t rt_tensor_bytes(const struct rt_tensor *t)
{
    return (size_t)rt_tensor_count(t) * rt_dtype_size(t->dtype);
}

/* Through double, for small inputs and odd types: whole numbers beyond 2^53 would be rounded, which
 * sizes and axes never are. */
double rt_tensor_element(const struct rt_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case RT_F32:
        return ((const float *)t->data)[i];
    case RT_F64:
        return ((const double *)t->data)[i];
    case RT_I32:
        return ((const int32_t *)t->data)[i];
    case RT_I64:
        return (double)((const int64_t *)t->data)[i];
    default:
        return ((const uint8_t *)t->data)[i];
    }
}
