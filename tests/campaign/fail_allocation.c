/* SPDX-License-Identifier: MIT
 * fail_allocation: preloaded by tests/campaign/allocation: lets the n-th allocation of a process fail, once
 * (RT_FAIL_AT=n) or from then on (RT_FAIL_FROM=n), and writes how many there were into RT_FAIL_COUNT. Counted from
 * main on: what libraries do as they are loaded is theirs. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static atomic_long calls;
static long at, from;
static atomic_int counting;

static int fails(void)
{
    if (!atomic_load(&counting))
        return 0;
    long n = atomic_fetch_add(&calls, 1) + 1;
    int fail = n == at || (from > 0 && n >= from);
    if (fail)
        errno = ENOMEM;
    return fail;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    if (fails())
        return ENOMEM;
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}

static void count_write(void)
{
    char text[24];
    const char *path = getenv("RT_FAIL_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    int size = snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
    if (fd >= 0 && write(fd, text, (size_t)size) == size)
        close(fd);
}

/* Children that a sweep starts are let alone: they would count from 0 again. */
static int (*main_of)(int, char **, char **);

static int main_counted(int argc, char **argv, char **environment)
{
    const char *once = getenv("RT_FAIL_AT"), *on = getenv("RT_FAIL_FROM");
    at = once ? atol(once) : 0;
    from = on ? atol(on) : 0;
    atexit(count_write);
    unsetenv("LD_PRELOAD");
    atomic_store(&counting, 1);
    return main_of(argc, argv, environment);
}

int __libc_start_main(int (*entry)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
    int (*start)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
    void *found = dlsym(RTLD_NEXT, "__libc_start_main");
    memcpy(&start, &found, sizeof start);
    main_of = entry;
    return start(main_counted, argc, argv, init, fini, rtld_fini, stack);
}
