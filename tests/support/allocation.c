/* SPDX-License-Identifier: MIT
 * allocation: see allocation.h. Not thread-safe: for tests of one thread. */
#include "tests/support/allocation.h"

#include <stdlib.h>

#define ATTEMPTS_MAX 10000

/* fail_at is counted down; 0 = none fails. live counts blocks of the wrapped calls. */
static long fail_at, live;
static bool failed;

void allocation_fail(long n)
{
    fail_at = n;
    failed = false;
}

bool allocation_fails(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    return failed = true;
}

void *allocation_counted(void *p)
{
    live += p != NULL;
    return p;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : allocation_counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return allocation_fails() ? NULL : allocation_counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (allocation_fails())
        return NULL;
    return p ? __real_realloc(p, size) : allocation_counted(__real_realloc(p, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails() ? NULL : allocation_counted(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return allocation_fails() ? NULL : allocation_counted(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
    return allocation_fails() ? NULL : allocation_counted(__real_strndup(text, size));
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

long exhaust(int (*operation)(void *self, struct rt_error *e), void *self, struct mercy mercy)
{
    for (long n = 1; n < ATTEMPTS_MAX; n++) {
        struct rt_error e = {0};
        long before = live;
        allocation_fail(n);
        int rc = operation(self, &e);
        fail_at = 0;
        if (live < before || live > before + mercy.kept)
            fail_msg("allocation %ld failed, then %ld blocks were left", n, live - before);
        if (!failed) {
            assert_int_equal(rc, 0);
            return n - 1;
        }
        if (rc == 0 && mercy.spared-- == 0)
            fail_msg("allocation %ld failed and nobody noticed", n);
        if (rc && ((rc != RT_EMEM && rc != mercy.also) || e.code != rc || !e.text[0]))
            fail_msg("allocation %ld failed: %d \"%s\"", n, rc, e.text);
    }
    fail_msg("still failing after %d allocations", ATTEMPTS_MAX);
    return 0;
}
