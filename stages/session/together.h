/* SPDX-License-Identifier: MIT
 * together: a run made by several ranks (pipeline/ranks): what they check of one another before it, what they share at
 * its beginning, and the exchange of their learners. Alone nothing is done. The thread that leads the run. */
#ifndef RT_TOGETHER_H
#define RT_TOGETHER_H

#include "formats/recipe.h"
#include "pipeline/ranks/ranks.h"
#include "stages/distill/exchange.h"

struct rt_safetensors;

struct rt_together {
    struct rt_ranks *ranks; /* NULL = alone */
    struct rt_exchange exchange;
    float *room; /* all parts in one piece, so that they travel together */
    size_t count;
    double exchange_ms; /* of all gradients, measured before the first update; 0 = not */
};

void rt_together_init(struct rt_together *t, struct rt_ranks *ranks);
void rt_together_fini(struct rt_together *t);
/* Rank 0 leads: it has folder, socket and observers. */
bool rt_together_leads(const struct rt_together *t);
/* So many of the recipe's shards are this rank's. */
int rt_together_shards(const struct rt_together *t, const struct rt_recipe *r);

/* All must have the same version, kind of machine and recipe (paths apart), and enough shards for all ranks. The first
 * difference is named, with rank and host, by all. RT_EMISMATCH, RT_EUSAGE. */
int rt_together_check(const struct rt_together *t, const struct rt_recipe *r, struct rt_error *e);
/* The same of what a run's data are (identity.h). */
int rt_together_check_data(const struct rt_together *t, const char *identity, struct rt_error *e);
/* Times the exchange of a network's gradients, with all others; nothing of the run is touched. RT_ELOST, RT_EMEM. */
int rt_together_time(struct rt_together *t, int64_t weights, struct rt_error *e);
/* On rank 0, of the updates since rt_ranks_count; "" = alone, or too early. In words who is waited for, and what an
 * update sends. */
void rt_together_words(const struct rt_together *t, char *text, size_t size);
/* The i-th rank: its host, its share of the samples, what it waits and for whom, what it sends. */
void rt_together_rank_words(const struct rt_together *t, int rank, char *text, size_t size);
/* What the ranks gain, with the numbers, after the first few updates. true: nothing, so many are slower than one. */
bool rt_together_loses(const struct rt_together *t, char *text, size_t size);
/* Rank 0's file to all others as *state; NULL where path is NULL there. On rank 0 always NULL. */
int rt_together_share(const struct rt_together *t, const char *path, struct rt_safetensors **state, struct rt_error *e);

#endif
