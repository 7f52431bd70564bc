/* SPDX-License-Identifier: MIT
 * student: last stage: its learner learns from TRAIN batches and is measured on EVAL batches. The
 * stage unpacks, asks the mailbox, calls the learner and tells the observers; what learning is, is
 * stages/distill/learner.h. One batch at a time, in order; the learner, and whoever observes,
 * belong to that work, and to the caller before the first and after the last. Reads the frames of
 * decode (ROLE.*), quality and teacher; changes none. */
#ifndef RT_STUDENT_H
#define RT_STUDENT_H

#include "formats/recipe.h"
#include "pipeline/flow/stage.h"
#include "pipeline/live/control.h"
#include "pipeline/data/dataset.h"
#include "pipeline/ranks/ranks.h"
#include "stages/distill/learner.h"

/* Whoever watches the run: one of a list. Called from the student's work; each may be NULL. What
 * happens is told to all of the list in its order before the next thing happens; a negative return
 * ends the run with *e, and those behind in the list are not told. In this order, for a training
 * batch: left_out for each drop (also of a batch that evaluates); step, unless too few samples were
 * left to learn from; epoch, when it was its last; update, always, so what is counted in updates
 * (checkpoints) is done there. Then the state may be saved. */
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
    /* All that changed for this update was told. */
    int (*changed)(void *self, int64_t step, struct rt_error *e);
    int (*checkpoint)(void *self, struct rt_error *e); /* asked for: of the state as it is */
    int (*note)(void *self, struct rt_error *e); /* rt_control_note was asked for; also while the run is paused */
};

/* Set by the caller, who owns all that it refers to; it holds nothing of its own. */
struct rt_student {
    const char *role;               /* of its input: frames "ROLE.input" or "ROLE.offset", ... */
    const char *teacher[RT_TEACHERS]; /* [teachers] their roles, in the learner's order */
    int teachers;
    struct rt_learner *learner;
    const struct rt_recipe *recipe; /* read anew at every update */
    int epoch_steps;                /* updates of an epoch, by which lengths are known; 0 = the learner keeps its own */
    const struct rt_dataset *dataset;
    struct rt_control *control; /* empties it before each update; then recipe is its settings. NULL = no */
    struct rt_ranks *ranks; /* with others: the learner's, too. NULL = alone */
    bool left;              /* the others have been told that this is the end */
    const struct rt_observer *observer; /* [observers], told of the run in this order */
    int observers;
};

/* Updates in all, as these settings say. */
int64_t rt_student_steps(const struct rt_student *s, const struct rt_recipe *r);

/* Everything a resumed run needs: the learner with its model, and the control. Not while work is
 * under way. */
int rt_student_save(const struct rt_student *s, struct rt_safetensors *out);
/* After the run, on rank 0, which ended otherwise than by its last batch: the others, which wait for the next, end too.
 * Does nothing when they know. */
void rt_student_leave(struct rt_student *s);
/* Into a student made in the same way, with the same recipe and data set. */
int rt_student_load(struct rt_student *s, const struct rt_safetensors *in, const char *name,
                    struct rt_error *e);

/* self is a struct rt_student. */
extern const struct rt_stage_ops rt_stage_student;

#endif
