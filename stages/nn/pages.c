/* SPDX-License-Identifier: MIT
 * pages: see pages.h. */
#include "stages/nn/pages.h"

#include "stages/nn/scratch.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)

/* With small pages batch-norm's forward passes took 2.5 times as long, and on a virtual machine a place whose page the
 * processor has forgotten is looked up twice. The memory comes from the system and not from malloc, whose aligned
 * blocks leave holes that are never filled: a process that read recordings of many lengths, each with a network of its
 * own, grew by tens of MiB. Less than a page is not worth one. */

static size_t pages_whole(size_t bytes)
{
    return (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

void *rt_pages_take(size_t bytes)
{
    if (bytes < LARGE_PAGE)
        return aligned_alloc(64, rt_aligned(bytes + 1));
    if (bytes > SIZE_MAX - 2 * LARGE_PAGE)
        return NULL;
    bytes = pages_whole(bytes);
    char *all = mmap(NULL, bytes + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)all % LARGE_PAGE;
    if (before > 0)
        munmap(all, before);
    munmap(all + before + bytes, LARGE_PAGE - before);
    madvise(all + before, bytes, MADV_HUGEPAGE); /* only advice */
    return all + before;
}

void rt_pages_give(void *memory, size_t bytes)
{
    if (bytes < LARGE_PAGE)
        free(memory);
    else if (memory)
        munmap(memory, pages_whole(bytes));
}
