/* SPDX-License-Identifier: MIT
 * accuracy: top-1, top-5, macro-F1 and the confusion matrix of a classifier, of the answers of predictions.c. */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"
#include "stages/metrics/predictions.h"

static int accuracy_check(const int *label, int n, int classes)
{
    for (int i = 0; i < n; i++)
        if (label[i] >= classes)
            return RT_ERANGE;
    return 0;
}

static void accuracy_of_predictions(struct rt_accuracy *a, const struct rt_prediction *prediction, int n, int classes,
                                    struct rt_class_figures *class)
{
    struct rt_classifier_figures f;
    rt_classifier_figures(&f, prediction, n, classes, NULL, class);
    a->count = (int)f.count;
    a->top1 = f.top1;
    a->top5 = f.top5;
    a->macro_f1 = f.macro_f1;
    for (int i = 0; i < n; i++)
        if (prediction[i].label >= 0)
            a->confusion[(size_t)prediction[i].label * (size_t)classes + (size_t)prediction[i].predicted]++;
}

/* A confusion matrix is kept for every evaluation: it is small beside the outputs. */
int rt_accuracy(struct rt_accuracy *a, const float *logits, const int *label, int n, int classes)
{
    *a = (struct rt_accuracy){0};
    struct rt_prediction *prediction = malloc(((size_t)n + 1) * sizeof *prediction);
    struct rt_class_figures *class = malloc(((size_t)classes + 1) * sizeof *class);
    a->confusion = calloc((size_t)classes * (size_t)classes + 1, sizeof *a->confusion);
    int rc = prediction && class && a->confusion ? 0 : RT_EMEM;
    if (rc == 0)
        rc = rt_predictions(prediction, logits, label, n, classes, 1); /* NaN first: labels may be garbage, too */
    if (rc == 0)
        rc = accuracy_check(label, n, classes);
    if (rc == 0)
        accuracy_of_predictions(a, prediction, n, classes, class);
    else
        rt_accuracy_fini(a);
    free(prediction);
    free(class);
    return rc;
}

void rt_accuracy_fini(struct rt_accuracy *a)
{
    free(a->confusion);
    a->confusion = NULL;
}
