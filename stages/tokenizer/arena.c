/* SPDX-License-Identifier: MIT
 * arena: see tokenizer_parts.h. A text on its way through the chain is written anew by each step and cut into many
 * pieces; all of it lives until its tokens are there, and is freed then, so that no step has anything to give back. */
#include "formats/utf8.h"
#include "stages/tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK 16384

struct rt_arena_block {
    struct rt_arena_block *before;
    size_t used, room;
    max_align_t data[];
};

void *rt_arena_take(struct rt_arena *a, size_t bytes)
{
    struct rt_arena_block *b = a->last;
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!b || b->room - b->used < bytes) {
        size_t room = bytes > BLOCK ? bytes : BLOCK;
        b = malloc(sizeof *b + room);
        if (!b)
            return NULL;
        *b = (struct rt_arena_block){.before = a->last, .room = room};
        a->last = b;
    }
    void *at = (char *)b->data + b->used;
    b->used += bytes;
    return at;
}

void rt_arena_fini(struct rt_arena *a)
{
    for (struct rt_arena_block *b = a->last, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    a->last = NULL;
}

/* ---- things that grow: twice the room, at another place ---- */

static void *arena_grow(struct rt_arena *a, const void *old, size_t used, size_t room)
{
    void *now = rt_arena_take(a, room);
    if (now && used)
        memcpy(now, old, used);
    return now;
}

/* A text becomes at most so much longer than it may be when it comes: Replace and its like could go on for ever. */
#define WRITTEN_MAX (8 * RT_TOKENIZER_TEXT_MAX)

void rt_write_bytes(struct rt_writer *w, const char *bytes, size_t size)
{
    if (w->failed || size == 0)
        return;
    if (size > w->room - w->size) {
        size_t room = 2 * (w->size + size) + 32;
        bool fits = size <= WRITTEN_MAX && w->size + size <= WRITTEN_MAX;
        char *now = fits ? arena_grow(w->arena, w->bytes, w->size, room) : NULL;
        w->failed = !fits ? RT_ELARGE : !now ? RT_EMEM : 0;
        if (w->failed)
            return;
        w->bytes = now;
        w->room = room;
    }
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
}

void rt_write_char(struct rt_writer *w, int32_t c)
{
    char bytes[4];
    rt_write_bytes(w, bytes, (size_t)rt_utf8_put(c, bytes));
}

struct rt_span_text rt_part_of(const struct rt_span_text *text, size_t start, size_t end)
{
    int first = text->first;
    for (size_t i = 0; i < start && first > 0; i++)
        first -= ((uint8_t)text->bytes[i] & 0xC0) != 0x80;
    return (struct rt_span_text){text->bytes + start, end - start, first};
}

int rt_pieces_add(struct rt_pieces *p, struct rt_span_text text, int32_t id)
{
    if (p->count == p->room) {
        int room = 2 * p->room + 16;
        struct rt_piece *now =
            arena_grow(p->arena, p->at, (size_t)p->count * sizeof *now, (size_t)room * sizeof *now);
        if (!now)
            return RT_EMEM;
        p->at = now;
        p->room = room;
    }
    p->at[p->count++] = (struct rt_piece){text, id};
    return 0;
}

int rt_ids_add(struct rt_ids *k, int32_t id)
{
    if (k->count == k->room) {
        int room = 2 * k->room + 64;
        int32_t *now = arena_grow(k->arena, k->at, (size_t)k->count * sizeof *now, (size_t)room * sizeof *now);
        if (!now)
            return RT_EMEM;
        k->at = now;
        k->room = room;
    }
    k->at[k->count++] = id;
    return 0;
}

int rt_matches_add(struct rt_matches *m, size_t start, size_t end, bool is)
{
    if (start == end)
        return 0;
    if (m->count == m->room) {
        int room = 2 * m->room + 16;
        struct rt_match *now =
            arena_grow(m->arena, m->at, (size_t)m->count * sizeof *now, (size_t)room * sizeof *now);
        if (!now)
            return RT_EMEM;
        m->at = now;
        m->room = room;
    }
    m->at[m->count++] = (struct rt_match){start, end, is};
    return 0;
}
