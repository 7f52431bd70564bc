/* SPDX-License-Identifier: MIT
 * account: see account.h. */
#include "pipeline/flow/account.h"

/* What limits a run changes while it goes on (caches fill, somebody adds decoders), so two accounts
 * are subtracted: a sentence about the last seconds needs no counters of its own. Peaks and queue
 * lengths are of the moment and stay. */

void rt_account_since(struct rt_account *a, const struct rt_account *before)
{
    for (int i = 0; i < a->stages && i < before->stages; i++) {
        struct rt_stage_stats *s = &a->stage[i];
        const struct rt_stage_stats *b = &before->stage[i];
        s->batches -= b->batches;
        s->samples -= b->samples;
        s->offered -= b->offered;
        s->busy -= b->busy;
        s->wait_in -= b->wait_in;
        s->wait_out -= b->wait_out;
        s->wait_memory -= b->wait_memory;
        s->bytes_in -= b->bytes_in;
        s->bytes_out -= b->bytes_out;
        s->raw_out -= b->raw_out;
    }
    a->elapsed -= before->elapsed;
    a->source -= before->source;
    a->sink -= before->sink;
}
