/* SPDX-License-Identifier: MIT
 * trunk: the frozen ONNX part of a teacher: from one row of its modality's input (modality.h's
 * present) to the embedding. The classifier behind it, one matrix and bias, is handed out, as the
 * student carries a copy of it. Read only once opened; each worker runs it through a struct
 * rt_trunk_exec of its own. An embedding has the same bytes whatever else is asked for with it. */
#ifndef RT_TRUNK_H
#define RT_TRUNK_H

#include "formats/recipe_teacher.h"
#include "pipeline/data/key.h"
#include "stages/modality/front.h"
#include "stages/model/onnx_front.h"
#include "stages/model/trunk_text.h"

#include <stdbool.h>

struct rt_onnx;
struct rt_bags;
struct rt_frozen_shapes;
struct rt_trunk_exec; /* opaque */

struct rt_trunk {
    struct rt_onnx *model;
    struct rt_frozen_shapes *shapes;
    char *file, *embedding;   /* its path; the name of the value; owned */
    struct rt_trunk_text *text; /* it reads texts, and `shapes` is not there; else NULL */
    bool speech, channels_first;
    bool open;                   /* speech: recordings of any length, `rows` frames and more */
    int pool;                    /* axis of time in the embedding, whose mean is taken; 0 = it has none */
    int rows, columns, channels; /* picture: side, side, 3; speech: frames (wave: samples), 1, bands; texts: 0 */
    struct rt_front front;       /* what makes its input */
    int dim, classes;     /* 0 classes: teacher.logits is none, there is no classifier */
    float *weight, *bias; /* of the classifier: [classes, dim], [classes]; owned; or NULL */
    char about[400];      /* what was read and guessed, for people */
    char front_words[RT_ONNX_FRONT_WORDS + RT_FRONT_TEXT + 2]; /* its front end, and how that is known */
    char front_text[RT_FRONT_TEXT];                        /* the front end alone */
};

/* Reads the file s->model by the settings s; where one is left open, the graph decides, and then the size of the
 * run's own speech (front).
 * RT_EMISMATCH, RT_EUSAGE, ...: *e says which setting to give. */
int rt_trunk_open(struct rt_trunk **out, const struct rt_teacher_settings *s, const struct rt_front *front,
                  struct rt_error *e);
void rt_trunk_close(struct rt_trunk *t);
/* Of everything that an embedding depends on. */
struct rt_key128 rt_trunk_key(const struct rt_trunk *t);

int rt_trunk_exec_create(struct rt_trunk_exec **out, const struct rt_trunk *t);
void rt_trunk_exec_destroy(struct rt_trunk_exec *x);
/* Samples as present() gives them by t->front -> embedding[count, dim]. row: [rows, columns, channels] of each, behind
 * one another; length NULL; or, for a trunk that is open, [length[k], channels] of each recording. A new length costs
 * planning and memory anew: many are asked for at once, and go by buckets of one length (buckets.h).
 * RT_EMISMATCH, RT_ELARGE, RT_EMEM, and what depends on the values. */
int rt_trunk_run(struct rt_trunk_exec *x, int count, const int *length, const float *row, float *embedding,
                 struct rt_error *e);
/* The tokens of texts, as present_bag() of rt_modality_tokens gives them -> embedding[count, dim], for a trunk of
 * texts. */
int rt_trunk_run_texts(struct rt_trunk_exec *x, int count, const struct rt_bags *bags, float *embedding,
                       struct rt_error *e);

#endif
