/* SPDX-License-Identifier: MIT
 * embedding_table: a teacher that is no network: embeddings that were computed elsewhere, in a NumPy file with a row
 * for each sample. Which row is whose is said by a text beside it (emb.npy: emb.txt), an id of the manifest on each
 * line; without one the rows are those of the manifest, in its order. Read only once matched, any thread. */
#ifndef RT_EMBEDDING_TABLE_H
#define RT_EMBEDDING_TABLE_H

#include "formats/manifest.h"
#include "pipeline/data/key.h"

struct rt_embedding_table {
    char *file, *beside; /* beside: the text with the ids, NULL = there is none */
    float *value;        /* [count, dim] */
    int64_t count;
    int dim;
    char *text;          /* of `beside`: NUL between ids */
    const char **id;     /* [count], or NULL */
    int *place;          /* [rows of the manifest] which vector, -1 = none; NULL before it is matched */
    int matched;         /* rows that have one */
    struct rt_key128 key; /* of values and ids */
};

bool rt_embedding_table_is_meant(const char *path); /* it ends in .npy */
/* [samples, numbers] of any type of number; all must be finite. RT_EMISMATCH, RT_ENOTFINITE, RT_EFORMAT, and what
 * reading fails with. */
int rt_embedding_table_open(struct rt_embedding_table **out, const char *path, struct rt_error *e);
void rt_embedding_table_close(struct rt_embedding_table *v);
/* RT_EMISMATCH: another number of rows without ids, or ids of which none is in the manifest. */
int rt_embedding_table_match(struct rt_embedding_table *v, const struct rt_manifest *m, struct rt_error *e);
/* [dim] of a row of the manifest, or NULL. */
const float *rt_embedding_table_of(const struct rt_embedding_table *v, int row);

#endif
