/* SPDX-License-Identifier: MIT
 * metrics: what a model is judged by. Pure functions; shares in 0..1. */
#ifndef RT_METRICS_H
#define RT_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct rt_accuracy {
    int count;       /* samples with a label */
    double top1, top5, macro_f1;
    int64_t *confusion; /* [classes, classes] rows = truth; malloc'ed */
};
/* logits [n, classes]; label -1 = skipped. Ties count for the lower class number. Macro-F1 is over
 * the classes that occur in truth or prediction. RT_EMEM. */
int rt_accuracy(struct rt_accuracy *a, const float *logits, const int *label, int n, int classes);
void rt_accuracy_fini(struct rt_accuracy *a);

/* Equal error rate and smallest detection cost (p_target, costs 1) over trials: score[i], same[i].
 * Tied scores move together; EER by linear interpolation between the points around the crossing.
 * RT_ENODATA when one kind of trial is missing; RT_ENOTFINITE; RT_EMEM. */
struct rt_verification {
    double eer, eer_threshold, min_dcf;
};
int rt_verification(struct rt_verification *v, const double *score, const uint8_t *same, size_t n,
                    double p_target);

/* Retrieval of gallery rows by query rows in one space (cosine): share of queries whose match (the
 * gallery rows of the same key) is within the best 1, 5, 10. RT_EMEM. */
struct rt_retrieval {
    double r1, r5, r10;
    int queries;
};
int rt_retrieval(struct rt_retrieval *r, const float *query, const float *gallery, int queries,
                 int gallery_rows, int dim, const int *query_key, const int *gallery_key);

/* Mid-rank percentile of each value among the finite ones, in (0, 1); NaN stays NaN. RT_EMEM. */
int rt_percentiles(const double *value, size_t n, double *percentile);

#endif
