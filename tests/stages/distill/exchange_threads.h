/* SPDX-License-Identifier: MIT
 * exchange_threads: an exchange between threads of one test: each brings its numbers, waits for the others,
 * and adds up what all brought in the order of their ranks. */
#ifndef RT_EXCHANGE_THREADS_H
#define RT_EXCHANGE_THREADS_H

#include "stages/distill/exchange.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TOGETHER 2

struct together {
    pthread_barrier_t barrier;
    const void *mine[TOGETHER]; /* what each brought */
    size_t bytes[TOGETHER];
    const struct rt_exchange_part *part[TOGETHER];
    int count[TOGETHER];
    int gradients; /* calls so far */
    struct together_one {
        struct together *all;
        int rank;
    } one[TOGETHER];
    struct rt_exchange exchange[TOGETHER];
};

/* All have brought theirs; nobody goes on before all have read. */
static inline int together_gather(void *self, const void *mine, size_t bytes, void **all, size_t *total,
                                  struct rt_error *e)
{
    struct together_one *me = self;
    struct together *t = me->all;
    (void)e;
    t->mine[me->rank] = mine;
    t->bytes[me->rank] = bytes;
    pthread_barrier_wait(&t->barrier);
    *total = t->bytes[0] + t->bytes[1];
    *all = malloc(*total + 1);
    assert_non_null(*all);
    for (int r = 0; r < TOGETHER; r++)
        if (t->bytes[r])
            memcpy((char *)*all + (r ? t->bytes[0] : 0), t->mine[r], t->bytes[r]);
    pthread_barrier_wait(&t->barrier);
    return 0;
}

static inline int together_add(void *self, const struct rt_exchange_part *part, int parts,
                                     struct rt_error *e)
{
    struct together_one *me = self;
    struct together *t = me->all;
    t->part[me->rank] = part;
    t->count[me->rank] = parts;
    pthread_barrier_wait(&t->barrier);
    int other = t->count[!me->rank];
    /* each adds up every second part for both */
    for (int k = me->rank; k < parts && k < other; k += TOGETHER)
        for (size_t i = 0; i < part[k].count; i++)
            t->part[0][k].value[i] = t->part[1][k].value[i] = t->part[0][k].value[i] + t->part[1][k].value[i];
    pthread_barrier_wait(&t->barrier);
    if (me->rank == 0)
        t->gradients++;
    return other == parts ? 0 : rt_error_set(e, RT_EMISMATCH, "%d parts, the other has %d", parts, other);
}

static inline void together_init(struct together *t)
{
    *t = (struct together){.gradients = 0};
    assert_int_equal(pthread_barrier_init(&t->barrier, NULL, TOGETHER), 0);
    for (int r = 0; r < TOGETHER; r++) {
        t->one[r] = (struct together_one){t, r};
        t->exchange[r] = (struct rt_exchange){&t->one[r], r, TOGETHER, together_gather, together_add};
    }
}

/* work(self[r]) on a thread of its own for each rank. */
static inline void together_run(void *(*work)(void *), void *const self[TOGETHER])
{
    pthread_t thread[TOGETHER];
    for (int r = 0; r < TOGETHER; r++)
        assert_int_equal(pthread_create(&thread[r], NULL, work, self[r]), 0);
    for (int r = 0; r < TOGETHER; r++)
        pthread_join(thread[r], NULL);
}

static inline void together_fini(struct together *t)
{
    pthread_barrier_destroy(&t->barrier);
}

#endif
