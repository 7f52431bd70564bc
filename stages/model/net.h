/* SPDX-License-Identifier: MIT
 * net: a frozen model run forward, whatever it is made of: a network of ours, or another program's ONNX file.
 * What its outputs depend on is the model's key; its sizes are the model's dim and classes.
 * Two ways: rt_net_create's outputs are, bit for bit, those that training sees of a teacher, and are kept under the
 * model's key; a model made ready (rt_ready_create) answers sooner, rounded otherwise, the same bits for a sample in
 * any batch and with any number of threads.
 * One thread at a time runs a struct rt_net; any number of them share one model, which nobody changes
 * meanwhile. Training has an execution of its own (nn/exec.h). */
#ifndef RT_NET_H
#define RT_NET_H

#include "stages/model/model.h"
#include "stages/nn/op.h"

struct rt_net;   /* opaque */
struct rt_ready; /* opaque */

/* Of the samples of one run, in their order; they belong to the net and last until its next run. */
struct rt_net_outputs {
    const float *embedding; /* [count, dim] */
    const float *logits;    /* [count, classes] of the model's answer; NULL without classes */
    const float *feature;   /* [count, teacher[0].dim] in the first teacher's space; NULL without one, or when the model
                             * was made ready without it */
};

/* batch: the most samples a run will bring. m is borrowed. RT_EMEM. */
int rt_net_create(struct rt_net **out, const struct rt_model *m, int batch);
/* What answers of m need, and on demand the feature (which m has), folded and laid out (nn/prepared.h): read only, for
 * any number of nets. m is borrowed, and must not change. RT_EMEM. */
int rt_ready_create(struct rt_ready **out, const struct rt_model *m, bool feature);
void rt_ready_destroy(struct rt_ready *r);
/* r is borrowed. threads: that share one run, 1 or more. RT_EMEM, RT_ERANGE. */
int rt_net_create_ready(struct rt_net **out, const struct rt_ready *r, int batch, int threads);
void rt_net_destroy(struct rt_net *n);
/* input: [count, shape of the modality's row], or NULL with bags. In a larger batch a sample may be rounded
 * otherwise: run samples one by one where their bytes must not depend on their neighbours.
 * Fails only where the values themselves are at fault, as an index out of range in another program's file. */
int rt_net_run(struct rt_net *n, int count, const float *input, const struct rt_bags *bags,
               struct rt_net_outputs *out, struct rt_error *e);

/* Of the k-th sample of a call, in any order; valid until it returns. */
struct rt_net_each {
    void (*give)(void *self, int k, const struct rt_net_outputs *o);
    void *self;
};
/* Samples of which each has the outputs, bit for bit, that it has alone: rows, texts (bags), or, with length,
 * recordings [length[k], bands] behind one another (rt_net_lengths is 0). Those of another program's network go by
 * length, small ones several at once. As rt_net_run and rt_net_run_length; n of a batch of 1 is enough. */
int rt_net_run_each(struct rt_net *n, int count, const int *length, const float *input, const struct rt_bags *bags,
                    const struct rt_net_each *to, struct rt_error *e);

/* 0: m reads recordings of any length, from *least frames on (NULL = not asked). RT_EMISMATCH: *e says why it does not,
 * without the model's name. RT_EMEM. */
int rt_net_lengths(const struct rt_model *m, int *least, struct rt_error *e);
/* One recording [length, bands] of such a model; a new length costs planning and memory anew. As rt_net_run, and
 * RT_ELARGE, RT_EMEM. */
int rt_net_run_length(struct rt_net *n, int length, const float *input, struct rt_net_outputs *out,
                      struct rt_error *e);
/* One sample seen several ways, input [views, row numbers]: the mean of the embeddings, and of the features, each
 * brought to length 1, and the logarithms of the mean posteriors. As rt_net_run, and RT_EMEM. */
int rt_net_run_views(struct rt_net *n, int views, const float *input, int64_t row, struct rt_net_outputs *out,
                     struct rt_error *e);

#endif
