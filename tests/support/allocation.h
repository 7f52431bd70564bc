/* SPDX-License-Identifier: MIT
 * allocation: memory that runs out. The linker puts allocation.c's malloc, calloc, realloc,
 * aligned_alloc, strdup, strndup and free in the place of libc's in our code; a test that wraps a library's
 * maker too asks allocation_fails() in it. */
#ifndef RT_ALLOCATION_H
#define RT_ALLOCATION_H

#include "tests/support/support.h"

#include <stdbool.h>

/* What a test may forgive: 0 where nothing. */
struct mercy {
    long kept;  /* blocks that may stay: a thread's own */
    int spared; /* failures that may be survived: a block that could not be shrunk */
    int also;   /* a code allowed beside RT_EMEM */
};

/* Calls operation with its 1st, 2nd, ... allocation failing until none fails, and gives how many
 * failed. Until then it must give RT_EMEM with a text in *e and leave no block behind; then 0. */
long exhaust(int (*operation)(void *self, struct rt_error *e), void *self, struct mercy mercy);

/* The n-th allocation from now fails; 0 = none. */
void allocation_fail(long n);
/* For wrapped makers: whether this call must fail; a block that our free() will free. */
bool allocation_fails(void);
void *allocation_counted(void *p);

#endif
