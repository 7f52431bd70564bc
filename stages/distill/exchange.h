/* SPDX-License-Identifier: MIT
 * exchange: what several learners who share an update tell each other, each with its own shards of
 * the batch: the few sums that weights and objective need, what became of each sample, and the
 * gradients. Who the others are (threads, processes, other machines) is the business of whoever
 * makes the exchange; NULL everywhere means alone.
 *
 * All sums are made in one binary tree over the shards: neighbours first, then pairs of these. Who
 * holds how many of the shards then changes no byte, as long as both numbers are powers of two. */
#ifndef RT_EXCHANGE_H
#define RT_EXCHANGE_H

#include "formats/error.h"

#include <stddef.h>

struct rt_exchange_part {
    float *value;
    size_t count;
};

/* All who share an update make the same calls in the same order; a call returns when all have come, and gives
 * everyone the same bytes. A negative return ends the update with *e. Who gives up between two calls (no memory, say)
 * does not come to the next one: it is for the exchange to notice, and to fail for the others then. Called from the
 * thread that calls the learner. */
struct rt_exchange {
    void *self;
    int rank, size; /* this one's place among all who share: 0 .. size - 1; size is a power of two */
    /* What all bring, each as many bytes as it likes, those of rank 0 first: *all [*total], malloc'ed. */
    int (*gather)(void *self, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e);
    /* Adds up what all have in these parts, which have the same counts everywhere, in the tree over the ranks. One
     * call, so that all may travel together. */
    int (*add)(void *self, const struct rt_exchange_part *part, int parts, struct rt_error *e);
};

/* Adds up value[shards, count], the own shards', over all who share: the sums are value[0 .. count). */
int rt_exchange_sums(const struct rt_exchange *x, double *value, int shards, int count, struct rt_error *e);
/* The same, and in the same message rt_exchange_gather of mine[bytes]. */
int rt_exchange_sums_and(const struct rt_exchange *x, double *value, int shards, int count, const void *mine,
                         size_t bytes, void **all, size_t *total, struct rt_error *e);

static inline int rt_exchange_add(const struct rt_exchange *x, const struct rt_exchange_part *part, int parts,
                                  struct rt_error *e)
{
    return x ? x->add(x->self, part, parts, e) : 0;
}

/* The bytes of all who share, those of rank 0 first: *all [*total], malloc'ed. Alone a copy. RT_EMEM. */
int rt_exchange_gather(const struct rt_exchange *x, const void *mine, size_t bytes, void **all, size_t *total,
                       struct rt_error *e);

/* Adds up arrays shard by shard in the same tree, as each becomes known: the parts are what a shard leaves its numbers
 * in. Needs room for log2(shards) copies of them, none for one shard. */
struct rt_shard_sum; /* opaque */
/* part: borrowed. RT_EMEM. */
int rt_shard_sum_create(struct rt_shard_sum **out, const struct rt_exchange_part *part, int parts, int shards);
void rt_shard_sum_destroy(struct rt_shard_sum *s); /* NULL is fine */
/* The parts hold the next shard's numbers; behind the last one's call they hold the sum of all, and the next is the
 * first of another sum. */
void rt_shard_sum_push(struct rt_shard_sum *s);

#endif
