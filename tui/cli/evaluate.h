/* SPDX-License-Identifier: MIT
 * evaluate: what the commands share that look at a model's answers for a manifest: progress on the terminal, the
 * evaluation from opening to closing, and the line about what was left out. Main thread. */
#ifndef RT_EVALUATE_H
#define RT_EVALUATE_H

#include "stages/session/evaluation.h"

/* RT_EUSAGE when data is a model and model is none: they were mixed up. command: what was typed, for the right line. */
int rt_evaluate_check_order(const char *command, const char *model, const char *data, struct rt_error *e);

/* Opens the evaluation that q asks for, after that check (its watch and other are set here), lets `use` look at it,
 * tells on standard error what was left out, and closes. self: handed to use. The code of whichever failed. */
int rt_evaluate(const char *command, struct rt_evaluation_request *q,
                int (*use)(void *self, struct rt_evaluation *v, struct rt_error *e), void *self, struct rt_error *e);

/* One line on standard error about the front end of another program's file; nothing of a model of ours. */
void rt_evaluate_say_front(const struct rt_model *m);
/* One line on standard error about the samples that could not be used; nothing where there are none. */
void rt_evaluate_say_left_out(struct rt_evaluation *v);

#endif
