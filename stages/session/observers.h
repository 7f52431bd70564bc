/* SPDX-License-Identifier: MIT
 * observers: the student's observer: what happened goes to run.db, to checkpoints and to the progress
 * line. Called from the student's work, one call at a time; before and after the run by the command. */
#ifndef RT_RECORDER_H
#define RT_RECORDER_H

#include "pipeline/live/status.h"
#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "pipeline/data/store.h"
#include "stages/student.h"
#include "stages/session/progress.h"
#include "stages/session/session.h"

struct rt_recorder {
    /* set by the caller */
    struct rt_session *session;
    struct rt_student *student;
    struct rt_rundir *dir;
    int epoch_steps;
    bool quiet; /* no progress */
    struct rt_board *board; /* where the run is, for who asks; or NULL */
    struct rt_store *outputs; /* the teacher's, or NULL */

    struct rt_rundb *db;
    struct rt_progress progress;
    struct rt_row_written *written; /* [samples], what run.db has of each */
    uint64_t rows_due;  /* ns, when rows are next written */
    uint64_t stages_due; /* likewise what the stages did, and all that was recorded is seen by others */
    int64_t first_step; /* of this process */
    double last_top1;   /* NaN before the first evaluation */
    int64_t saved_step; /* of the newest checkpoint, -1 */
};

/* Opens run.db and writes a row for every sample; on resume forgets what came after the student's step. */
int rt_recorder_open(struct rt_recorder *r, struct rt_error *e);
/* Writes every sample's row and closes run.db; state: "done", "stopped" or "failed". */
int rt_recorder_close(struct rt_recorder *r, const char *state, struct rt_error *e);
struct rt_observer rt_recorder_observer(struct rt_recorder *r);

/* checkpoints/step-N.safetensors of the student as it is now; prunes. Does nothing when the newest is of
 * this step already. */
int rt_recorder_checkpoint(struct rt_recorder *r, struct rt_error *e);
/* What the stages did so far, and in words what limits the run. */
int rt_recorder_account(struct rt_recorder *r, const struct rt_account *a, const char *limit, struct rt_error *e);
/* A metric of a whole split, for results after the run. */
int rt_recorder_result(struct rt_recorder *r, const char *split, const char *name, double value,
                       struct rt_error *e);

#endif
