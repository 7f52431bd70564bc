/* SPDX-License-Identifier: MIT
 * temperature: the one number that a classifier's logits are divided by so that its probabilities are true (Guo et
 * al., 2017); see predictions.h. */
#include "stages/metrics/predictions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "formats/error.h"

#define LEAST 0.01
#define MOST 100.0
#define HALVINGS 30 /* of the logarithm: to 1e-8 */

/* ---- the slope ----
 * Cross-entropy is convex in 1 / temperature, so its slope there has one zero: the mean logit under the model's own
 * probabilities equals the mean logit of the labels. Halving an interval cannot miss it; Newton's method would be
 * quicker, and needs the same guard. */

struct fit {
    const float *logits;
    const int *label;
    int n, classes;
    double *p;
};

static bool fit_counts(const struct fit *f, int i)
{
    return f->label[i] >= 0 && f->label[i] < f->classes;
}

/* Of the cross-entropy in 1 / temperature; NaN where an output is not finite. */
static double fit_slope(const struct fit *f, double temperature)
{
    double sum = 0;
    for (int i = 0; i < f->n; i++) {
        const float *x = f->logits + (size_t)i * (size_t)f->classes;
        if (!fit_counts(f, i))
            continue;
        if (!rt_probabilities(x, f->classes, temperature, f->p))
            return NAN;
        for (int c = 0; c < f->classes; c++)
            sum += f->p[c] > 0 ? f->p[c] * ((double)x[c] - (double)x[f->label[i]]) : 0;
    }
    return sum;
}

static int fit_solve(const struct fit *f, double *temperature)
{
    double low = log(LEAST), high = log(MOST);
    double at_low = fit_slope(f, LEAST), at_high = fit_slope(f, MOST);
    if (isnan(at_low) || isnan(at_high))
        return RT_ENOTFINITE;
    if (!(at_low > 0 && at_high < 0)) /* colder is better to the end, or hotter */
        return RT_ERANGE;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (fit_slope(f, exp(middle)) > 0)
            low = middle;
        else
            high = middle;
    }
    *temperature = exp((low + high) / 2);
    return 0;
}

int rt_temperature_fit(double *temperature, const float *logits, const int *label, int n, int classes)
{
    struct fit f = {logits, label, n, classes, malloc(((size_t)classes + 1) * sizeof(double))};
    int counted = 0, rc = f.p ? RT_ENODATA : RT_EMEM;
    for (int i = 0; i < n; i++)
        counted += fit_counts(&f, i);
    if (f.p && counted)
        rc = fit_solve(&f, temperature);
    free(f.p);
    return rc;
}
