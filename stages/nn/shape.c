/* SPDX-License-Identifier: MIT
 * shape: see shape.h. A sample's numbers are limited to 2^29, so that no product of sizes in an op leaves an int64 and
 * sizes themselves fit an int. */
#include "stages/nn/shape.h"

#include <stdio.h>

#define NUMBERS_MAX (1 << 29) /* of one sample: sizes of windows and pads then fit an int */

const char *rt_shape_text(const struct rt_shape *s, char out[static 48])
{
    int at = snprintf(out, 48, "[");
    for (int i = 0; i < s->rank; i++)
        at += snprintf(out + at, (size_t)(48 - at), "%s%d", i ? "," : "", s->dim[i]);
    snprintf(out + at, (size_t)(48 - at), "]");
    return out;
}

int64_t rt_shape_count(const struct rt_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

/* By division, so that the product itself never overflows. */
bool rt_shape_valid(const struct rt_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank && i < RT_NODE_RANK; i++)
        n = s->dim[i] < 1 || n > NUMBERS_MAX / s->dim[i] ? 0 : n * s->dim[i];
    return s->rank >= 1 && s->rank <= RT_NODE_RANK && n > 0;
}
