/* SPDX-License-Identifier: MIT
 * stretch: a network run forward on inputs of any length (the first dimension: time). It can where the network pools
 * over time; one that flattens, or names places in time, is made for one length. The weights stay the network's: what
 * it has learned since is there at the next run. One thread at a time. */
#ifndef RT_STRETCH_H
#define RT_STRETCH_H

#include "stages/nn/graph.h"
#include "stages/nn/parallel.h"

/* 0: g takes any length from *least on (NULL = not asked). RT_EMISMATCH: *e names the node that does not. RT_EMEM. */
int rt_stretch_check(const struct rt_graph *g, int *least, struct rt_error *e);

struct rt_prepared; /* prepared.h */
struct rt_stretch;  /* opaque */

/* g, parallel (NULL = this thread alone) and prepared (g's weights laid out; NULL = they are read as they are) are
 * borrowed. RT_EMEM. */
int rt_stretch_create(struct rt_stretch **out, struct rt_graph *g, const struct rt_prepared *prepared,
                      struct rt_parallel *parallel);
void rt_stretch_destroy(struct rt_stretch *s); /* NULL is fine */
/* One sample, input [length, ..]. A length that the last run did not have costs its planning and memory anew.
 * RT_EMISMATCH, RT_ELARGE, RT_EMEM. */
int rt_stretch_forward(struct rt_stretch *s, int length, const float *input, struct rt_error *e);
/* Of a node of rank 1, by its number in g; valid until the next run. */
const float *rt_stretch_output(const struct rt_stretch *s, int node);

#endif
