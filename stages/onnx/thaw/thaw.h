/* SPDX-License-Identifier: MIT
 * thaw: a frozen ONNX graph (frozen.h) becomes part of a training network (stages/nn/graph.h): its nodes
 * ops with gradients, its float weights parameters. The graph is frozen for a batch of one sample, so
 * every shape is one sample's; the network's own batch lies outside of them all.
 * Trained are float weights of the file of more than one number; a single number, and what Constant
 * nodes hold, stays as it is; batch-norm's statistics are kept up as it trains. Weights that several
 * nodes read become parameters of each. Dropout is left out. */
#ifndef RT_THAW_H
#define RT_THAW_H

#include "stages/nn/graph.h"
#include "stages/onnx/frozen/frozen.h"

struct rt_thaw_input {
    int node; /* of the network */
    /* How it lies: its dimension i is the file's input's dimension axis[i]; -1: one of 1 that the
     * file does not have. The file's dimensions of 1 may be left out. */
    int axis[RT_NODE_RANK];
};

/* Adds what output (a value frozen is to give) needs to g, and gives the node, of rank 1 (one row of
 * numbers). f has one input and was made `plain`, else RT_EUSAGE. *e names node, operator and opset: RT_EMISMATCH for
 * what has no gradient here, RT_ELARGE, RT_EMEM. */
int rt_thaw(struct rt_graph *g, const struct rt_frozen *f, const struct rt_thaw_input *input, int *node,
            struct rt_error *e);
/* Is there a gradient for this operator? */
bool rt_thaw_known(const char *type);

#endif
