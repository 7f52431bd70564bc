/* SPDX-License-Identifier: MIT
 * teacher: a frozen model's outputs for each sample: the teacher stage of a run, and what eval and embed
 * use. A sample's bytes do not depend on its neighbours (rt_net_run_each), and can be
 * cached by content for all runs to come.
 * Reads ROLE.rows and ROLE.input or ROLE.offset/.bucket/.weight (decode.h), which it removes; writes
 *   ROLE.have       U8  [batch]             1 = the sample has these outputs
 *   ROLE.embedding  F32 [batch, dim]        zero rows where it has not
 *   ROLE.logits     F32 [batch, classes]    the model's answer; not there when it has no classes
 *   ROLE.feature    F32 [batch, teacher_dim]  only of a model with a teacher's head, when asked
 * With several views of a sample (views.h) embedding and feature are the mean of the views' ones, each brought to
 * length 1: the product of two such means is the mean cosine over all pairs of views. Logits are then logarithms of the
 * mean posteriors. */
#ifndef RT_TEACHER_H
#define RT_TEACHER_H

#include "pipeline/flow/stage.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/store.h"
#include "stages/decode.h"
#include "stages/model/model.h"

#define RT_TEACHER_WORKERS 256 /* as many as pipeline.decoders may say */

struct rt_net;
struct rt_ready;

struct rt_teacher {
    const char *role;
    struct rt_model *model;
    const struct rt_dataset *dataset;
    const struct rt_content *content;
    struct rt_store *store; /* outputs by model and content, or NULL */
    bool feature;           /* want ROLE.feature (not cached) */
    struct rt_views views;  /* as decode's input has them; with a store only whole, of a model that hears no others */
    int workers;            /* as given to rt_runner_add, 1..RT_TEACHER_WORKERS */
    int level;
    /* private: one execution per worker, handed out under a lock */
    struct rt_net *net[RT_TEACHER_WORKERS];
    struct rt_net *idle[RT_TEACHER_WORKERS];
    int idle_count;
    struct rt_ready *ready; /* of rt_stage_model */
    void *lock;
};

/* For rt_decode_input.wanted: false when the store has the row's outputs, undamaged. self is a struct rt_teacher. */
bool rt_teacher_wanted(void *self, int row);

/* self is a struct rt_teacher with the public part filled in. A run's teachers are a stage each; its name ("teacher",
 * "teacher2") is also the role of its frames and its section of the recipe. */
extern const struct rt_stage_ops rt_stage_teacher[RT_TEACHERS];
extern const struct rt_stage_ops rt_stage_model; /* of eval and embed, in the quicker way of net.h */

#endif
