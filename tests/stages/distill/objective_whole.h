/* SPDX-License-Identifier: MIT
 * objective_whole: an update whose samples here are one shard, in one call: all that the learner does with the
 * objective, in its order. others: who has the other shards; NULL = nobody. */
#ifndef RT_OBJECTIVE_WHOLE_H
#define RT_OBJECTIVE_WHOLE_H

#include "stages/distill/exchange.h"
#include "stages/distill/objective.h"

#include <math.h>
#include <stdlib.h>

/* The finite ones of d[n], and those of the others. */
static inline int objective_whole_begin(struct rt_objective *o, const struct rt_objective_settings *s, int k,
                                        const double *d, int n, const struct rt_exchange *others, struct rt_error *e)
{
    int finite = 0;
    size_t total;
    double *mine = calloc((size_t)n + 1, sizeof *mine);
    void *all;
    for (int i = 0; mine && i < n; i++)
        if (isfinite(d[i]))
            mine[finite++] = d[i];
    int rc = rt_exchange_gather(others, mine, sizeof *mine * (size_t)finite, &all, &total, e);
    if (rc == 0)
        rt_objective_begin(o, s, k, all, (int)(total / sizeof *mine));
    free(mine);
    free(all);
    return rc;
}

static inline int objective_whole(struct rt_objective *o, const struct rt_objective_settings *s,
                                  const struct rt_objective_side *side, int sides,
                                  const struct rt_objective_weights *weight, const struct rt_exchange *others,
                                  struct rt_objective_out *out, struct rt_error *e)
{
    struct rt_objective_sums all[RT_PLACES], sum[RT_PLACES];
    double *room = calloc((size_t)RT_PLACES * (size_t)(side->in.batch + 1), sizeof *room), *distance[RT_PLACES];
    int n = side->in.batch, places = (int)(RT_PLACES * (sizeof *all / sizeof all[0].there));
    bool begins = false;
    RT_TRY(rt_objective_count(s, side, sides, all, e));
    RT_TRY(rt_exchange_sums(others, &all[0].there, 1, places, e));
    for (int k = 0; k < RT_PLACES; k++) {
        distance[k] = room + (size_t)k * (size_t)n;
        begins |= rt_objective_begins(o, s, all, k);
    }
    if (begins)
        RT_TRY(rt_objective_shard(o, s, side, sides, weight, NULL, distance, sum, e));
    for (int k = 0; k < RT_PLACES; k++)
        if (rt_objective_begins(o, s, all, k))
            RT_TRY(objective_whole_begin(o, s, k, distance[k], n, others, e));
    free(room);
    RT_TRY(rt_objective_shard(o, s, side, sides, weight, all, out->distance, sum, e));
    RT_TRY(rt_exchange_sums(others, &sum[0].there, 1, places, e));
    rt_objective_conclude(o, s, sides, sum, out);
    return 0;
}

#endif
