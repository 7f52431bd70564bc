/* SPDX-License-Identifier: MIT
 * uv_memory: see uv_memory.h.
 * Where it has no memory for its list of watchers libuv calls abort(). What it asks for is small, so it comes from a
 * reserve then, of which nothing is used twice; the program's own next request fails and can be told. */
#include "pipeline/flow/uv_memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define RESERVE 65536

static _Alignas(max_align_t) unsigned char reserve[RESERVE];
static atomic_size_t reserve_used;

static bool reserve_holds(const void *p)
{
    return (uintptr_t)p >= (uintptr_t)reserve && (uintptr_t)p < (uintptr_t)reserve + RESERVE;
}

/* In front of each block stands its size. */
static void *reserve_take(size_t size)
{
    size_t head = sizeof(max_align_t), room = head + (size + head - 1) / head * head;
    if (size > RESERVE)
        return NULL;
    size_t at = atomic_fetch_add(&reserve_used, room);
    if (at > RESERVE || room > RESERVE - at)
        return NULL;
    memcpy(reserve + at, &size, sizeof size);
    return reserve + at + head;
}

static void *uv_memory_malloc(size_t size)
{
    void *p = malloc(size);
    return p ? p : reserve_take(size);
}

static void *uv_memory_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    return p || (count && size > SIZE_MAX / count) ? p : reserve_take(count * size); /* never used before: zeros */
}

static void *uv_memory_realloc(void *old, size_t size)
{
    size_t had = 0;
    if (reserve_holds(old))
        memcpy(&had, (unsigned char *)old - sizeof(max_align_t), sizeof had);
    else {
        void *p = realloc(old, size);
        if (p || size == 0)
            return p;
        had = old ? malloc_usable_size(old) : 0;
    }
    void *p = uv_memory_malloc(size);
    if (p && old)
        memcpy(p, old, had < size ? had : size);
    if (p && !reserve_holds(old))
        free(old);
    return p;
}

static void uv_memory_free(void *p)
{
    if (!reserve_holds(p))
        free(p);
}

void rt_uv_memory(void)
{
    uv_replace_allocator(uv_memory_malloc, uv_memory_realloc, uv_memory_calloc, uv_memory_free);
}
