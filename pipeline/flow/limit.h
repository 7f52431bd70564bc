/* SPDX-License-Identifier: MIT
 * limit: waiting times -> one sentence that says what limits a run and what to change.
 * A pure function of the numbers; the runner collects them (rt_runner_account). */
#ifndef RT_LIMIT_H
#define RT_LIMIT_H

#include "pipeline/flow/stage.h"

struct rt_limit {
    const struct rt_stage_stats *stage; /* [stages] */
    const char *const *remedy;          /* [stages], each may be NULL */
    int stages;
    uint64_t elapsed; /* ns since the run's first batch was asked for */
    uint64_t source;  /* ns the loop thread spent making batches */
    uint64_t sink;    /* ns the loop thread spent taking finished ones */
};

void rt_limit_sentence(const struct rt_limit *l, char *text, size_t size);

#endif
