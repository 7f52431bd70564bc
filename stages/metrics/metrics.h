/* SPDX-License-Identifier: MIT
 * metrics: what a model is judged by. Pure functions; fractions are 0..1. */
#ifndef RT_METRICS_H
#define RT_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "formats/trials.h"

struct rt_accuracy {
    int count;                   /* samples with a label */
    double top1, top5, macro_f1; /* NaN when count is 0 */
    int64_t *confusion;          /* [classes, classes] rows = truth; malloc'ed */
};
/* logits [n, classes]; a label below 0 = skipped. Ties count for the lower class number. Macro-F1
 * is over the classes that occur in truth or prediction. RT_ERANGE for a label past the classes,
 * RT_ENOTFINITE for NaN in the logits of a labelled sample (*a is then empty), RT_EMEM. */
int rt_accuracy(struct rt_accuracy *a, const float *logits, const int *label, int n, int classes);
void rt_accuracy_fini(struct rt_accuracy *a);

/* Equal error rate and smallest detection cost over trials: score[i], same[i]; accepted = score at
 * or above the threshold. Tied scores move together; EER by linear interpolation between the points
 * around the crossing. min_dcf = min over thresholds of p_target * miss + (1 - p_target) * false
 * alarm, divided by min(p_target, 1 - p_target), the cost of a system that does not listen (1 = no
 * better than that). RT_ENODATA when one kind of trial is missing; RT_ENOTFINITE; RT_ERANGE for
 * p_target outside (0, 1); RT_EMEM. */
struct rt_verification {
    double eer, eer_threshold, min_dcf;
};
int rt_verification(struct rt_verification *v, const double *score, const uint8_t *same, size_t n,
                    double p_target);
#define RT_P_TARGET 0.05 /* prior of a target trial in a run, as of `retort eval` where nobody says another */
/* The same of a list, by embeddings: a trial's score is the cosine of the two. place[row]: which of the
 * embeddings [n, dim] is that manifest row's, -1 = none, and its trials are left out. *used: trials scored. */
int rt_verification_trials(struct rt_verification *v, const struct rt_trials *t, const float *embedding, int dim,
                           const int *place, double p_target, size_t *used);

/* Retrieval of gallery rows by query rows in one space (cosine): fraction of queries whose match (the
 * best gallery row of the same key) is within the best 1, 5, 10. Rows as near as the match are
 * counted before it, so a model that maps all to one point finds nothing. A row of zeros has cosine
 * 0 to all, a row with NaN is no match. Queries without a match in the gallery do not count.
 * rank [queries], or NULL: how many rows come before each one's match, all of them where that is not a number; -1: it
 * does not count. RT_EMEM. */
struct rt_retrieval {
    double r1, r5, r10; /* NaN when queries is 0 */
    int queries;        /* that have a match in the gallery */
};
int rt_retrieval(struct rt_retrieval *r, const float *query, const float *gallery, int queries,
                 int gallery_rows, int dim, const int *query_key, const int *gallery_key, int *rank);

/* Percentile of each value: the fraction of the finite values that are no better (<=), itself included,
 * in (0, 1]; so what nobody beats has 1, however many share it, and a fault that most samples do not
 * have costs those nothing. What is not finite gives NaN. percentile may be value. RT_EMEM. */
int rt_percentiles(const double *value, size_t n, double *percentile);

/* The mean of some values and what is known of it: 95 % interval by Student's t. Values that are not finite do not
 * count; below two of them sd, low and high are NaN, without any mean is, too. For differences of paired runs. */
struct rt_interval {
    int n;
    double mean, sd, low, high;
};
void rt_interval(struct rt_interval *i, const double *value, size_t n);
/* How likely at least `better` of the samples that differ between two answers would be so by chance: the sign test, one
 * side, 0 to 1. Both 0: 1. */
double rt_sign_test(int better, int worse);
/* The t that |T| of so many degrees of freedom (1 or more) stays below with this probability, in [0, 1). */
double rt_t_quantile(double probability, int freedom);

#endif
