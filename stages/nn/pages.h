/* SPDX-License-Identifier: MIT
 * pages: memory that a network walks from end to end in each step, on large pages where the system gives them. */
#ifndef RT_PAGES_H
#define RT_PAGES_H

#include <stddef.h>

/* At least `bytes`, 64-byte aligned, of any content; NULL when there is no memory. */
void *rt_pages_take(size_t bytes);
/* The same number of bytes as was asked for. NULL is allowed. */
void rt_pages_give(void *memory, size_t bytes);

#endif
