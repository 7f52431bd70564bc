/* SPDX-License-Identifier: MIT
 * gallery: the people that a model is to know again: a name and an embedding each, made from samples of theirs, kept in
 * one safetensors file: "embedding" F32 [people, dim], each of length 1; "samples" I32 [people], how many each is the
 * mean of; metadata retort.gallery ("model KEY"), retort.names (one a line), retort.views ("whole crops flips") and
 * retort.threshold. Main thread; read-only once made. */
#ifndef RT_GALLERY_H
#define RT_GALLERY_H

#include "stages/session/evaluation.h"

struct rt_gallery {
    int people, dim;
    char **name;         /* [people] in the order of their first samples */
    float *embedding;    /* [people, dim] */
    int32_t *samples;    /* [people] */
    struct rt_views views;   /* how their samples were shown: others must be, too */
    struct rt_key128 model;  /* whose embeddings these are */
    double threshold;    /* below it nobody of the gallery is meant; NaN: nobody has said */
};

/* People are the values of a column of v's manifest; samples without one, or without an embedding, are passed over.
 * *eer: threshold is where each sample, against its person without it and against the others, is wrong as often either
 * way; NaN, both, with one person or one sample of each. RT_EMISMATCH: no such column; RT_ENODATA: nobody; RT_EMEM. */
int rt_gallery_make(struct rt_gallery *g, const struct rt_evaluation *v, const char *column, double *eer,
                    struct rt_error *e);
int rt_gallery_write(const struct rt_gallery *g, const char *path, struct rt_error *e);
/* RT_EFORMAT, RT_ENOTFINITE, and what rt_safetensors_read gives; rt_gallery_fini in any case. views may be such that
 * the model cannot take them. */
int rt_gallery_read(struct rt_gallery *g, const char *path, struct rt_error *e);
void rt_gallery_fini(struct rt_gallery *g);

/* The people most like an embedding [dim], the likest first, and their cosines; how many, at most top and people. Of
 * several views' mean: as rt_net_run_views gives it. */
int rt_gallery_nearest(const struct rt_gallery *g, const float *embedding, int top, int *who, double *score);

#endif
