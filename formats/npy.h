/* SPDX-License-Identifier: MIT
 * npy: NumPy's .npy files, versions 1.0 to 3.0, C order, little-endian, the dtypes of dtypes.def.
 * Layout: "\x93NUMPY", major, minor, header length (u16, from 2.0 u32), a Python dict as text with
 * 'descr', 'fortran_order', 'shape', padded to 64 bytes with a final newline, then the data. */
#ifndef RT_NPY_H
#define RT_NPY_H

#include "formats/error.h"
#include "formats/tensor.h"

/* Caller fini's *t. RT_EMISSING, RT_EFORMAT (offset and value named), RT_ELARGE, RT_EMEM. */
int rt_npy_read(struct rt_tensor *t, const char *path, struct rt_error *e);
int rt_npy_parse(struct rt_tensor *t, const void *bytes, size_t size, const char *name,
                 struct rt_error *e);
/* Written beside, fsync'ed and renamed into place. */
int rt_npy_write(const struct rt_tensor *t, const char *path, struct rt_error *e);

#endif
