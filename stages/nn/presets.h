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

/* What each takes, and its trunk up to the embedding; every convolution has batch-norm and relu behind it:
 *
 *   cnn1d    [t,c]    four 1-D convolutions, kernels 5,3,3,3, stride 2; flatten, dropout.
 *                     width: of the first (96), the others 4/3 of it
 *   cnn2d    [h,w,c]  four 3x3 convolutions, strides 2,2,1,2; flatten, dropout.
 *                     width: of the first (16), the others 2, 4 and 6 times that
 *   resnet   [h,w,c] or [t,c] (as [t,c,1])  basic blocks, 3,4,6,3 or `blocks` each, of 1,2,4,8 times
 *                     width (16), strides 1,2,2,2; statistics pooling over dimension 0, dropout
 *   tdnn     [t,c]    x-vector: five 1-D convolutions (5; 3 dilated 2; 3 dilated 3; 1; 1) of width
 *                     (512), the last 1500/512 times as wide; statistics pooling, dropout
 *   textbag  bag      embedding bag of width (256), relu, dropout
 *
 * *out is the caller's to destroy. RT_EUSAGE: no such network; RT_EMISMATCH: another input; RT_ERANGE:
 * a number outside its range; RT_EMEM. *e says which setting to change. */
int rt_preset_build(struct rt_graph **out, const struct rt_preset_config *c, struct rt_error *e);

#endif
