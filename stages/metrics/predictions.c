/* SPDX-License-Identifier: MIT
 * predictions: see predictions.h. */
#include "stages/metrics/predictions.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "formats/error.h"

/* ---- one sample ----
 * NaN is an error and never a score: compared with anything it is false, so a broken model would get some rank or
 * other. Ranks by counting who comes before, not by sorting: one pass, no memory. Ties go by class number, the same
 * in every run and in top-1. */

int rt_probabilities(const float *logits, int classes, double temperature, double *p)
{
    double top = -INFINITY, mass = 0;
    for (int c = 0; c < classes; c++)
        top = fmax(top, (double)logits[c]); /* passes over NaN */
    for (int c = 0; c < classes; c++) {
        p[c] = exp(((double)logits[c] - top) / temperature);
        mass += p[c];
    }
    for (int c = 0; c < classes; c++)
        p[c] /= mass;
    return isfinite(mass) && mass > 0;
}

static int prediction_rank(const float *x, int classes, int y)
{
    int rank = 0;
    for (int j = 0; j < classes; j++)
        rank += x[j] > x[y] || (x[j] == x[y] && j < y);
    return rank;
}

static int prediction_best_class(const float *x, int classes)
{
    int best = 0;
    for (int j = 1; j < classes; j++)
        if (x[j] > x[best])
            best = j;
    return best;
}

/* p: room for the probabilities. False: the outputs are no numbers. */
static int prediction_make(struct rt_prediction *a, const float *logits, int label, int classes, double temperature,
                           double *p)
{
    int known = label >= 0 && label < classes;
    *a = (struct rt_prediction){label, -1, -1, NAN, NAN};
    if (!rt_probabilities(logits, classes, temperature, p))
        return 0;
    a->predicted = prediction_best_class(logits, classes);
    a->p = p[a->predicted];
    if (label >= 0) {
        a->rank = known ? prediction_rank(logits, classes, label) : INT_MAX;
        a->p_label = known ? p[label] : 0;
    }
    return 1;
}

int rt_predictions(struct rt_prediction *prediction, const float *logits, const int *label, int n, int classes,
                   double temperature)
{
    double *p = malloc(((size_t)classes + 1) * sizeof *p);
    int rc = p ? 0 : RT_EMEM;
    for (int i = 0; i < n && rc == 0; i++) {
        const float *x = logits + (size_t)i * (size_t)classes;
        if (!prediction_make(&prediction[i], x, label[i], classes, temperature, p) && label[i] >= 0)
            rc = RT_ENOTFINITE;
    }
    free(p);
    return rc;
}

/* ---- what they come to ----
 * Everything is made of sums over samples, so that a bootstrap's draw is the same function with other weights. */

void rt_class_figures(struct rt_class_figures *c)
{
    c->precision = c->predicted > 0 ? c->hit / c->predicted : NAN;
    c->recall = c->truth > 0 ? c->hit / c->truth : NAN;
    c->f1 = c->truth + c->predicted > 0 ? 2 * c->hit / (c->truth + c->predicted) : NAN;
}

static void calibration_add(struct rt_calibration *c, const struct rt_prediction *a, double weight)
{
    int at = (int)(a->p * RT_CALIBRATION_BINS);
    struct rt_calibration_bin *b = &c->bin[at < RT_CALIBRATION_BINS ? at : RT_CALIBRATION_BINS - 1];
    b->count += weight;
    b->p += weight * a->p;
    b->accuracy += a->rank == 0 ? weight : 0;
}

/* From sums to means. */
static void calibration_end(struct rt_calibration *c, double count)
{
    double sum = 0;
    for (int i = 0; i < RT_CALIBRATION_BINS; i++) {
        struct rt_calibration_bin *b = &c->bin[i];
        sum += fabs(b->accuracy - b->p);
        b->p = b->count > 0 ? b->p / b->count : NAN;
        b->accuracy = b->count > 0 ? b->accuracy / b->count : NAN;
    }
    c->ece = count > 0 ? sum / count : NAN;
}

/* The mean over classes that occur, so that a class of three samples counts as much as one of three hundred. Classes
 * that are neither there nor predicted would add a 0 that says nothing. */
static double classes_end(struct rt_class_figures *class, int all)
{
    double sum = 0;
    int seen = 0;
    for (int c = 0; c < all; c++) {
        rt_class_figures(&class[c]);
        if (isnan(class[c].f1))
            continue;
        seen++;
        sum += class[c].f1;
    }
    return seen ? sum / seen : NAN;
}

void rt_classifier_figures(struct rt_classifier_figures *f, const struct rt_prediction *prediction, int n, int all,
                           const double *weight, struct rt_class_figures *class)
{
    double top1 = 0, top5 = 0;
    *f = (struct rt_classifier_figures){0};
    for (int c = 0; c < all; c++)
        class[c] = (struct rt_class_figures){0};
    for (int i = 0; i < n; i++) {
        const struct rt_prediction *a = &prediction[i];
        double w = weight ? weight[i] : 1;
        if (a->label < 0 || w == 0)
            continue;
        f->count += w;
        top1 += a->rank < 1 ? w : 0;
        top5 += a->rank < 5 ? w : 0;
        class[a->label].truth += w;
        class[a->predicted].predicted += w;
        class[a->label].hit += a->rank == 0 ? w : 0;
        calibration_add(&f->calibration, a, w);
    }
    f->top1 = f->count > 0 ? top1 / f->count : NAN;
    f->top5 = f->count > 0 ? top5 / f->count : NAN;
    f->macro_f1 = classes_end(class, all);
    calibration_end(&f->calibration, f->count);
}
