/* SPDX-License-Identifier: MIT
 * exec: runs a graph forward and backward on batches. One thread calls it; ops share their loops
 * over `parallel`. Buffers are planned and allocated once, at creation. The bytes of every result
 * are the same for any number of threads. */
#ifndef RT_EXEC_H
#define RT_EXEC_H

#include "stages/nn/graph.h"
#include "stages/nn/op.h"

struct rt_exec; /* opaque */
struct rt_prepared; /* prepared.h */

/* batch: the most samples a call will bring. training 0: forward only, less memory. g and parallel
 * (NULL = this thread alone) are borrowed and must outlive the exec; g must not get more nodes. g
 * has exactly one input, dense or bag: else RT_EUSAGE. RT_ERANGE: batch below 1; RT_EMEM. */
int rt_exec_create(struct rt_exec **out, struct rt_graph *g, int batch, bool training,
                   struct rt_parallel *parallel);
/* Forward only, of weights that were laid out (prepared.h; borrowed, as g is): for answers one by one. Convolutions do
 * the add and relu behind them. A network of little work stays on the calling thread. */
int rt_exec_create_prepared(struct rt_exec **out, struct rt_graph *g, const struct rt_prepared *prepared, int batch,
                            struct rt_parallel *parallel);
void rt_exec_destroy(struct rt_exec *x);
size_t rt_exec_bytes(const struct rt_exec *x); /* memory of all buffers */

/* From now on adds the milliseconds each node's passes take to time[node], [nodes]; NULL = no more.
 * What a node does for a neighbour (a relu behind it) counts for it. Borrowed. */
struct rt_exec_time {
    double forward, backward;
};
void rt_exec_profile(struct rt_exec *x, struct rt_exec_time *time);

/* input: the dense input [batch, shape...] or NULL with bags. Their numbers are borrowed until the matching
 * backward has returned. training: batch statistics and dropout; needs an exec made for training.
 */
void rt_exec_forward(struct rt_exec *x, int batch, const float *input, const struct rt_bags *bags,
                     bool training, uint64_t seed, uint64_t step);
/* [batch, shape...] of a node after forward, until the next forward; NULL where its memory served
 * others since. Kept are the nodes of rank 1 (embedding, logits, ...), those nobody reads and, in an
 * exec for training, what backward looks at. Batch-norm and add with a relu as their only reader give
 * what is behind the relu; batch-norm that an add alone reads, the sum. */
const float *rt_exec_output(const struct rt_exec *x, int node);
/* Ask anew after each forward: the first call then zeroes the buffer. The caller adds the loss's
 * gradient for the nodes it reads, then calls backward; nodes never asked for cost nothing. NULL in
 * an exec made without training, for the input, and inside the network (buffers there are shared):
 * there for nodes of rank 1 and for those nobody reads. */
float *rt_exec_grad(struct rt_exec *x, int node);
/* Zeroes the parameters' gradients, then runs the ops in reverse. */
void rt_exec_backward(struct rt_exec *x);

#endif
