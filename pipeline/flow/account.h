/* SPDX-License-Identifier: MIT
 * account: what the stages of a run did with their time, so far or over a part of it, and the sentence that
 * follows from it. Plain values: the runner fills it in (rt_runner_account). Any thread. */
#ifndef RT_ACCOUNT_H
#define RT_ACCOUNT_H

#include "pipeline/flow/stage.h"

#define RT_RUNNER_STAGES 8

struct rt_account {
    int stages;
    struct rt_stage_stats stage[RT_RUNNER_STAGES];
    uint64_t elapsed; /* ns since the run's first batch was asked for; 0 = not begun */
    uint64_t source;  /* ns the loop thread spent making batches */
    uint64_t sink;    /* ns the loop thread spent taking finished ones */
    size_t peak;      /* most packed bytes that waited at one time, in the whole run */
};

/* Takes off what was before: what is left is the account of the time since. Queues and percentiles are of
 * now and stay. */
void rt_account_since(struct rt_account *a, const struct rt_account *before);
/* Bytes that hold any such sentence, and what several ranks add to it. */
#define RT_ACCOUNT_LIMIT 400
/* One sentence naming the stage that limits the run, from the waiting times, and what to change; cut to size:
 * "student limits the run (busy 97 %, decode waits 61 % for room): ...". */
void rt_account_limit(const struct rt_account *a, char *text, size_t size);

#endif
