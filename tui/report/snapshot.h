/* SPDX-License-Identifier: MIT
 * snapshot: what the screens show: a snapshot of a run folder, read from run.db and recipe.yaml alone, so
 * the run need not know that anybody looks. Nothing is read twice: poll asks SQLite whether anybody
 * has committed, then takes only the steps after the last one known. Samples come in pieces, so that
 * no poll takes long however many there are. One thread. */
#ifndef RT_SNAPSHOT_H
#define RT_SNAPSHOT_H

#include "formats/error.h"
#include "formats/recipe.h"
#include "pipeline/data/table.h"
#include "tui/report/series.h"

#include <stdint.h>

#define RT_SERIES 160
#define RT_STAGES 16

struct rt_stage_row {
    char name[32];
    int workers;
    int64_t batches, samples, packed_in, packed_out, raw_out;
    double busy, wait_in, wait_out, wall; /* seconds, sums over workers but for wall */
    double p50, p95;                      /* seconds of a batch, of the last ones */
    int queue_waiting, queue_limit;       /* batches in the queue before it */
    int64_t queue_bytes;
    char note[100];
};

struct rt_journal_row {
    int64_t step;
    double time; /* seconds since 1970 */
    char who[32];
    char *key, *before, *after; /* owned by the snapshot */
};

struct rt_snapshot {
    char folder[4096];
    struct rt_rundb *db;
    struct rt_recipe *recipe; /* NULL while there is no readable recipe.yaml */
    char state[32];           /* as run.db has it; "ended early" when its process is gone */
    bool live;
    int series_count;
    struct rt_series series[RT_SERIES];
    struct rt_series clock;   /* seconds of training by step; none of a run that an older retort made */
    int stage_count;
    struct rt_stage_row stage[RT_STAGES]; /* of the last seconds while it goes on, else of the whole run */
    char manifest[4096];      /* the run's, "" = not known */
    int64_t marks;            /* another number than before: marks of samples were written (run_marks.h) */
    char limit[400];          /* in words what limits the run, "" = not known */
    char ranks[4000];         /* of several ranks a line for each, what it does and waits for; "" = one */
    int journal_count, journal_room;
    struct rt_journal_row *journal;
    struct rt_table samples;  /* all columns but those that no sample has a value in */
    int loaded;               /* rows read so far, of samples.rows */
    unsigned samples_version; /* rises when a reading of all samples is complete */
    int64_t step, steps;      /* last seen, and the run's length (0 = not known yet) */
    int epochs;               /* 0 = not known */
    double rate;              /* samples per second; NaN = not known */
    /* private to snapshot.c */
    long long version;        /* of the data base at the last poll, -1 = never */
    int64_t first_step;
    double first_time, checked;
    bool loading, stale; /* samples: being read; not the newest */
    bool more;           /* points of curves are left to read */
    struct rt_stage_row whole[3][RT_STAGES]; /* last read, and those read some seconds before */
    double load_began, load_ended;
};

/* The folder of a run. RT_EMISSING when it holds no run.db. m is zeroed by open, fini after any open. */
int rt_snapshot_open(struct rt_snapshot *m, const char *folder, struct rt_error *e);
void rt_snapshot_fini(struct rt_snapshot *m);
/* Reads what is new; of a cleared one, which is of no run, nothing. 1: something changed; 0: nothing; negative: an
 * error (what was read stands). samples: they are wanted too (they are read only then). Of long curves and tables
 * one poll reads a part. */
int rt_snapshot_poll(struct rt_snapshot *m, bool samples, struct rt_error *e);
/* Something is left to be read: poll again soon. */
bool rt_snapshot_busy(const struct rt_snapshot *m);

const struct rt_series *rt_snapshot_series(const struct rt_snapshot *m, const char *split, const char *name);
/* The stage that is busy for the greatest share of the time; NULL when none is for half of it, or nothing is known. */
const struct rt_stage_row *rt_snapshot_limiting(const struct rt_snapshot *m);

#endif
