/* SPDX-License-Identifier: MIT
 * work: memory that is asked for again and again, kept between times: whoever makes sample after sample gives it back
 * and gets the same block. NULL in place of a struct rt_work is malloc and free. One thread at a time. */
#ifndef RT_WORK_H
#define RT_WORK_H

#include "formats/tensor.h"

struct rt_work; /* opaque */

int rt_work_create(struct rt_work **out); /* RT_EMEM */
/* Frees all blocks, also those that were not given back. */
void rt_work_destroy(struct rt_work *w);

/* At least so many bytes, of any content, 64-byte aligned; NULL = out of memory. */
void *rt_work_take(struct rt_work *w, size_t bytes);
/* What take gave, or NULL. */
void rt_work_give(struct rt_work *w, void *block);

/* As rt_tensor_init, but of any content; given back by rt_work_tensor_fini alone. */
int rt_work_tensor(struct rt_work *w, struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim);
void rt_work_tensor_fini(struct rt_work *w, struct rt_tensor *t);

#endif
