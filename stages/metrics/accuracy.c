/* SPDX-License-Identifier: MIT
 * accuracy: top-1, top-5, macro-F1 and the confusion matrix of a classifier. */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"

/* ---- what may be judged ----
 * NaN is an error and never a score: compared with anything it is false, so a broken model would
 * get some rank or other. */

static int accuracy_check(const float *logits, const int *label, int n, int classes)
{
    for (int i = 0; i < n; i++) {
        if (label[i] < 0)
            continue;
        if (label[i] >= classes)
            return RT_ERANGE;
        for (int j = 0; j < classes; j++)
            if (isnan(logits[(size_t)i * classes + j]))
                return RT_ENOTFINITE;
    }
    return 0;
}

/* ---- ranks ----
 * By counting who comes before, not by sorting: classes are some hundred, and one pass needs no
 * memory. Ties go by class number, the same in every run and in top-1. */

/* Classes that come before y when sorted by logit, ties by class number. */
static int accuracy_rank(const float *x, int classes, int y)
{
    int rank = 0;

    for (int j = 0; j < classes; j++)
        rank += x[j] > x[y] || (x[j] == x[y] && j < y);
    return rank;
}

static int accuracy_best_class(const float *x, int classes)
{
    int best = 0;

    for (int j = 1; j < classes; j++)
        if (x[j] > x[best])
            best = j;
    return best;
}

/* ---- macro-F1 ----
 * The mean over classes that occur, so that a class of three samples counts as much as one of three
 * hundred. Classes that are neither there nor predicted would add a 0 that says nothing. */

static double accuracy_macro_f1(const int64_t *confusion, int classes)
{
    double sum = 0;
    int seen = 0;

    for (int c = 0; c < classes; c++) {
        int64_t truth = 0, predicted = 0, hit = confusion[(size_t)c * classes + c];
        for (int j = 0; j < classes; j++) {
            truth += confusion[(size_t)c * classes + j];
            predicted += confusion[(size_t)j * classes + c];
        }
        if (truth + predicted == 0)
            continue;
        seen++;
        sum += 2.0 * (double)hit / (double)(truth + predicted);
    }
    return seen ? sum / seen : NAN;
}

/* A confusion matrix is kept for every evaluation, since top-1 is its diagonal and macro-F1 is made
 * of it. */
int rt_accuracy(struct rt_accuracy *a, const float *logits, const int *label, int n, int classes)
{
    int top1 = 0, top5 = 0, r = accuracy_check(logits, label, n, classes);

    *a = (struct rt_accuracy){0};
    if (r < 0)
        return r;
    a->confusion = calloc(classes ? (size_t)classes * (size_t)classes : 1, sizeof *a->confusion);
    if (!a->confusion)
        return RT_EMEM;
    for (int i = 0; i < n; i++) {
        const float *x = logits + (size_t)i * classes;
        if (label[i] < 0)
            continue;
        int rank = accuracy_rank(x, classes, label[i]);
        a->count++;
        top1 += rank < 1;
        top5 += rank < 5;
        a->confusion[(size_t)label[i] * classes + accuracy_best_class(x, classes)]++;
    }
    a->top1 = a->count ? (double)top1 / a->count : NAN;
    a->top5 = a->count ? (double)top5 / a->count : NAN;
    a->macro_f1 = accuracy_macro_f1(a->confusion, classes);
    return 0;
}

void rt_accuracy_fini(struct rt_accuracy *a)
{
    free(a->confusion);
    a->confusion = NULL;
}
