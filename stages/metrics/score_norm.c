/* SPDX-License-Identifier: MIT
 * score_norm: see score_norm.h. AS-Norm as toolkits have it (Matejka et al. 2017, its second form): each side chooses
 * its own nearest of the cohort, and the two normalised scores are averaged. */
#include "stages/metrics/score_norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_DEVIATION 1e-9

double rt_cosine(const float *a, const float *b, int dim)
{
    double ab = 0, aa = 0, bb = 0;

    for (int i = 0; i < dim; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : ab; /* NaN stays */
}

/* ---- the cohort ---- */

static void row_normalise(float *x, int dim)
{
    double square = 0;
    for (int i = 0; i < dim; i++)
        square += (double)x[i] * x[i];
    for (int i = 0; square > 0 && i < dim; i++)
        x[i] = (float)(x[i] / sqrt(square));
}

/* Later rows of a key are added to its first one, which stays at the place where it was met. Keys are few against
 * samples, so the place is looked for. */
int rt_cohort_by_key(float *embedding, const int *key, int n, int dim, int *seen)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        float *x = embedding + (size_t)dim * (size_t)i;
        int at = 0;
        row_normalise(x, dim);
        while (at < kept && (key[i] < 0 || seen[at] != key[i]))
            at++;
        float *to = embedding + (size_t)dim * (size_t)at;
        if (at == kept) {
            memmove(to, x, (size_t)dim * sizeof *to);
            seen[kept++] = key[i];
        } else {
            for (int k = 0; k < dim; k++)
                to[k] += x[k]; /* the length does not matter to a cosine */
        }
    }
    for (int i = 0; i < kept; i++)
        row_normalise(embedding + (size_t)dim * (size_t)i, dim);
    return kept;
}

void rt_embedding_mean(float *mean, const float *embedding, int n, int dim)
{
    for (int k = 0; k < dim; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += embedding[(size_t)dim * (size_t)i + (size_t)k];
        mean[k] = n ? (float)(sum / n) : 0;
    }
}

void rt_embedding_subtract(float *embedding, const float *mean, int n, int dim)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < dim; k++)
            embedding[(size_t)dim * (size_t)i + (size_t)k] -= mean[k];
}

/* ---- normalised scores ---- */

static int double_down(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

void rt_norm_side(struct rt_norm_side *s, const float *embedding, const float *cohort, int m, int dim, int top,
                  double *room)
{
    double sum = 0, square = 0;
    for (int i = 0; i < m; i++)
        room[i] = rt_cosine(embedding, cohort + (size_t)dim * (size_t)i, dim);
    qsort(room, (size_t)m, sizeof *room, double_down);
    for (int i = 0; i < top; i++)
        sum += room[i];
    s->mean = sum / top;
    for (int i = 0; i < top; i++)
        square += (room[i] - s->mean) * (room[i] - s->mean);
    s->deviation = fmax(sqrt(square / top), LEAST_DEVIATION);
}

double rt_as_norm(double score, const struct rt_norm_side *enrol, const struct rt_norm_side *test)
{
    return ((score - enrol->mean) / enrol->deviation + (score - test->mean) / test->deviation) / 2;
}
