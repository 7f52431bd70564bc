/* SPDX-License-Identifier: MIT
 * eval_trials: what `retort eval` says of verification trials: error rates, detection costs, the cost of log likelihood
 * ratios, curve, thresholds, scores as a file; calibration fitted and kept. Main thread. */
#ifndef RT_EVAL_TRIALS_H
#define RT_EVAL_TRIALS_H

#include "stages/session/scoring.h"
#include "tui/report/figures.h"

#define RT_PRIORS 8

struct rt_eval_trials_request {
    const char *trials;    /* lines `1|0 ENROL TEST`; NULL = none are judged */
    const char *calibrate; /* others, to fit a calibration on, which is stored with the model; NULL = the model's own */
    bool by[RT_SCORING_INPUTS]; /* what that takes besides the score */
    struct rt_prior_list {
        double p[RT_PRIORS];
        int count;
    } prior;               /* of a target trial; the first is what a calibration is fitted for */
    double false_alarm;    /* the threshold for this fraction of false alarms; 0 = none is asked for */
    const char *scores;    /* file for all scores, or NULL */
    const char *det_svg;   /* file for the curve, or NULL */
    bool det;              /* the curve in text */
    struct rt_scoring_request scoring;
};

struct rt_eval_trials {
    const struct rt_eval_trials_request *q;
    struct rt_trials judged, fitted;
};

/* For rt_evaluation_request.opened, self is a struct rt_eval_trials with q: reads the lists, and refuses bad lines,
 * missing samples and files, and one list for both, with file and line. */
int rt_eval_trials_read(void *self, const struct rt_evaluation *v, struct rt_error *e);
void rt_eval_trials_fini(struct rt_eval_trials *t);
/* of: how v was opened. RT_ENODATA: not both kinds of trials are usable. */
int rt_eval_trials(const struct rt_eval_trials *t, struct rt_evaluation *v, const struct rt_evaluation_request *of,
                   struct rt_figures *f, struct rt_error *e);

#endif
