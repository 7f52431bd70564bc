/* SPDX-License-Identifier: MIT
 * record: run.db from the beginning of a run to its end, and what its observers look at. Who calls: see
 * observers.h. */
#ifndef RT_RECORD_H
#define RT_RECORD_H

#include "pipeline/run/rundb.h"
#include "pipeline/run/rundir.h"
#include "stages/session/identity.h"
#include "stages/session/session.h"
#include "stages/student.h"

struct rt_record {
    /* set by the caller */
    struct rt_session *session;
    const struct rt_student *student;
    const struct rt_rundir *dir;
    int epoch_steps; /* updates in an epoch */
    char identity[RT_IDENTITY_TEXT]; /* of its data and teachers */

    struct rt_rundb *db; /* NULL unless open */
    double seconds;      /* of training by earlier processes of the run */
    uint64_t began, ticked; /* ns; of the clock: when it began, was written last */
    bool asked;          /* changes were written since the board's last commit: what it takes is theirs, too */
};

/* Opens run.db with these columns of samples besides the fixed ones, forgets what it holds of later steps than the
 * student's, and says that the run goes on. Committed by whoever writes the first rows. */
int rt_record_open(struct rt_record *r, const char *const *column, int columns, struct rt_error *e);
/* Says how the run ended ("done", "stopped" or "failed"), commits; closes in any case. */
int rt_record_close(struct rt_record *r, const char *state, struct rt_error *e);
/* Epochs of the whole run, the last one perhaps not whole. */
int rt_record_epochs(const struct rt_record *r);
/* A metric of a whole split, for results after the run. */
int rt_record_result(struct rt_record *r, const char *split, const char *name, double value, struct rt_error *e);

#endif
