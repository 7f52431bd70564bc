/* SPDX-License-Identifier: MIT
 * idf: counts of texts per bucket, and their logarithm at the end. */
#include "stages/modality/idf.h"
#include "formats/error.h"
#include <math.h>
#include <stdlib.h>

int rt_idf_init(struct rt_idf *f, int64_t buckets)
{
    *f = (struct rt_idf){0};
    if (buckets < 1)
        return RT_ERANGE;
    f->seen = calloc((size_t)buckets, sizeof *f->seen);
    if (!f->seen)
        return RT_EMEM;
    f->buckets = buckets;
    return 0;
}

void rt_idf_fini(struct rt_idf *f)
{
    free(f->seen);
    *f = (struct rt_idf){0};
}

/* ---- counting and fitting ---- */

void rt_idf_add(struct rt_idf *f, const int32_t *bucket, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        f->seen[bucket[i]]++;
    f->texts++;
}

void rt_idf_join(struct rt_idf *f, const struct rt_idf *other)
{
    for (int64_t b = 0; b < f->buckets; b++)
        f->seen[b] += other->seen[b];
    f->texts += other->texts;
}

/* Smoothed as scikit-learn's: a bucket that no text has is not infinite. */
void rt_idf_fit(const struct rt_idf *f, float *idf)
{
    for (int64_t b = 0; b < f->buckets; b++)
        idf[b] = (float)(log((1.0 + (double)f->texts) / (1.0 + (double)f->seen[b])) + 1);
}
