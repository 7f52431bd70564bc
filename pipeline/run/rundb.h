/* SPDX-License-Identifier: MIT
 * rundb: a run's SQLite data base, run.db (WAL): what happened, readable by anyone while it runs.
 *
 *   meta(key PRIMARY KEY, value)                       version, program, manifest, started, state, ...
 *   metrics(step, epoch, split, name, value)           split '' for training steps; one value for each
 *           (name, split, step), a later one replaces it
 *   samples(row PRIMARY KEY, id, label, grp, split, hidden, reason, modality, detail, seen, quality,
 *           weight, predicted, p, p_label, correct, history (loss_history.h), <measure> REAL,
 *           <measure>_pct REAL ..., loss_<term> REAL,
 *           inside_<term> INT ...)
 *   journal(number, step, time, who, key, before, after)
 *   stages(name PRIMARY KEY, workers, batches, samples, busy, wait_in, wait_out, packed_in, packed_out,
 *           raw_out, wall, wait_memory, p50, p95, queue_waiting, queue_limit, queue_bytes, note)
 *           of the process that wrote last: seconds (sums over workers) and bytes
 *   clock(step PRIMARY KEY, seconds)                   how long training had gone on after a step, without the time
 *           between two processes of one run; a row a second at most, and one for each epoch
 * Written by one thread at a time. A transaction is open from the first write to rt_rundb_commit; what is
 * not committed is lost at close. Text may be NULL (then ""), a NaN becomes NULL. Errors: RT_EFULL (disk
 * full), RT_EBUSY, RT_EFORMAT (no data base of ours, or damaged), RT_EUSAGE, RT_EIO, RT_EMEM.
 * A file from anywhere may be opened: nothing that it holds is run, tables that readers count on have the columns and
 * types above, a row of more than 64 MiB is refused, and a query that finds no row for 20 s ends. Numbers in it may
 * still be any: rt_rundb_whole. */
#ifndef RT_RUNDB_H
#define RT_RUNDB_H

#include "formats/error.h"
#include "pipeline/flow/stage.h"
#include <stdint.h>

#define RT_RUNDB_COLUMNS 128

struct rt_rundb; /* opaque */

/* column: extra REAL columns of samples (measures, losses); those that an existing data base lacks are added, as are
 * those above that an older version did not write. RT_EUSAGE when two have one name, or one of the names above.
 * writable 0: opens an existing data base for reading; RT_EMISSING. */
int rt_rundb_open(struct rt_rundb **out, const char *path, const char *const *column, int columns,
                  int writable, struct rt_error *e);
/* As that for reading, of the run in a folder; RT_EMISSING says that the folder is none of a run. */
int rt_rundb_open_run(struct rt_rundb **out, const char *folder, struct rt_error *e);
void rt_rundb_close(struct rt_rundb *db);

int rt_rundb_meta(struct rt_rundb *db, const char *key, const char *value, struct rt_error *e);
int rt_rundb_metric(struct rt_rundb *db, int64_t step, int epoch, const char *split,
                    const char *name, double value, struct rt_error *e);
/* Writes the mean of metric `name` over the training steps after `after` up to `step` as that of `split`
 * at `step`, or nothing when there is none: so a resumed run counts what was before it, too. */
int rt_rundb_mean(struct rt_rundb *db, int64_t after, int64_t step, int epoch, const char *split,
                  const char *name, struct rt_error *e);
int rt_rundb_clock(struct rt_rundb *db, int64_t step, double seconds, struct rt_error *e);
/* Forgets metrics, clock and journal rows after step, and the figures of the end (resume). */
int rt_rundb_rewind(struct rt_rundb *db, int64_t step, struct rt_error *e);

struct rt_sample_row {
    int row;
    const char *id, *label, *group, *split;
    int hidden;
    const char *reason, *modality, *detail; /* "" = usable */
    int64_t seen;
    double quality, weight; /* that of distillation */
    const char *predicted;  /* class that the last evaluation gave; NULL = not evaluated, and the next three are none */
    double p, p_label;      /* probability of that class, and of the label */
    int correct;            /* 1 or 0; -1 = there is no label */
    const double *value; /* [columns], NaN = NULL */
};
int rt_rundb_sample(struct rt_rundb *db, const struct rt_sample_row *s, struct rt_error *e);
int rt_rundb_journal(struct rt_rundb *db, int64_t step, const char *who, const char *key,
                     const char *before, const char *after, struct rt_error *e);
/* A stage's account of the run so far; wall: seconds since the first batch; note: words about it, or "". */
int rt_rundb_stage(struct rt_rundb *db, const struct rt_stage_stats *s, double wall, const char *note,
                   struct rt_error *e);
int rt_rundb_commit(struct rt_rundb *db, struct rt_error *e);

/* Reading: runs sql, one statement that changes nothing, and calls row for each result row, values as text
 * (NULL = SQL NULL). A nonzero return from row ends it. */
int rt_rundb_query(struct rt_rundb *db, const char *sql,
                   int (*row)(void *self, int columns, const char **name, const char **value),
                   void *self, struct rt_error *e);

/* As query, without making text of numbers (many rows): text is NULL unless the value is text, number is
 * NaN unless it is a number. A cell stands until row returns. */
struct rt_rundb_cell {
    const char *text;
    double number;
};
/* row: 0 goes on, 1 ends it; a negative code ends it with that error. */
int rt_rundb_scan(struct rt_rundb *db, const char *sql,
                  int (*row)(void *self, int columns, const struct rt_rundb_cell *cell), void *self,
                  struct rt_error *e);
/* As scan, of what a run may do without: a table that an older retort did not write, or that is damaged, has no rows.
 * But RT_EMEM: what there is no memory for is not taken for what is not there. */
int rt_rundb_scan_maybe(struct rt_rundb *db, const char *sql,
                        int (*row)(void *self, int columns, const struct rt_rundb_cell *cell), void *self,
                        struct rt_error *e);
/* What is read between these two is of one moment, whatever the run writes meanwhile. Of a data base that was opened
 * for reading; a look that is not ended ends with rt_rundb_close. */
int rt_rundb_look_begin(struct rt_rundb *db, struct rt_error *e);
void rt_rundb_look_end(struct rt_rundb *db);

#define RT_RUNDB_STEPS INT64_C(1000000000000000) /* no step is greater: a double holds it, sums of it fit */
/* A cell as a whole number; not one, beyond RT_RUNDB_STEPS, or outside of low to high: otherwise. */
int64_t rt_rundb_whole(const struct rt_rundb_cell *c, int64_t low, int64_t high, int64_t otherwise);

#endif
