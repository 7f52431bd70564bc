/* SPDX-License-Identifier: MIT
 * samples_marks: samples picked out on the Samples screen, and what is done by hand to them, to the one under the
 * cursor or to all that are shown: their weight scaled, muted, excluded, restored. A question says each time
 * how many that are; the run does it and journals it (`retort ctl DIR weight ...`). */
#ifndef RT_SAMPLES_MARKS_H
#define RT_SAMPLES_MARKS_H

#include "tui/screen/keys.h"

#include <stdbool.h>
#include <stdint.h>

struct rt_ui;

struct rt_marks {
    uint8_t *on;      /* [rows] */
    int rows, count;  /* of the run's samples; how many are marked */
    const char *verb; /* what the question that is open is about, and its factor, "" = none */
    char factor[32];
};

void rt_marks_fini(struct rt_marks *m);
bool rt_marks_has(const struct rt_marks *m, int row);
/* Marks a row, or takes its mark away. */
void rt_marks_turn(struct rt_ui *ui, int row);
/* Marks all rows that are shown; when they are marked already, no row stays marked. */
void rt_marks_turn_shown(struct rt_ui *ui);
/* WEIGH, HALVE, DOUBLE, MUTE, EXCLUDE, RESTORE; NOTHING for other acts. */
unsigned rt_marks_act(struct rt_ui *ui, enum rt_act act);

#endif
