/* SPDX-License-Identifier: MIT
 * limit: the stage with the least idle time limits the run, since all others wait for it. When even that
 * one is idle half of the time, no stage does: then it is the loop thread, the memory limit, or
 * queues too short to even out batches of different cost. */
#include "pipeline/flow/limit.h"

#include <stdarg.h>
#include <stdio.h>

#define SATURATED 50 /* per cent busy below which a stage cannot be what limits the run */
#define NOTABLE 5    /* per cent of waiting below which a neighbour is not worth naming */

/* ---- what is compared ----
 * All shares are of the time that a stage's workers had together (workers times elapsed time), so a
 * stage with four workers and one with a single worker can be compared. Percentages are rounded
 * before they are compared: a sentence that names 50 % must not have been chosen for 49.6. */

/* Text under construction; what does not fit is cut. */
struct sentence {
    char *at;
    size_t left;
};

static void sentence_add(struct sentence *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void sentence_add(struct sentence *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left > 0 ? t->left - 1 : 0;
    t->at += used;
    t->left -= used;
}

/* Per cent of the time that all workers of stage i had. */
static int stage_percent(const struct rt_limit *l, int i, uint64_t time)
{
    double whole = (double)l->stage[i].offered;
    double percent = whole > 0 ? 100 * (double)time / whole : 0;
    return percent > 100 ? 100 : (int)(percent + 0.5);
}

static int stage_busiest(const struct rt_limit *l)
{
    int best = 0;
    for (int i = 1; i < l->stages; i++)
        if (stage_percent(l, i, l->stage[i].busy) >= stage_percent(l, best, l->stage[best].busy))
            best = i;
    return best;
}

/* ---- one sentence for each case ----
 * A number alone helps nobody who has not written the runner. So each case says who is busy, who
 * waits for whom because of it, and which setting to turn. A stage brings its own remedy
 * (rt_stage_ops). */

/* The stage limits: name it, the neighbours that stand still because of it, and the remedy. */
static void sentence_of_stage(struct sentence *t, const struct rt_limit *l, int best)
{
    const struct rt_stage_stats *s = &l->stage[best];
    sentence_add(t, "%s limits the run (", s->name);
    if (s->workers > 1)
        sentence_add(t, "%d workers ", s->workers);
    sentence_add(t, "busy %d %%", stage_percent(l, best, s->busy));
    for (int i = 0; i < l->stages; i++) {
        uint64_t waited = i < best ? l->stage[i].wait_out : l->stage[i].wait_in;
        if (i != best && stage_percent(l, i, waited) >= NOTABLE)
            sentence_add(t, ", %s waits %d %% for %s", l->stage[i].name,
                         stage_percent(l, i, waited), i < best ? "room" : "input");
    }
    sentence_add(t, ")");
    if (l->remedy[best])
        sentence_add(t, ": %s", l->remedy[best]);
}

static void sentence_of_loop(struct sentence *t, const struct rt_limit *l, int percent)
{
    int making = l->source >= l->sink;
    sentence_add(t, "the loop thread limits the run (busy %d %% with %s): %s", percent,
                 making ? "making batches" : "recording finished batches",
                 making ? "use larger batches (train.batch)"
                        : "use larger batches (train.batch) or put "
                          "the run directory on a faster disk");
}

static void sentence_of_waiting(struct sentence *t, const struct rt_limit *l, int best)
{
    int blocked = 0;
    for (int i = 1; i < l->stages; i++)
        if (stage_percent(l, i, l->stage[i].wait_out) >
            stage_percent(l, blocked, l->stage[blocked].wait_out))
            blocked = i;
    const struct rt_stage_stats *s = &l->stage[blocked];
    int memory = stage_percent(l, blocked, s->wait_memory),
        room = stage_percent(l, blocked, s->wait_out);
    if (memory >= NOTABLE && memory * 2 >= room)
        sentence_add(t,
                     "the memory limit of the queues limits the run (%s waits %d %% for it): raise "
                     "pipeline.memory",
                     s->name, memory);
    else if (room >= NOTABLE)
        sentence_add(
            t,
            "the length of the queues limits the run (%s waits %d %% for room, yet no stage is "
            "busy more than %d %%): raise pipeline.batches",
            s->name, room, stage_percent(l, best, l->stage[best].busy));
    else
        sentence_add(
            t,
            "no stage limits the run (%s is busiest, %d %%): the run is short, or the machine is "
            "busy with other work",
            l->stage[best].name, stage_percent(l, best, l->stage[best].busy));
}

void rt_limit_sentence(const struct rt_limit *l, char *text, size_t size)
{
    struct sentence t = {text, size};
    uint64_t batches = 0;
    for (int i = 0; i < l->stages; i++)
        batches += l->stage[i].batches;
    if (batches == 0 || l->elapsed == 0) {
        sentence_add(&t, "nothing has run yet");
        return;
    }
    int best = stage_busiest(l), busy = stage_percent(l, best, l->stage[best].busy);
    int loop = (int)(100 * (double)(l->source + l->sink) / (double)l->elapsed + 0.5);
    if (loop > busy && loop >= SATURATED)
        sentence_of_loop(&t, l, loop > 100 ? 100 : loop);
    else if (busy >= SATURATED)
        sentence_of_stage(&t, l, best);
    else
        sentence_of_waiting(&t, l, best);
}
