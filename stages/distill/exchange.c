/* SPDX-License-Identifier: MIT
 * exchange: see exchange.h. */
#include "stages/distill/exchange.h"

#include <stdlib.h>
#include <string.h>

/* A gathering is made of two sums: each brings numbers at its own place and zeros at those of the
 * others. That sends zeros about, but it is wanted seldom (a running quantile begins once) and asks
 * nothing more of whoever makes an exchange. */
int rt_exchange_gather(const struct rt_exchange *x, const double *value, int count, double **all, int *total,
                       struct rt_error *e)
{
    int size = x ? x->size : 1, rank = x ? x->rank : 0, first = 0;
    double *counts = calloc((size_t)size, sizeof *counts);
    *all = NULL;
    *total = 0;
    if (!counts)
        return rt_error_set(e, RT_EMEM, "no memory to gather %d numbers", count);
    counts[rank] = count;
    int rc = rt_exchange_sums(x, counts, size, e);
    for (int i = 0; i < size; i++) {
        first += i < rank ? (int)counts[i] : 0;
        *total += (int)counts[i];
    }
    free(counts);
    if (rc < 0)
        return rc;
    *all = calloc((size_t)*total + 1, sizeof **all);
    if (!*all)
        return rt_error_set(e, RT_EMEM, "no memory to gather %d numbers", *total);
    if (count)
        memcpy(*all + first, value, sizeof **all * (size_t)count);
    rc = rt_exchange_sums(x, *all, *total, e);
    if (rc < 0) {
        free(*all);
        *all = NULL;
    }
    return rc;
}
