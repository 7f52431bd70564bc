/* SPDX-License-Identifier: MIT
 * frozen_blocks: see frozen_blocks.h. Whether a block depends on the shapes is the kernel's own affair (weights of a
 * matrix product are laid out alike for every length, a convolution may take another way): their bytes say it. */
#include "stages/onnx/frozen/frozen_blocks.h"

#include "formats/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct block {
    const void *who;
    void *memory;
    size_t bytes;
    int holders;
};

struct rt_frozen_blocks {
    pthread_mutex_t lock;
    struct block *block;
    size_t count, room;
};

int rt_frozen_blocks_create(struct rt_frozen_blocks **out)
{
    struct rt_frozen_blocks *b = *out = calloc(1, sizeof *b);
    if (!b)
        return RT_EMEM;
    pthread_mutex_init(&b->lock, NULL);
    return 0;
}

void rt_frozen_blocks_destroy(struct rt_frozen_blocks *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    free(b->block);
    free(b);
}

static struct block *blocks_find_equal(struct rt_frozen_blocks *b, const void *who, const void *memory, size_t bytes)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->block[i].who == who && b->block[i].bytes == bytes && memcmp(b->block[i].memory, memory, bytes) == 0)
            return &b->block[i];
    return NULL;
}

/* Without memory for the list the block stays outside of it, and is freed by its only holder. */
static void blocks_add(struct rt_frozen_blocks *b, const void *who, void *memory, size_t bytes)
{
    if (b->count == b->room) {
        size_t room = 2 * b->room + 16;
        struct block *block = realloc(b->block, room * sizeof *block);
        if (!block)
            return;
        b->block = block;
        b->room = room;
    }
    b->block[b->count++] = (struct block){who, memory, bytes, 1};
}

void *rt_frozen_blocks_keep(struct rt_frozen_blocks *b, const void *who, void *block, size_t bytes)
{
    if (!b || !block)
        return block;
    pthread_mutex_lock(&b->lock);
    struct block *same = blocks_find_equal(b, who, block, bytes);
    if (same) {
        free(block);
        block = same->memory;
        same->holders++;
    } else {
        blocks_add(b, who, block, bytes);
    }
    pthread_mutex_unlock(&b->lock);
    return block;
}

void rt_frozen_blocks_drop(struct rt_frozen_blocks *b, void *block)
{
    bool gone = true;
    if (b && block) {
        pthread_mutex_lock(&b->lock);
        for (size_t i = 0; i < b->count; i++)
            if (b->block[i].memory == block) {
                gone = --b->block[i].holders == 0;
                if (gone)
                    b->block[i] = b->block[--b->count];
                break;
            }
        pthread_mutex_unlock(&b->lock);
    }
    if (gone)
        free(block);
}

size_t rt_frozen_blocks_bytes(struct rt_frozen_blocks *b)
{
    size_t sum = 0;
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < b->count; i++)
        sum += b->block[i].bytes;
    pthread_mutex_unlock(&b->lock);
    return sum;
}
