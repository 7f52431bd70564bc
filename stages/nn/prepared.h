/* SPDX-License-Identifier: MIT
 * prepared: a network that will only answer. Folding makes one of fewer and lighter nodes; its weights, which do not
 * change any more, are laid out once for the forward pass. Both are read only once made, and any number of executions
 * (rt_exec_create_prepared) share them. */
#ifndef RT_PREPARED_H
#define RT_PREPARED_H

#include "stages/nn/graph.h"

/* *out: what gives the nodes end[ends] of g, in new numbers, put into end: batch-norm behind a convolution or linear
 * layer that nothing else reads is folded into its weights, dropout is left out, and so is what no end needs. Values
 * are rounded otherwise than g's. Nothing in it is trained. RT_EMEM. */
int rt_graph_fold(struct rt_graph **out, struct rt_graph *g, int *end, int ends);

struct rt_prepared; /* opaque */

/* The weights of g's convolutions and linear layers as the forward pass reads them. g is not kept. RT_EMEM. */
int rt_prepared_create(struct rt_prepared **out, struct rt_graph *g);
void rt_prepared_destroy(struct rt_prepared *p);
/* Of one node; NULL: its weights are read as they are. */
const void *rt_prepared_of(const struct rt_prepared *p, int node);

#endif
