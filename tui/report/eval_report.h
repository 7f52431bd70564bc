/* SPDX-License-Identifier: MIT
 * eval_report: what is said of a model on a manifest, from its outputs (stages/session/evaluation.h): accuracy, also by
 * quality (eval_accuracy.c); retrieval (eval_pairs.c). Verification is eval_trials.h. Each computes and prints. Main
 * thread. */
#ifndef RT_EVAL_REPORT_H
#define RT_EVAL_REPORT_H

#include "stages/session/evaluation.h"
#include "tui/report/figures.h"

/* Of the samples with a label that the model knows; confusion: its matrix, too. RT_EMEM. */
int rt_eval_accuracy(const struct rt_evaluation *v, bool confusion, struct rt_figures *f);
/* Top-1 of the lowest, middle and highest third by quality, which these measures make, comma-separated; NULL: the
 * model's weight.terms, else the first of its modality. RT_EUSAGE: one that is not measured. RT_EMEM. */
int rt_eval_thirds(const struct rt_evaluation *v, const char *measures, struct rt_figures *f, struct rt_error *e);
/* R@k of the student's outputs in the space that it shares with a teacher, called name. Opened with `feature`;
 * reorders v->out.feature. RT_EMISMATCH: not this student's teacher. */
int rt_eval_retrieval(struct rt_evaluation *v, struct rt_model *teacher, const char *name, struct rt_figures *f,
                      struct rt_error *e);

#endif
