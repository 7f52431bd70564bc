/* SPDX-License-Identifier: MIT
 * vocab: see tokenizer_parts.h. A table of words by hash; all words lie in one block of bytes, as there are hundreds of
 * thousands of them. */
#include "formats/hash.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rt_vocab_slot {
    uint32_t at, size; /* of bytes */
    int32_t id;        /* -1: free */
};

static struct rt_vocab_slot *vocab_slot(const struct rt_vocab *v, const char *word, size_t size)
{
    size_t at = rt_hash64(word, size, 0) & (v->slots - 1);
    while (v->slot[at].id >= 0 &&
           (v->slot[at].size != size || memcmp(v->bytes + v->slot[at].at, word, size) != 0))
        at = (at + 1) & (v->slots - 1);
    return &v->slot[at];
}

static int vocab_grow(struct rt_vocab *v)
{
    struct rt_vocab old = *v;
    v->slots = old.slots ? 2 * old.slots : 256;
    v->slot = malloc(v->slots * sizeof *v->slot);
    if (!v->slot) {
        *v = old;
        return RT_EMEM;
    }
    for (size_t i = 0; i < v->slots; i++)
        v->slot[i].id = -1;
    for (size_t i = 0; i < old.slots; i++)
        if (old.slot[i].id >= 0)
            *vocab_slot(v, v->bytes + old.slot[i].at, old.slot[i].size) = old.slot[i];
    free(old.slot);
    return 0;
}

int rt_vocab_put(struct rt_vocab *v, const char *word, size_t size, int32_t id)
{
    if (2 * (v->count + 1) > v->slots)
        RT_TRY(vocab_grow(v));
    struct rt_vocab_slot *s = vocab_slot(v, word, size);
    if (s->id < 0) {
        if (size > UINT32_MAX - v->used)
            return RT_EMEM;
        if (size > v->room - v->used) {
            size_t room = 2 * (v->used + size) + 4096;
            char *now = realloc(v->bytes, room);
            if (!now)
                return RT_EMEM;
            v->bytes = now;
            v->room = room;
        }
        if (size)
            memcpy(v->bytes + v->used, word, size);
        *s = (struct rt_vocab_slot){(uint32_t)v->used, (uint32_t)size, id};
        v->used += size;
        v->count++;
    }
    s->id = id;
    v->longest = size > v->longest ? size : v->longest;
    v->last = id > v->last ? id : v->last;
    return 0;
}

int32_t rt_vocab_find(const struct rt_vocab *v, const char *word, size_t size)
{
    return v->count && size <= v->longest ? vocab_slot(v, word, size)->id : -1;
}

int32_t rt_vocab_find_byte(const struct rt_vocab *v, uint8_t byte)
{
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", byte);
    return rt_vocab_find(v, name, 6);
}

void rt_vocab_fini(struct rt_vocab *v)
{
    free(v->slot);
    free(v->bytes);
    *v = (struct rt_vocab){0};
}
