/* SPDX-License-Identifier: MIT
 * training: composes a run from its parts and runs it: data set, teacher, student, stages, folder. Knows no
 * terminal: who asked for the run is told by a watch and by an observer. One thread leads a run from open to close;
 * what changes it meanwhile is t->control's (any thread). */
#ifndef RT_TRAINING_H
#define RT_TRAINING_H

#include "pipeline/flow/signals.h"
#include "stages/session/machine.h"
#include "stages/session/observers.h"
#include "stages/session/sound_bank.h"
#include "stages/session/together.h"
#include "stages/session/trial_lists.h"

#define RT_TRAINING_OBSERVERS 7

struct rt_training_result {
    int samples;
    double top1, top5, macro_f1;
};

/* Of a list of trials, by the run's result. */
struct rt_training_trials {
    size_t used, left_out; /* used 0: there was no list */
    double eer, min_dcf;
};

struct rt_training_teacher {
    struct rt_model model;
    struct rt_store *outputs; /* cached; NULL without a cache */
    int taught;               /* training rows that it can see */
};

struct rt_training {
    struct rt_recipe *recipe;
    struct rt_session *session;
    struct rt_together together; /* other processes of this run */
    struct rt_rundir dir;
    struct rt_machine machine;
    bool held;       /* signals wait from when the folder is made until it is closed, but for the updates */
    sigset_t signals; /* how they were */
    struct rt_model start;         /* student.init, until the run begins; graph NULL without one */
    struct rt_model model;         /* the student as it learns */
    struct rt_model best_model;    /* the best by validation, after the run */
    struct rt_model *result;       /* what the run gives: &best_model, or &model; NULL before its end */
    struct rt_training_teacher teacher[RT_TEACHERS]; /* [teachers], of the recipe's sections in their order */
    int teachers;
    struct rt_control *control;    /* what may be changed while it runs */
    struct rt_board *board;        /* where it is, for who asks */
    struct rt_runner *runner;      /* while the pipeline runs */
    struct rt_account before[2];   /* of some seconds ago */
    struct rt_student student;
    const char *measure[RT_SCORE_COLUMNS]; /* names of the scores' columns, for its learner */
    int measure_of[RT_SCORE_COLUMNS];      /* and what they are about */
    struct rt_record record;
    struct rt_observe_samples observe_samples;
    struct rt_observe_marks observe_marks;
    struct rt_observe_board observe_board;
    struct rt_observe_checkpoints observe_checkpoints;
    struct rt_observer observer[RT_TRAINING_OBSERVERS]; /* the student's: those above, then the request's */
    struct rt_views views;  /* of evaluations: whole recordings, or one crop */
    int *train_rows, *valid_rows, train_count, valid_count;
    bool served; /* each loss that is turned on is to have a training row that has what it needs */
    int64_t wanted_steps, wanted_epochs; /* of a resumed run, if they are others than it began with: */
    bool prolong;
    int train_labelled; /* with data.balance: so many of train_rows, the first ones, have a label */
    struct rt_trial_lists trials;
    struct rt_sound_bank *sounds; /* noise and rooms, or NULL */
    struct rt_training_result valid, test;
    double heads[RT_HEADS]; /* the result's top-1 on validation by head, NaN where there is none */
    struct rt_training_trials trials_result[RT_TRIAL_LISTS];
    char limit[RT_ACCOUNT_LIMIT]; /* which stage limited the run, in words */
    bool told_gain;     /* what several ranks gain */
    char remedy[160]; /* of a student that limits the run */
    size_t queue_peak; /* most bytes that waited in all queues at one time */
};

struct rt_training_request {
    const char *output;  /* the run folder */
    const char *journal; /* a run folder or run.db whose changes are made again, or NULL; not with resume */
    const char *init; /* a run folder whose RT_RUN_INIT, if it is there, stands for student.init, or NULL */
    bool resume;
    struct rt_ranks *ranks; /* all of which open the same run, and run it; NULL = alone. Rank 0 alone has the folder, is
                             * asked and told: the others need none of output, observer and watch */
    const struct rt_watch *watch;  /* who is told what happens before and after the updates, or NULL */
    struct rt_observer observer;   /* who is told of the updates, besides; all NULL = nobody */
};

/* Opens everything up to the first step. session is empty memory that the caller closes after
 * rt_training_close. RT_EUSAGE, RT_EMISMATCH, RT_ENODATA, RT_EBUSY, RT_ESTOPPED, ... */
int rt_training_open(struct rt_training *t, struct rt_session *session, struct rt_recipe *recipe,
                     const struct rt_training_request *request, struct rt_error *e);
/* Trains to the end, keeps the best (by validation), measures it on the test split, writes
 * model.safetensors. On RT_ESTOPPED a checkpoint has been written. */
int rt_training_run(struct rt_training *t, struct rt_error *e);
/* Also after a failure of either. Signals that end a run are held back from its beginning to here, but while it
 * trains and measures: then they stop it. */
void rt_training_close(struct rt_training *t);

#endif
