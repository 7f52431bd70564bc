/* SPDX-License-Identifier: MIT
 * predictions: what a classifier says of each sample, and what that comes to: accuracy by class, calibration
 * (predictions.c, temperature.c), and how far each figure may be off by chance (resampling.c). Pure functions;
 * fractions are 0..1. Accuracy alone: metrics.h. */
#ifndef RT_PREDICTIONS_H
#define RT_PREDICTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Labels: 0..classes-1 = a class of the model; -1 = none, the sample does not count; classes and above = a class that
 * the model does not know, each its own number: every answer is wrong. */
struct rt_prediction {
    int label;
    int predicted; /* ties go to the lower class; -1 where the outputs are not finite */
    int rank;      /* classes that come before the label: 0 = it is the answer. -1 without a label, INT_MAX where
                    * the model does not know it */
    double p;       /* probability of predicted */
    double p_label; /* of the label; 0 where the model does not know it, NaN without one */
};

/* p[classes] = softmax(logits / temperature). False, and nothing useful in p, where a logit is NaN or +inf. */
int rt_probabilities(const float *logits, int classes, double temperature, double *p);
/* logits [n, classes], label [n], prediction [n]. RT_ENOTFINITE: outputs of a sample with a label are; RT_EMEM. */
int rt_predictions(struct rt_prediction *prediction, const float *logits, const int *label, int n, int classes,
                   double temperature);

/* Of one class. */
struct rt_class_figures {
    double truth, predicted, hit; /* samples (or their weight) with this label; answered so; both */
    double precision, recall, f1; /* NaN: never answered; no sample; neither */
};
void rt_class_figures(struct rt_class_figures *c); /* the last three of the first three */

#define RT_CALIBRATION_BINS 15 /* of the same width, over p */
struct rt_calibration {
    double ece; /* expected calibration error: mean |accuracy - p| of the bins; NaN without a label */
    struct rt_calibration_bin {
        double count, p, accuracy; /* p, accuracy: means; NaN in an empty bin */
    } bin[RT_CALIBRATION_BINS];
};

/* What the samples with a label come to; weight [n] says how often each counts, NULL = once. */
struct rt_classifier_figures {
    double count;                /* sum of weights */
    double top1, top5, macro_f1; /* macro-F1: over the classes that occur in truth or answer. NaN when count is 0 */
    struct rt_calibration calibration;
};
/* all: classes, and the labels that the model does not know. class: [all], filled. */
void rt_classifier_figures(struct rt_classifier_figures *f, const struct rt_prediction *prediction, int n, int all,
                           const double *weight, struct rt_class_figures *class);

/* The temperature under which the labels of these samples are most probable (the least cross-entropy): logits are
 * divided by it. Labels that the model does not know do not count. RT_ENODATA: there is none; RT_ERANGE: no best one
 * between 0.01 and 100, as where every answer is right; RT_ENOTFINITE. */
int rt_temperature_fit(double *temperature, const float *logits, const int *label, int n, int classes);

/* ---- intervals ----
 * unit[i]: what sample i belongs to, 0..units-1, as a scene or a session: samples of one unit are alike, so it is
 * units that are drawn. NULL = each sample is one. All are 95 % intervals, low and high. */
struct rt_units {
    const int *unit;
    int units;
};
/* Of a fraction: Wilson's, which does not shrink to nothing where all or none hit; with units, for as many independent
 * samples as give the spread between them. hit[i]: 0 or 1, -1 = the sample does not count. NaN without samples. */
void rt_fraction_interval(double interval[2], const int8_t *hit, int n, const struct rt_units *u);
/* Of any figures, by the bootstrap: `draws` times units are drawn with replacement, and measure is given how often
 * each sample counts. interval[figures]; from the middle 95 % of what it found, NaN left out. The same each time.
 * RT_EMEM. */
typedef void rt_bootstrap_measure(void *self, const double *weight, double *figure);
int rt_bootstrap(double (*interval)[2], int figures, int n, const struct rt_units *u, int draws,
                 rt_bootstrap_measure *measure, void *self);
#define RT_BOOTSTRAP_DRAWS 1000

#endif
