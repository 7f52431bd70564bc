/* SPDX-License-Identifier: MIT
 * samples_marks: samples picked out on the Samples screen, and what is done by hand to them, to the one
 * under the cursor or to all that are shown: their weight scaled, muted, excluded, restored. A question
 * says each time how many that are; the run does it and journals it (`retort ctl DIR weight ...`). Of a run that has
 * ended samples can be left out for the next one (`:manifest`). Marks are kept in run.db. */
#ifndef RT_SAMPLES_MARKS_H
#define RT_SAMPLES_MARKS_H

#include "pipeline/run/run_marks.h"
#include "tui/screen/view.h"

/* Zeroed marks none. */
struct rt_marks {
    uint8_t *on, *kept; /* [rows] RT_MARK_ON, RT_MARK_LEFT_OUT, now and as run.db has or will have them */
    uint8_t *lately;    /* [rows] the run was told, and may not have written it yet */
    bool changed;       /* the first two may differ */
    int64_t read;       /* the model's number of marks at the last reading */
    double settled;     /* by when the run has written what it was told last; 0 = it has */
    int rows, count;    /* of the run's samples; how many are marked */
    /* What the question that is open is about: what is to be done, its factor ("" = none), the sample that was under
     * the cursor and the filter that was in effect; the caller's filter stands as long as the marks. */
    const char *verb;
    char factor[32];
    int row;
    const char *where;
};

void rt_marks_fini(struct rt_marks *m);
bool rt_marks_has(const struct rt_marks *m, int row);
/* Whether a finished run's sample was left out for the next one. */
bool rt_marks_leaves_out(const struct rt_marks *m, int row);
/* Follows the model: takes those that the run's folder has, whoever set them, and keeps there what changed here. */
void rt_marks_follow(struct rt_marks *m, struct rt_view *view);
/* Marks a row of the model's samples, or takes its mark away; -1: nothing. */
void rt_marks_turn(struct rt_marks *m, struct rt_view *view, int row);
/* Marks all rows that are shown; when they are marked already, no row stays marked. */
void rt_marks_turn_shown(struct rt_marks *m, struct rt_view *view);
/* WEIGH, HALVE, DOUBLE, MUTE, EXCLUDE, RESTORE; NOTHING for other acts. row: under the cursor, -1 = none. */
unsigned rt_marks_act(struct rt_marks *m, struct rt_view *view, int row, const char *where, enum rt_act act);

#endif
