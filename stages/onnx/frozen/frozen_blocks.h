/* SPDX-License-Identifier: MIT
 * frozen_blocks: what kernels made of weights, shared by the graphs that one model was made ready as for several shapes
 * (frozen_shapes.c): equal blocks of one node are one. Any thread. */
#ifndef RT_FROZEN_BLOCKS_H
#define RT_FROZEN_BLOCKS_H

#include <stddef.h>

struct rt_frozen_blocks; /* opaque */

int rt_frozen_blocks_create(struct rt_frozen_blocks **out); /* RT_EMEM */
void rt_frozen_blocks_destroy(struct rt_frozen_blocks *b);  /* when no graph has any of them */
/* Takes over a malloc'ed block that belongs to `who`: gives an equal one that is there already (and frees this one), or
 * itself. b NULL: itself. */
void *rt_frozen_blocks_keep(struct rt_frozen_blocks *b, const void *who, void *block, size_t bytes);
/* One of those that keep gave is not used any more. b NULL: it is freed. */
void rt_frozen_blocks_drop(struct rt_frozen_blocks *b, void *block);
/* Bytes of all that are there. */
size_t rt_frozen_blocks_bytes(struct rt_frozen_blocks *b);

#endif
