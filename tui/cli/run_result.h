/* SPDX-License-Identifier: MIT
 * run_result: what a run came to, on standard output: in words, or as one JSON object. Main thread. */
#ifndef RT_RUN_RESULT_H
#define RT_RUN_RESULT_H

#include "stages/session/training.h"

/* Of a run that came to its end. */
void rt_run_result_print(const struct rt_training *t, const struct rt_session *s);
/* Of any: rc and e say how it ended. Members: run, state (done, stopped, failed), step; done: modality, net, embedding,
 * classes, weights, head, valid and test {samples, top1, top5, macro_f1}, trials {LIST: {trials, eer, min_dcf}},
 * samples, left_out, limit, model; failed: error. What there is none of is left out. */
void rt_run_result_print_json(const struct rt_training *t, const struct rt_session *s, int rc,
                              const struct rt_error *e);

#endif
