/* SPDX-License-Identifier: MIT
 * exchange: what several learners who share an update tell each other, each with its own part of
 * the samples: the few sums that weights and objective need, and the gradients. Who the others are
 * (threads, processes, other machines) is the business of whoever makes the exchange; NULL
 * everywhere means alone. */
#ifndef RT_EXCHANGE_H
#define RT_EXCHANGE_H

#include "formats/error.h"

#include <stddef.h>

struct rt_exchange_part {
    float *value;
    size_t count;
};

/* All who share an update make the same calls in the same order with the same counts; a call
 * returns when all have come. It adds up number by number what all brought and gives everyone the
 * same bytes: the order of adding is fixed (by rank, say), never that of arriving. A negative
 * return ends the update with *e. Who gives up between two calls (no memory, say) does not come to
 * the next one: it is for the exchange to notice, and to fail for the others then. Called from the
 * thread that calls the learner. */
struct rt_exchange {
    void *self;
    int rank, size; /* this one's place among all who share: 0 .. size - 1 */
    int (*sums)(void *self, double *value, int count, struct rt_error *e);
    /* All trained parameters' gradients in one call, so that they may travel together. */
    int (*gradients)(void *self, const struct rt_exchange_part *part, int parts, struct rt_error *e);
};

/* Adds up over all who share; alone the numbers stay as they are. */
static inline int rt_exchange_sums(const struct rt_exchange *x, double *value, int count, struct rt_error *e)
{
    return x ? x->sums(x->self, value, count, e) : 0;
}

static inline int rt_exchange_gradients(const struct rt_exchange *x, const struct rt_exchange_part *part,
                                        int parts, struct rt_error *e)
{
    return x ? x->gradients(x->self, part, parts, e) : 0;
}

/* The values of all who share, those of rank 0 first: *all [*total], malloc'ed. RT_EMEM. */
int rt_exchange_gather(const struct rt_exchange *x, const double *value, int count, double **all, int *total,
                       struct rt_error *e);

#endif
