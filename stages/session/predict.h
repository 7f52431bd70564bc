/* SPDX-License-Identifier: MIT
 * predict: a model's outputs for samples that come one after the other, from a list, a tree or a pipe, without a
 * manifest, scores or caches. Threads of its own take the samples in small batches and read, decode and run them; the
 * caller gets the outputs in the order of the samples. At most a few batches are under way at one time. */
#ifndef RT_PREDICT_H
#define RT_PREDICT_H

#include "formats/error.h"
#include "formats/extent.h"
#include "stages/modality/views.h"
#include "stages/model/model.h"

struct rt_predict_sample {
    char *id;            /* malloc'ed */
    char *path, *text;   /* malloc'ed: the file, or for a model of text its words; NULL, both, where why is set */
    struct rt_extent extent; /* the part of the file */
    struct rt_error why; /* code not 0: there is nothing to read */
};

enum rt_predict_next { RT_PREDICT_END, RT_PREDICT_SAMPLE, RT_PREDICT_LATER };
struct rt_predict_source {
    void *self;
    /* Fills *s, which is cleared. wait: false = RT_PREDICT_LATER when none is at hand yet. RT_E... ends all. Called by
     * one thread at a time, any; not again after the end or an error. */
    int (*next)(void *self, bool wait, struct rt_predict_sample *s, struct rt_error *e);
};

struct rt_predicted {
    const char *id;
    int reason;          /* 0, or why there are no outputs */
    const char *why;     /* in words */
    const float *embedding; /* [dim of the model] */
    const float *logits;    /* [classes of the model], where it has any */
};
struct rt_predict_sink {
    void *self;
    /* On the caller's thread, in the order of the samples; not 0 ends all. more: further ones follow at once. */
    int (*take)(void *self, const struct rt_predicted *p, bool more, struct rt_error *e);
};

struct rt_predict_config {
    int batch;   /* the most samples of a batch, 1 or more: the first batches are smaller, so that an answer comes soon.
                  * The outputs are the same bits for any */
    int threads; /* 0 = as many as the machine has */
    struct rt_views views; /* other than one as in training: samples are run one by one, whatever `batch` says */
};

/* To the end of the source. m is borrowed. What a source or a sink fails with; RT_EMEM. */
int rt_predict(struct rt_model *m, const struct rt_predict_config *c, struct rt_predict_source source,
               struct rt_predict_sink sink, struct rt_error *e);

#endif
