/* SPDX-License-Identifier: MIT
 * idf: inverse document frequencies of text buckets, fitted on the training split. Counts are integers, so the result
 * does not depend on the order in which the texts come, nor on how many counted them, each some. One thread at a
 * time. */
#ifndef RT_IDF_H
#define RT_IDF_H

#include <stdint.h>

struct rt_idf {
    int64_t buckets, texts;
    int64_t *seen; /* [buckets] texts that hold the bucket */
};

/* RT_EMEM; RT_ERANGE when buckets < 1. */
int rt_idf_init(struct rt_idf *f, int64_t buckets);
void rt_idf_fini(struct rt_idf *f);
/* Counts one text by its buckets (text_buckets.h), each below f->buckets and once. */
void rt_idf_add(struct rt_idf *f, const int32_t *bucket, int64_t count);
/* Counts what another one of as many buckets has counted. */
void rt_idf_join(struct rt_idf *f, const struct rt_idf *other);
/* idf[b] = ln((1 + texts) / (1 + seen[b])) + 1, into [buckets]. */
void rt_idf_fit(const struct rt_idf *f, float *idf);

#endif
