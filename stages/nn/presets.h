/* SPDX-License-Identifier: MIT
 * presets: the networks retort builds itself. Each makes the nodes "embedding" [embedding] (linear
 * after the trunk) and "logits" [classes] (linear on it, or cosine for AAM). */
#ifndef RT_PRESETS_H
#define RT_PRESETS_H

#include "formats/choice.h"
#include "stages/nn/graph.h"

struct rt_preset_config {
    enum rt_net_id net;    /* before RT_NET_INIT */
    struct rt_shape input; /* dense input; rank 0 for a bag */
    int buckets;           /* bag */
    int width, blocks;     /* 0 = the preset's own */
    int embedding, classes;
    float dropout;
    bool cosine; /* logits are cosines, for task.loss aam */
};

/* name, what it takes, summary:
 *   cnn1d   [t,c]    conv 96/128/128/128, kernels 5,3,3,3, stride 2, batch-norm, relu; flatten;
 * dropout; embedding. width = first, the others 4/3 of it cnn2d   [h,w,c]  conv 3x3 16/32/64/96,
 * strides 2,2,1,2, batch-norm, relu; flatten; dropout; embedding. width = first, then 2, 4, 6 times
 *   resnet  [h,w,c] or [t,c] (as [t,c,1])  basic blocks 3,4,6,3 (or `blocks` each), widths 1,2,4,8
 * x width (default 16), strides 1,2,2,2; statistics pooling over time (dim 0) tdnn    [t,c]
 * x-vector: five 1-D convolutions (5,3 dilated 2,3 dilated 3,1,1), 512 channels, 1500 before
 * statistics pooling textbag bag      embedding bag (width, default 256), relu, dropout, embedding
 */
int rt_preset_build(struct rt_graph **out, const struct rt_preset_config *c, struct rt_error *e);

#endif
