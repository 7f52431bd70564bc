/* SPDX-License-Identifier: MIT
 * score_calibration: see score_calibration.h. Newton's method on few numbers; a small ridge keeps trials that a line
 * parts from asking for weights without bound. */
#include "stages/metrics/score_calibration.h"

#include "formats/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE (RT_CALIBRATION_INPUTS + 1) /* and the offset */
#define RIDGE 1e-4 /* of inputs of deviation 1 */
#define STEPS 60
#define CLOSE 1e-10
#define ROUNDING 1e-12 /* of a mean */

struct fit {
    const double *input;
    const uint8_t *same;
    size_t n;
    int inputs;
    double mean[SIDE], deviation[SIDE]; /* of the inputs; the offset's are 0 and 1 */
    double weight[2]; /* of a trial of others, of a target: kinds count by the prior, not by how many there are */
    double logit;     /* of the prior */
    double x[SIDE];   /* what is sought; the offset last */
};

static double fit_input(const struct fit *f, size_t trial, int k)
{
    return k == f->inputs ? 1 : (f->input[trial * (size_t)f->inputs + (size_t)k] - f->mean[k]) / f->deviation[k];
}

/* ---- inputs brought to mean 0 and deviation 1 ---- */

static int fit_scale(struct fit *f)
{
    for (int k = 0; k < f->inputs; k++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < f->n; i++)
            sum += f->input[i * (size_t)f->inputs + (size_t)k];
        f->mean[k] = sum / (double)f->n;
        for (size_t i = 0; i < f->n; i++) {
            double d = f->input[i * (size_t)f->inputs + (size_t)k] - f->mean[k];
            square += d * d;
        }
        if (!isfinite(square))
            return RT_ENOTFINITE;
        f->deviation[k] = sqrt(square / (double)f->n);
        if (f->deviation[k] <= ROUNDING * fabs(f->mean[k]))
            f->deviation[k] = INFINITY; /* all alike, but for how their mean was rounded: 0 then, and weight 0 */
    }
    return 0;
}

static int fit_weigh(struct fit *f, double p_target)
{
    double targets = 0;
    for (size_t i = 0; i < f->n; i++)
        targets += f->same[i] != 0;
    if (targets == 0 || targets == (double)f->n)
        return RT_ENODATA;
    f->weight[0] = (1 - p_target) / ((double)f->n - targets);
    f->weight[1] = p_target / targets;
    f->logit = log(p_target / (1 - p_target));
    return 0;
}

/* ---- Newton's step ----
 * a x = b by elimination with the largest pivot; the matrix is positive definite by the ridge. */

static void solve(double a[SIDE][SIDE], double *b, int n)
{
    for (int c = 0; c < n; c++) {
        int top = c;
        for (int r = c + 1; r < n; r++)
            top = fabs(a[r][c]) > fabs(a[top][c]) ? r : top;
        for (int k = 0; k < n; k++) {
            double t = a[c][k];
            a[c][k] = a[top][k];
            a[top][k] = t;
        }
        double t = b[c];
        b[c] = b[top];
        b[top] = t;
        for (int r = c + 1; r < n; r++) {
            double factor = a[r][c] / a[c][c];
            for (int k = c; k < n; k++)
                a[r][k] -= factor * a[c][k];
            b[r] -= factor * b[c];
        }
    }
    for (int r = n - 1; r >= 0; r--) {
        for (int k = r + 1; k < n; k++)
            b[r] -= a[r][k] * b[k];
        b[r] /= a[r][r];
    }
}

/* The cost at x, and unless NULL its gradient and curvature. */
static double fit_cost(const struct fit *f, const double *x, double *gradient, double curve[SIDE][SIDE])
{
    int n = f->inputs + 1;
    double cost = 0;
    if (gradient)
        memset(gradient, 0, sizeof(double) * (size_t)n);
    for (int k = 0; k < n; k++) {
        double ridge = k < f->inputs ? RIDGE : 0;
        cost += ridge * x[k] * x[k] / 2;
        if (!gradient)
            continue;
        gradient[k] = ridge * x[k];
        memset(curve[k], 0, sizeof(double) * (size_t)n);
        curve[k][k] = ridge + 1e-12;
    }
    for (size_t i = 0; i < f->n; i++) {
        double row[SIDE], z = f->logit, w = f->weight[f->same[i] != 0];
        for (int k = 0; k < n; k++) {
            row[k] = fit_input(f, i, k);
            z += x[k] * row[k];
        }
        double against = f->same[i] ? -z : z; /* large = wrong */
        double p = 1 / (1 + exp(-z));
        cost += w * (against > 0 ? against + log1p(exp(-against)) : log1p(exp(against)));
        for (int k = 0; gradient && k < n; k++) {
            gradient[k] += w * (p - (f->same[i] != 0)) * row[k];
            for (int j = 0; j < n; j++)
                curve[k][j] += w * p * (1 - p) * row[k] * row[j];
        }
    }
    return cost;
}

/* The cost is convex; a step that does not lower it is halved. */
static void fit_solve(struct fit *f)
{
    int n = f->inputs + 1;
    double step[SIDE], curve[SIDE][SIDE], next[SIDE];
    for (int round = 0; round < STEPS; round++) {
        double before = fit_cost(f, f->x, step, curve), size = 1, largest = 0;
        solve(curve, step, n);
        for (int half = 0; half < 40; half++, size /= 2) {
            for (int k = 0; k < n; k++)
                next[k] = f->x[k] - size * step[k];
            if (fit_cost(f, next, NULL, NULL) <= before)
                break;
        }
        for (int k = 0; k < n; k++) {
            largest = fmax(largest, fabs(next[k] - f->x[k]));
            f->x[k] = next[k];
        }
        if (largest < CLOSE)
            return;
    }
}

int rt_score_calibration_fit(struct rt_score_calibration *c, const double *input, int inputs, const uint8_t *same,
                             size_t n, double p_target)
{
    struct fit f = {.input = input, .same = same, .n = n, .inputs = inputs};
    *c = (struct rt_score_calibration){.inputs = inputs};
    if (inputs < 1 || inputs > RT_CALIBRATION_INPUTS || !(p_target > 0 && p_target < 1))
        return RT_ERANGE;
    RT_TRY(fit_weigh(&f, p_target));
    RT_TRY(fit_scale(&f));
    fit_solve(&f);
    c->offset = f.x[inputs];
    for (int k = 0; k < inputs; k++) {
        c->weight[k] = f.x[k] / f.deviation[k];
        c->offset -= c->weight[k] * f.mean[k];
    }
    return 0;
}

double rt_score_llr(const struct rt_score_calibration *c, const double *input)
{
    double llr = c->offset;
    for (int k = 0; k < c->inputs; k++)
        llr += c->weight[k] * input[k];
    return llr;
}
