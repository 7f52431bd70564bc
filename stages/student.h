/* SPDX-License-Identifier: MIT
 * student: last stage: learns from TRAIN batches, is measured on EVAL batches. One batch at a time, in
 * order; everything here belongs to that work, and to the caller before open and after close.
 * Files: student.c (one update), student_eval.c (evaluation), student_state.c (checkpoint, samples).
 * Reads the frames of decode (role "student"), quality and teacher (role "teacher"). */
#ifndef RT_STUDENT_H
#define RT_STUDENT_H

#include "formats/recipe.h"
#include "pipeline/flow/stage.h"
#include "pipeline/live/control.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/loss_history.h"
#include "stages/distill/objective.h"
#include "stages/model/model.h"
#include "stages/quality.h"

/* What is known of each training sample; arrays [rows], in the checkpoint. */
struct rt_sample_states {
    int rows;
    int32_t *seen;   /* updates it took part in */
    float *quality;  /* last, 0..1; NaN = never seen */
    float *weight;   /* last */
    float *distance; /* [rows, RT_TERMS] last D of each term; NaN = never */
    uint8_t *inside; /* [rows, RT_TERMS] 1 = within the margin then */
    float *history;  /* [rows, RT_LOSS_HISTORY] sum over the terms of lambda * D, the last times; newest last, NaN = not yet */
};

struct rt_step_report {
    int64_t step; /* updates done, this one included */
    int epoch, samples;
    double lr, gradient_norm, total, effective; /* effective sample size of the weights */
    const struct rt_objective_out *terms;
    const struct rt_batch *batch; /* sample numbers */
};

struct rt_eval_report {
    int64_t step;
    int epoch, samples;
    double top1[RT_HEADS]; /* by enum rt_head_id; NaN = no such head */
    double top5, macro_f1, loss; /* of the answer */
    double teacher_top1;   /* NaN = no teacher outputs */
    enum rt_head_id answer;
    bool best; /* the best so far */
};

/* Whoever watches the run: one of a list. Called from the student's work; each may be NULL. What happens is told to
 * all of the list in its order before the next thing happens; a negative return ends the run with *e, and those
 * behind in the list are not told. In this order, for a training batch: left_out for each drop (also of a batch that
 * evaluates); step, unless too few samples were left to learn from; epoch, when it was its last; update,
 * always, so what is counted in updates (checkpoints) is done there. Then the state may be saved. */
struct rt_observer {
    void *self;
    void (*left_out)(void *self, const struct rt_drop *drop);
    int (*step)(void *self, const struct rt_step_report *r, struct rt_error *e);
    int (*epoch)(void *self, int64_t step, int epoch, struct rt_error *e);
    int (*update)(void *self, int64_t step, bool epoch_ended, struct rt_error *e);
    int (*evaluation)(void *self, const struct rt_eval_report *r, struct rt_error *e);
    /* A setting changed, update `step` is the first with it (rt_control_told). */
    int (*change)(void *self, int64_t step, const char *who, const char *key, const char *before,
                  const char *after, struct rt_error *e);
    int (*checkpoint)(void *self, struct rt_error *e); /* asked for: of the state as it is */
};

struct rt_exec;
struct rt_optim;
struct rt_parallel;

struct rt_student {
    /* set by the caller before rt_student_init */
    const struct rt_recipe *recipe; /* read anew at every step */
    const struct rt_dataset *dataset;
    const struct rt_scores *scores; /* may be NULL: no quality, weights 1 */
    struct rt_model *model;
    const struct rt_model *teacher; /* NULL = labels only */
    struct rt_control *control; /* empties it before each update; then recipe is its settings. NULL = no */
    int64_t steps;              /* of the whole run: the schedules' length */
    const struct rt_observer *observer; /* [observers], told of the run in this order */
    int observers;

    /* progress, in the checkpoint */
    int64_t step; /* updates done */
    double best;  /* best validation top-1; -1 before the first */
    struct rt_objective objective;
    double norm_mean, norm_var; /* running, of the teacher's feature norm; NaN before the first */
    struct rt_sample_states samples;

    /* private */
    struct rt_parallel *parallel;
    struct rt_exec *exec;
    struct rt_optim *optim;
    struct rt_student_eval {
        float *own, *head; /* [count, classes] raw node outputs */
        float *teacher;    /* [count, teacher_classes] */
        int *label;
        uint8_t *taught;
        int count, room;
    } eval;
    /* [batch] arrays for one step */
    double *weight, *quality, *factor, *distance, *scale; /* scale: by hand */
    uint8_t *out; /* 1 = excluded by hand */
    int32_t *label;
    float *head, *d_head;
};

/* Checks that the recipe's terms can be had (weight terms known, class terms share classes),
 * allocates. RT_EUSAGE, RT_EMISMATCH, RT_EMEM; after a failure rt_student_fini is still fine. */
int rt_student_init(struct rt_student *s, struct rt_error *e);
/* Threads that share its work: train.threads, or one per processor. */
int rt_student_threads(const struct rt_recipe *r);
void rt_student_fini(struct rt_student *s);

/* Would this student accept these settings? Reads what is fixed after init: any thread. RT_EUSAGE,
 * RT_EMISMATCH. self is a const struct rt_student. */
int rt_student_check(void *self, const struct rt_recipe *r, struct rt_error *e);

/* Everything a resumed run needs, the model and the control included. Not while work is under way. */
int rt_student_save(const struct rt_student *s, struct rt_safetensors *out);
/* Into a student made by rt_student_init with the same recipe and data set. */
int rt_student_load(struct rt_student *s, const struct rt_safetensors *in, const char *name,
                    struct rt_error *e);

/* self is a struct rt_student after rt_student_init. */
extern const struct rt_stage_ops rt_stage_student;

/* For the stage's own files. */
int rt_sample_states_init(struct rt_sample_states *s, int rows);
void rt_sample_states_fini(struct rt_sample_states *s);
/* After a forward pass: keeps the batch's outputs for the evaluation. */
int rt_student_measure(struct rt_student *s, const struct rt_batch *b,
                       const struct rt_tensor *t_logits, const struct rt_tensor *t_have,
                       struct rt_error *e);
/* After the last batch: computes, chooses the answer, reports, forgets. */
int rt_student_conclude(struct rt_student *s, const struct rt_batch *b, struct rt_error *e);

#endif
