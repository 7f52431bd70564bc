/* SPDX-License-Identifier: MIT
 * step_metrics: the numbers that are kept of each update: one row each, from which come the rows of run.db, what
 * `retort ctl status` says, and the list in docs/formats.md. */
#ifndef RT_STEP_METRICS_H
#define RT_STEP_METRICS_H

#include "stages/student.h"

struct rt_step_metric {
    const char *name;  /* in run.db; of a loss term what stands behind the term's name: "loss", ".margin" */
    const char *title; /* for people */
    enum rt_step_metric_of {
        RT_OF_STEP,
        RT_OF_TERM,    /* one for each term in use */
        RT_OF_DISTILL, /* one for each in use that is not the task's */
    } of;
    bool status; /* also said of a run that goes on */
    double (*value)(const struct rt_step_report *p, int term); /* NaN = none */
};

#define RT_STEP_METRICS 7
extern const struct rt_step_metric rt_step_metrics[RT_STEP_METRICS];

/* A number of one update under its whole name. */
struct rt_step_value {
    char name[64];
    double value; /* never NaN */
    bool status;
};
#define RT_STEP_VALUES (RT_STEP_METRICS * (RT_TERMS + 1))

/* All that a report holds, those of the step before those of the terms; their number. */
int rt_step_values(const struct rt_step_report *p, struct rt_step_value out[RT_STEP_VALUES]);

#endif
