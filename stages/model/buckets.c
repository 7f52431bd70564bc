/* SPDX-License-Identifier: MIT
 * buckets: see buckets.h. */
#include "stages/model/buckets.h"

#include <stdlib.h>

/* Beyond so many places a product is limited by its sums and no more by its weights, and more samples would only
 * take more memory. */
#define PLACES 256

struct entry {
    int length, sample;
};

static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->length != y->length ? (x->length > y->length) - (x->length < y->length)
                                  : (x->sample > y->sample) - (x->sample < y->sample);
}

static int bucket_size(int length, int unit)
{
    int size = PLACES / (length / unit > 0 ? length / unit : 1);
    return size < 1 ? 1 : size > RT_BUCKET ? RT_BUCKET : size;
}

static int buckets_run(const struct entry *entry, int count, int unit, rt_bucket_run run, void *self,
                       struct rt_error *e)
{
    for (int from = 0, some; from < count; from += some) {
        int sample[RT_BUCKET], size = bucket_size(entry[from].length, unit);
        for (some = 0; some < size && from + some < count && entry[from + some].length == entry[from].length; some++)
            sample[some] = entry[from + some].sample;
        some = some < size ? 1 : some;
        RT_TRY(run(self, entry[from].length, sample, some, e));
    }
    return 0;
}

int rt_buckets_walk(int count, const int *length, int unit, rt_bucket_run run, void *self, struct rt_error *e)
{
    struct entry *entry = malloc(((size_t)count + 1) * sizeof *entry);
    if (!entry)
        return rt_error_set(e, RT_EMEM, "no memory for a list of %d samples", count);
    for (int i = 0; i < count; i++)
        entry[i] = (struct entry){length[i], i};
    qsort(entry, (size_t)count, sizeof *entry, entry_order);
    int rc = buckets_run(entry, count, unit, run, self, e);
    free(entry);
    return rc;
}
