/* SPDX-License-Identifier: MIT
 * percentiles: where each value stands among all; the best of them, however many, stand at 1. */
#include "stages/metrics/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "formats/error.h"

struct entry {
    double value;
    size_t at;
};

static int percentile_by_value(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->value, y = ((const struct entry *)b)->value;

    return (x > y) - (x < y);
}

/* ---- ranks ----
 * Equal values share the rank of the last of them. Counting from below would give a fault that
 * nearly nobody has (0 clipped samples) a percentile of 0 for all who do not have it. */

int rt_percentiles(const double *value, size_t n, double *percentile)
{
    struct entry *e = calloc(n ? n : 1, sizeof *e);
    size_t finite = 0;

    if (!e)
        return RT_EMEM;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(value[i]))
            e[finite++] = (struct entry){value[i], i};
        percentile[i] = NAN;
    }
    qsort(e, finite, sizeof *e, percentile_by_value);
    for (size_t i = 0, j; i < finite; i = j) {
        for (j = i; j < finite && e[j].value == e[i].value; j++)
            ;
        for (size_t k = i; k < j; k++)
            percentile[e[k].at] = (double)j / (double)finite;
    }
    free(e);
    return 0;
}
