/* SPDX-License-Identifier: MIT
 * handle: what a struct retort is, for retort.c, which makes it, and answer.c, which feeds it. */
#ifndef RT_HANDLE_H
#define RT_HANDLE_H

#include "formats/audiofile_feed.h"
#include "formats/work.h"
#include "library/retort.h"
#include "stages/modality/views.h"
#include "stages/model/net.h"

#include <pthread.h>
#include <stdatomic.h>

/* Read only once it was loaded. */
struct rt_shared {
    struct rt_model model;
    struct rt_ready *ready;
    atomic_int handles;
};

struct retort {
    struct rt_shared *shared;
    int threads;
    struct rt_views views; /* whole recordings, or as in training */
    pthread_mutex_t lock; /* held while a sample is answered; guards all below */
    struct rt_front front; /* the model's, with the memory below */
    struct rt_fbank *fbank; /* of front */
    struct rt_net *net;
    struct rt_audio_feed feed;
    float *row;         /* one input of a dense network */
    double *posteriors; /* [classes] */
};

/* Hands an error out: rc, and in *out its text, with a sentence of its own where nobody wrote one. */
int rt_handle_fail(struct retort_error *out, int rc, const struct rt_error *e);

#endif
