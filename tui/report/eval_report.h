/* SPDX-License-Identifier: MIT
 * eval_report: what is said of a model on a manifest, from its outputs (stages/session/evaluation.h). Each computes and
 * prints. Of a classifier: its answers and their accuracy (eval_accuracy.c), the same of parts of the samples
 * (eval_parts.c), how true its probabilities are (eval_calibration.c), every sample (eval_samples.c). Retrieval:
 * eval_pairs.c. Verification is eval_trials.h. Main thread.
 * Brackets hold 95 % intervals: of fractions Wilson's, of all else the bootstrap's (stages/metrics/predictions.h).
 * Where the manifest has a column `group`, groups are what is independent, else samples. */
#ifndef RT_EVAL_REPORT_H
#define RT_EVAL_REPORT_H

#include "stages/metrics/predictions.h"
#include "stages/session/evaluation.h"
#include "tui/report/figures.h"

/* What the classifier says of each sample asked for. A label that it does not know counts, as a wrong answer. */
struct rt_eval_answers {
    const struct rt_evaluation *v;
    struct rt_prediction *prediction; /* [v->judged]; label -1 also where there are no outputs */
    int all;                          /* classes, and labels that are none of them */
    struct rt_units units;            /* what is independent */
    int *unit;                        /* units.unit, owned; NULL: each sample */
};
/* By the model's temperature; says on stderr which labels it does not know. RT_ENOTFINITE, RT_EMEM. */
int rt_eval_answers_init(struct rt_eval_answers *a, const struct rt_evaluation *v, struct rt_error *e);
void rt_eval_answers_fini(struct rt_eval_answers *a);
/* A label's name: a class, or one that the model does not know. */
const char *rt_eval_label(const struct rt_eval_answers *a, int label);

enum rt_eval_detail { RT_EVAL_WHOLE, RT_EVAL_CLASSES, RT_EVAL_CONFUSION }; /* also of each class; and the matrix */
/* Top-1, top-5, macro-F1, and what detail asks for. RT_EMEM. */
int rt_eval_accuracy(const struct rt_eval_answers *a, enum rt_eval_detail detail, struct rt_figures *f);
/* Top-1 of the lowest, middle and highest third by quality, which these measures make, comma-separated; NULL: the
 * model's weight.terms, else the first of its modality. RT_EUSAGE: one that is not measured. RT_EMEM. */
int rt_eval_thirds(const struct rt_eval_answers *a, const char *measures, struct rt_figures *f, struct rt_error *e);
/* That quality of each sample of v that is judged. */
int rt_eval_quality(const struct rt_evaluation *v, const char *measures, double *quality, struct rt_error *e);
/* Top-1 for each value of each of these columns of the manifest, comma-separated. RT_EUSAGE: there is none. RT_EMEM. */
int rt_eval_by(const struct rt_eval_answers *a, const char *columns, struct rt_figures *f, struct rt_error *e);
/* Expected calibration error; bins: what is in its bins, too (in JSON always). RT_EMEM. */
int rt_eval_calibration(const struct rt_eval_answers *a, bool bins, struct rt_figures *f);
/* Before the answers: fits the temperature to the split valid and writes it into the model's file, called path, and
 * v->model. RT_ENODATA, RT_ERANGE: there is nothing to fit it to. */
int rt_eval_calibrate(struct rt_evaluation *v, const char *path, struct rt_figures *f, struct rt_error *e);
/* A row for each sample into a file, comma-separated: id, label, predicted, rank of the label (from 1), quality, why it
 * was left out, the probability of each class. */
int rt_eval_samples(const struct rt_eval_answers *a, const char *measures, const char *path, struct rt_error *e);

/* R@k of the student's outputs in the space that it shares with a teacher, called name. Opened with `feature`;
 * reorders v->out.feature. RT_EMISMATCH: not this student's teacher. */
int rt_eval_retrieval(struct rt_evaluation *v, struct rt_model *teacher, const char *name, struct rt_figures *f,
                      struct rt_error *e);

#endif
