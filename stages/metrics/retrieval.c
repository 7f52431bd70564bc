/* SPDX-License-Identifier: MIT
 * retrieval: R@1, R@5, R@10 by cosine. Every cosine is summed in the same order, so equal rows tie
 * exactly. */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"

/* ---- cosines ----
 * In double and in one order, so that rows that are equal tie exactly and count as the header says;
 * a product by BLAS may round equal rows differently. Memory is one row of cosines, not a matrix of
 * all. */

/* Unit rows as double; a row of zeros stays, a row with NaN gives NaN cosines. */
static double *retrieval_unit_rows(const float *x, int rows, int dim)
{
    double *unit = calloc((size_t)rows * (size_t)dim + 1, sizeof *unit);

    for (int i = 0; unit && i < rows; i++) {
        size_t at = (size_t)i * dim;
        double sum = 0, scale;
        for (int j = 0; j < dim; j++)
            sum += (double)x[at + j] * x[at + j];
        scale = sum == 0 ? 0 : 1 / sqrt(sum);
        for (int j = 0; j < dim; j++)
            unit[at + j] = x[at + j] * scale;
    }
    return unit;
}

/* Four sums side by side, as the additions of one sum wait for each other. */
static double retrieval_dot(const double *a, const double *b, int dim)
{
    double s[4] = {0};
    int j = 0;

    for (; j + 4 <= dim; j += 4)
        for (int k = 0; k < 4; k++)
            s[k] += a[j + k] * b[j + k];
    for (; j < dim; j++)
        s[0] += a[j] * b[j];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

/* ---- ranks ----
 * A tie counts against the model: one that maps all to one point would otherwise find everything.
 */

/* Rows before the best match; -1 when the gallery has no row of this key. */
static int retrieval_rank(const double *query, int key, const double *gallery,
                          const int *gallery_key, int rows, int dim, double *cosine)
{
    double best = -INFINITY;
    int rank = 0, matches = 0;

    for (int g = 0; g < rows; g++) {
        cosine[g] = retrieval_dot(query, gallery + (size_t)g * dim, dim);
        if (gallery_key[g] != key)
            continue;
        matches++;
        if (cosine[g] > best)
            best = cosine[g];
    }
    for (int g = 0; g < rows; g++)
        rank += gallery_key[g] != key && !(cosine[g] < best);
    if (matches && best == -INFINITY)
        return rows; /* not a number: found nowhere */
    return matches ? rank : -1;
}

int rt_retrieval(struct rt_retrieval *r, const float *query, const float *gallery, int queries,
                 int gallery_rows, int dim, const int *query_key, const int *gallery_key, int *rank)
{
    double *q = retrieval_unit_rows(query, queries, dim),
           *g = retrieval_unit_rows(gallery, gallery_rows, dim);
    double *cosine = calloc((size_t)gallery_rows + 1, sizeof *cosine);
    int found[3] = {0}, result = q && g && cosine ? 0 : RT_EMEM;

    *r = (struct rt_retrieval){NAN, NAN, NAN, 0};
    for (int i = 0; result == 0 && i < queries; i++) {
        int before = retrieval_rank(q + (size_t)i * dim, query_key[i], g, gallery_key, gallery_rows,
                                    dim, cosine);
        if (rank)
            rank[i] = before;
        if (before < 0)
            continue;
        r->queries++;
        found[0] += before < 1 && before < gallery_rows;
        found[1] += before < 5 && before < gallery_rows;
        found[2] += before < 10 && before < gallery_rows;
    }
    if (r->queries) {
        r->r1 = (double)found[0] / r->queries;
        r->r5 = (double)found[1] / r->queries;
        r->r10 = (double)found[2] / r->queries;
    }
    free(q);
    free(g);
    free(cosine);
    return result;
}
