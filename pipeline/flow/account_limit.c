/* SPDX-License-Identifier: MIT
 * account_limit: the sentence about what limits a run; see account.h. The stage with the least idle time does, since
 * all others wait for it. When even that one is idle half of the time, no stage does: then it is the loop thread, the
 * memory limit, or queues too short to even out batches of different cost. */
#include "pipeline/flow/account.h"

#include "formats/words.h"


#define SATURATED 50 /* per cent busy below which a stage cannot be what limits the run */
#define NOTABLE 5    /* per cent of waiting below which a neighbour is not worth naming */

/* ---- what is compared ----
 * All shares are of the time that a stage's workers had together (workers times elapsed time), so a
 * stage with four workers and one with a single worker can be compared. Percentages are rounded
 * before they are compared: a sentence that names 50 % must not have been chosen for 49.6. */

/* Per cent of the time that all workers of stage i had. */
static int stage_percent(const struct rt_account *a, int i, uint64_t time)
{
    double whole = (double)a->stage[i].offered;
    double percent = whole > 0 ? 100 * (double)time / whole : 0;
    return percent > 100 ? 100 : (int)(percent + 0.5);
}

static int stage_busiest(const struct rt_account *a)
{
    int best = 0;
    for (int i = 1; i < a->stages; i++)
        if (stage_percent(a, i, a->stage[i].busy) >= stage_percent(a, best, a->stage[best].busy))
            best = i;
    return best;
}

/* ---- one sentence for each case ----
 * A number alone helps nobody who has not written the runner. So each case says who is busy, who
 * waits for whom because of it, and which setting to turn. A stage brings its own remedy
 * (rt_stage_stats.remedy). */

/* The stage limits: name it, the neighbours that stand still because of it, and the remedy. */
static void sentence_of_stage(struct rt_words *w, const struct rt_account *a, int best)
{
    const struct rt_stage_stats *s = &a->stage[best];
    rt_words_add(w, "%s limits the run (", s->name);
    if (s->workers > 1)
        rt_words_add(w, "%d workers ", s->workers);
    rt_words_add(w, "busy %d %%", stage_percent(a, best, s->busy));
    for (int i = 0; i < a->stages; i++) {
        uint64_t waited = i < best ? a->stage[i].wait_out : a->stage[i].wait_in;
        if (i != best && stage_percent(a, i, waited) >= NOTABLE)
            rt_words_add(w, ", %s waits %d %% for %s", a->stage[i].name,
                         stage_percent(a, i, waited), i < best ? "room" : "input");
    }
    rt_words_add(w, ")");
    if (s->remedy)
        rt_words_add(w, ": %s", s->remedy);
}

static void sentence_of_loop(struct rt_words *w, const struct rt_account *a, int percent)
{
    int making = a->source >= a->sink;
    rt_words_add(w, "the loop thread limits the run (busy %d %% with %s): %s", percent,
                 making ? "making batches" : "recording finished batches",
                 making ? "use larger batches (train.batch)"
                        : "use larger batches (train.batch) or put "
                          "the run directory on a faster disk");
}

static void sentence_of_waiting(struct rt_words *w, const struct rt_account *a, int best)
{
    int blocked = 0;
    for (int i = 1; i < a->stages; i++)
        if (stage_percent(a, i, a->stage[i].wait_out) >
            stage_percent(a, blocked, a->stage[blocked].wait_out))
            blocked = i;
    const struct rt_stage_stats *s = &a->stage[blocked];
    int memory = stage_percent(a, blocked, s->wait_memory),
        room = stage_percent(a, blocked, s->wait_out);
    if (memory >= NOTABLE && memory * 2 >= room)
        rt_words_add(w, "the memory limit of the queues limits the run (%s waits %d %% for it): raise pipeline.memory",
                     s->name, memory);
    else if (room >= NOTABLE)
        rt_words_add(w, "the length of the queues limits the run (%s waits %d %% for room, yet no stage is busy more "
                     "than %d %%): raise pipeline.batches", s->name, room,
                     stage_percent(a, best, a->stage[best].busy));
    else
        rt_words_add(w, "no stage limits the run (%s is busiest, %d %%): the run is short, or the machine is busy with "
                     "other work", a->stage[best].name, stage_percent(a, best, a->stage[best].busy));
}

void rt_account_limit(const struct rt_account *a, char *text, size_t size)
{
    struct rt_words w = {text, size};
    uint64_t batches = 0;
    for (int i = 0; i < a->stages; i++)
        batches += a->stage[i].batches;
    if (batches == 0 || a->elapsed == 0) {
        rt_words_add(&w, "nothing has run yet");
        return;
    }
    int best = stage_busiest(a), busy = stage_percent(a, best, a->stage[best].busy);
    int loop = (int)(100 * (double)(a->source + a->sink) / (double)a->elapsed + 0.5);
    if (loop > busy && loop >= SATURATED)
        sentence_of_loop(&w, a, loop > 100 ? 100 : loop);
    else if (busy >= SATURATED)
        sentence_of_stage(&w, a, best);
    else
        sentence_of_waiting(&w, a, best);
}
