/* SPDX-License-Identifier: MIT
 * observers: who keeps what happens in a run, in its folder and for those who look on: a file each
 * (observe_NAME.c). Called from the student's work, one call at a time (stages/student.h); before the pipeline runs
 * and after it, by the thread that leads the run. They stand in the student's list in the order of this page.
 *
 * A process may be killed at any time, so the order in which things are written is a contract:
 *   1  changes of settings: their rows in the journal, committed before their update: who asked may look them up
 *   2  an update: its metrics, not committed; the report on the board
 *   3  the end of an epoch: the epoch's mean, committed
 *   4  when due: rows of samples, committed; once a second rows of stages, committed with all that was written since
 *   5  when a checkpoint is due: a commit; the checkpoint (another name, fsync, rename); then older ones are deleted
 *   6  an evaluation: its metrics, committed; then, when it is the best so far, checkpoints/best.safetensors
 * Each step needs only what those before it have made safe. Killed between any two, the newest checkpoint is whole
 * and run.db holds all metrics up to it. What run.db holds beyond it is forgotten on --resume, which trains those
 * steps again to the same bytes; a checkpoint is of before its evaluation, so that is made again too, with its best. */
#ifndef RT_OBSERVERS_H
#define RT_OBSERVERS_H

#include "pipeline/data/store.h"
#include "pipeline/live/status.h"
#include "stages/session/record.h"

#include <uv.h>

/* Changes of settings: log.txt and the journal. */
struct rt_observer rt_observe_journal(struct rt_record *r);

/* Metrics of steps, epochs and evaluations. */
struct rt_observer rt_observe_metrics(struct rt_record *r);

/* A row for each sample: all at the beginning and the end; in between, now and then, those that changed. Also
 * notes the samples that go bad while training. */
struct rt_observe_samples {
    struct rt_record *record;
    struct rt_row_written *written; /* [samples], what run.db has of each */
    struct rt_row_answer *answer;   /* [samples], what the last evaluation of each said, and whether run.db has it */
    int there;                      /* rows that run.db has; the next ones are written in parts */
    uint64_t due, part_due;         /* ns, when rows that changed, and the next part, are written */
    bool asked;                     /* because somebody changed something about samples */
};
#define RT_SAMPLE_COLUMNS (2 * RT_SCORE_COLUMNS + 2 * RT_TERMS + 4)
struct rt_sample_columns {
    int count;
    char name[RT_SAMPLE_COLUMNS][64];
    const char *pointer[RT_SAMPLE_COLUMNS];
};
/* The columns of its rows, for rt_record_open. */
void rt_observe_samples_columns(const struct rt_record *r, struct rt_sample_columns *c);
/* What a row's cells hold now, with value in the order of the columns; factor, excluded: by hand. For the student's
 * thread, or with its learner held. drop: why it is left out, or NULL. The texts belong to the session. */
void rt_observe_samples_row(const struct rt_observe_samples *o, int row, double factor, bool excluded,
                            const struct rt_drop *drop, struct rt_sample_row *s, double value[RT_SAMPLE_COLUMNS]);
/* Writes all rows and commits; record must be open. RT_EMEM; what rt_rundb_sample fails with. */
int rt_observe_samples_open(struct rt_observe_samples *o, struct rt_record *r, struct rt_error *e);
/* What a model that has the run's classes says of samples: written with the next rows, and what counts from then on.
 * row [n]: of the data set. A label that is none of the classes makes the answer a wrong one. */
void rt_observe_samples_answers(struct rt_observe_samples *o, const struct rt_prediction *prediction, const int *row,
                                int n);
/* Writes all rows; committed by rt_record_close. */
int rt_observe_samples_end(struct rt_observe_samples *o, struct rt_error *e);
void rt_observe_samples_fini(struct rt_observe_samples *o);
struct rt_observer rt_observe_samples(struct rt_observe_samples *o);

/* Marks that people set on samples while the run goes on: kept in run.db and committed at once, in a pause, too. */
struct rt_observe_marks {
    struct rt_record *record;
    int rows;
    bool ready;
    uv_mutex_t lock; /* what follows */
    uint8_t *asked;  /* [rows], of what is not written yet; NULL: of none */
};
int rt_observe_marks_init(struct rt_observe_marks *o, struct rt_record *r, int rows); /* RT_EMEM */
void rt_observe_marks_fini(struct rt_observe_marks *o); /* also of a cleared one */
/* Any thread; rows of the data set. Then rt_control_note. RT_EMEM. */
int rt_observe_marks_ask(struct rt_observe_marks *o, const int *row, int count, bool on);
/* What no update came for any more; record must be open. */
int rt_observe_marks_end(struct rt_observe_marks *o, struct rt_error *e);
struct rt_observer rt_observe_marks(struct rt_observe_marks *o);

/* Where the run is, for those who ask: the board at each step; in run.db, once a second, what the stages did. */
struct rt_observe_board {
    /* set by the caller */
    struct rt_record *record;
    struct rt_board *board;
    struct rt_store *outputs[RT_TEACHERS]; /* each teacher's, or NULL */

    uint64_t due; /* ns, when rows of stages are next written */
    double top1, eer; /* of the last evaluation; NaN before the first, and where there is none */
};
struct rt_observer rt_observe_board(struct rt_observe_board *o);
/* What the stages did so far, and in words what limits the run; not committed. */
int rt_observe_board_account(struct rt_observe_board *o, const struct rt_account *a, const char *limit,
                             struct rt_error *e);

/* Checkpoints, at the end of each epoch or every run.checkpoint steps, and the best evaluation's. */
struct rt_observe_checkpoints {
    /* set by the caller */
    struct rt_record *record;
    int64_t saved_step; /* of the newest: what a resumed run began from; -1 = none yet */
};
struct rt_observer rt_observe_checkpoints(struct rt_observe_checkpoints *o);
/* A checkpoint of the student as it is now, also before run.db is open. When the newest is of this step already only
 * the changes that wait are added to it. */
int rt_observe_checkpoints_save(struct rt_observe_checkpoints *o, struct rt_error *e);

#endif
