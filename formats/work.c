/* SPDX-License-Identifier: MIT
 * work: see work.h. */
#include "formats/work.h"

#include "formats/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNED 64

/* ---- blocks ----
 * A list, looked through from its start: what makes one sample holds a handful of blocks at once. The smallest that
 * is large enough is lent; where all are too small one of them is replaced, so that there are never more blocks than
 * were lent at the same time. Arenas that are emptied at once were considered: results outlive the steps between. */

struct block {
    _Alignas(ALIGNED) struct block *next;
    size_t bytes;
    bool lent;
};

struct rt_work {
    struct block *first;
};

int rt_work_create(struct rt_work **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : RT_EMEM;
}

void rt_work_destroy(struct rt_work *w)
{
    for (struct block *b = w ? w->first : NULL, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(w);
}

static size_t block_round(size_t bytes)
{
    return (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
}

/* A free block that fits: the smallest. spare: where a free block that does not fit is linked, or NULL. */
static struct block *work_find(struct rt_work *w, size_t bytes, struct block ***spare)
{
    struct block *best = NULL;
    *spare = NULL;
    for (struct block **at = &w->first; *at; at = &(*at)->next) {
        if ((*at)->lent)
            continue;
        if ((*at)->bytes < bytes)
            *spare = at;
        else if (!best || (*at)->bytes < best->bytes)
            best = *at;
    }
    return best;
}

void *rt_work_take(struct rt_work *w, size_t bytes)
{
    if (bytes > RT_TENSOR_BYTES_MAX)
        return NULL;
    bytes = block_round(bytes ? bytes : 1);
    if (!w)
        return aligned_alloc(ALIGNED, bytes);
    struct block **spare, *b = work_find(w, bytes, &spare);
    if (!b && spare) {
        struct block *small = *spare;
        *spare = small->next;
        free(small);
    }
    if (!b) {
        b = aligned_alloc(ALIGNED, sizeof *b + bytes);
        if (!b)
            return NULL;
        *b = (struct block){.next = w->first, .bytes = bytes};
        w->first = b;
    }
    b->lent = true;
    return b + 1;
}

void rt_work_give(struct rt_work *w, void *block)
{
    if (!w)
        free(block);
    else if (block)
        ((struct block *)block - 1)->lent = false;
}

/* ---- tensors ---- */

int rt_work_tensor(struct rt_work *w, struct rt_tensor *t, enum rt_dtype dtype, int rank, const int64_t *dim)
{
    int64_t count;
    size_t bytes;
    *t = (struct rt_tensor){0};
    RT_TRY(rt_tensor_size(dtype, rank, dim, &count, &bytes));
    void *data = rt_work_take(w, bytes);
    if (!data)
        return RT_EMEM;
    *t = rt_tensor_view(dtype, rank, dim, data);
    return 0;
}

void rt_work_tensor_fini(struct rt_work *w, struct rt_tensor *t)
{
    rt_work_give(w, t->data);
    *t = (struct rt_tensor){0};
}
