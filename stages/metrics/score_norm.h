/* SPDX-License-Identifier: MIT
 * score_norm: scores of pairs of embeddings, and what a cohort of other people makes of them: its mean taken off, and
 * adaptive symmetric normalisation (AS-Norm). Pure functions. */
#ifndef RT_SCORE_NORM_H
#define RT_SCORE_NORM_H

#include <stddef.h>

/* The cosine of two embeddings; NaN stays, and a row of zeros gives 0. */
double rt_cosine(const float *a, const float *b, int dim);

/* A cohort made of embeddings [n, dim]: of each, brought to length 1, the mean over the rows of one key; a key below 0
 * = a row that stands alone. In place; the number of rows that are left. seen: room for n numbers. */
int rt_cohort_by_key(float *embedding, const int *key, int n, int dim, int *seen);
/* mean [dim] = of the rows. */
void rt_embedding_mean(float *mean, const float *embedding, int n, int dim);
void rt_embedding_subtract(float *embedding, const float *mean, int n, int dim);

/* Mean and standard deviation of an embedding's `top` highest cosines to the cohort [m, dim], 1..m of them. room: m
 * numbers. A deviation of 0 is given as a small number. */
struct rt_norm_side {
    double mean, deviation;
};
void rt_norm_side(struct rt_norm_side *s, const float *embedding, const float *cohort, int m, int dim, int top,
                  double *room);
/* The mean of the score normalised by either side. */
double rt_as_norm(double score, const struct rt_norm_side *enrol, const struct rt_norm_side *test);

#endif
