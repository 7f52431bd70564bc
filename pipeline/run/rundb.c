/* SPDX-License-Identifier: MIT
 * rundb: prepared statements over one SQLite connection. Reading is rundb_read.c.
 * A transaction begins with the first write after a commit, so readers in other processes see whole
 * epochs, and WAL lets them read while it is open. What is not committed is lost at close. */
#include "pipeline/run/rundb_parts.h"
#include "pipeline/run/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define VERSION 1      /* of the tables; kept in PRAGMA user_version */
#define PATIENCE 10000 /* ms to wait for another process's lock */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS metrics(step INTEGER, epoch INTEGER, split TEXT, name TEXT, value REAL,"
    " PRIMARY KEY(name, split, step)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS samples(row INTEGER PRIMARY KEY, id TEXT, label TEXT, grp TEXT,"
    " split TEXT, hidden INTEGER, reason TEXT, modality TEXT, detail TEXT, seen INTEGER, quality REAL,"
    " weight REAL, predicted TEXT, p REAL, p_label REAL, correct INTEGER);"
    "CREATE TABLE IF NOT EXISTS journal(number INTEGER PRIMARY KEY, step INTEGER, time REAL, who TEXT,"
    " key TEXT, before TEXT, after TEXT);"
    "CREATE TABLE IF NOT EXISTS stages(name TEXT PRIMARY KEY, workers INTEGER, batches INTEGER,"
    " samples INTEGER, busy REAL, wait_in REAL, wait_out REAL, packed_in INTEGER, packed_out INTEGER,"
    " raw_out INTEGER, wall REAL, wait_memory REAL, p50 REAL, p95 REAL, queue_waiting INTEGER,"
    " queue_limit INTEGER, queue_bytes INTEGER, note TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS clock(step INTEGER PRIMARY KEY, seconds REAL);";

/* Columns of samples before the extra ones. */
static const char *const fixed[] = {"row", "id", "label", "grp", "split", "hidden", "reason",
                                    "modality", "detail", "seen", "quality", "weight", "predicted",
                                    "p", "p_label", "correct"};
#define SAMPLE_FIXED ((int)(sizeof fixed / sizeof *fixed))

static const char *const insert[RT_RUNDB_STATEMENTS] = {
    [RT_RUNDB_META] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)",
    [RT_RUNDB_METRIC] = "INSERT OR REPLACE INTO metrics(step, epoch, split, name, value) VALUES(?, ?, ?, ?, ?)",
    [RT_RUNDB_MEAN] = "INSERT OR REPLACE INTO metrics(step, epoch, split, name, value) SELECT ?1, ?2, ?3, ?4,"
             " avg(value) FROM metrics WHERE name=?4 AND split='' AND step>?5 AND step<=?1"
             " HAVING count(value)>0",
    [RT_RUNDB_JOURNAL] = "INSERT INTO journal(step, time, who, key, before, after) VALUES(?, ?, ?, ?, ?, ?)",
    [RT_RUNDB_STAGE] = "INSERT OR REPLACE INTO stages(name, workers, batches, samples, busy, wait_in, wait_out,"
              " packed_in, packed_out, raw_out, wall, wait_memory, p50, p95, queue_waiting, queue_limit,"
              " queue_bytes, note) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [RT_RUNDB_CLOCK] = "INSERT OR REPLACE INTO clock(step, seconds) VALUES(?, ?)",
};

static int rundb_exec(struct rt_rundb *r, const char *sql, struct rt_error *e)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

/* ---- opening ----
 * Columns of measures and losses differ between runs, and a run that goes on may have new ones:
 * tables are made or added to in one transaction, so a process killed here leaves the old ones.
 * synchronous=NORMAL is enough with WAL: a crash of the machine may lose the last commits, which a
 * resumed run makes again, and never tears the file. */

/* The value of a one-number query, or fallback. */
static int rundb_number(struct rt_rundb *r, const char *sql, int fallback)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        fallback = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return fallback;
}

/* Frees sql, which may be NULL. */
static int rundb_exec_made(struct rt_rundb *r, char *sql, struct rt_error *e)
{
    int code = sql ? rundb_exec(r, sql, e) : rt_error_set(e, RT_EMEM, "%s: out of memory", r->path);
    sqlite3_free(sql);
    return code;
}

/* SQLite would take two columns of one name (in its sense: case does not count) for one. */
static int columns_check(const struct rt_rundb *r, const char *const *column, int columns,
                         struct rt_error *e)
{
    for (int i = 0; i < columns; i++)
        for (int k = 0; k < SAMPLE_FIXED + i; k++)
            if (strcasecmp(column[i], k < SAMPLE_FIXED ? fixed[k] : column[k - SAMPLE_FIXED]) == 0)
                return rt_error_set(e, RT_EUSAGE, "%s: two columns of samples called \"%s\": rename "
                                    "one", r->path, column[i]);
    return 0;
}

/* 1, 0, or why it could not be asked: taken for "no", it would be added twice. */
static int column_find(struct rt_rundb *r, const char *table, const char *column, struct rt_error *e)
{
    char *sql = sqlite3_mprintf("SELECT count(*) FROM pragma_table_info(%Q) WHERE name=%Q COLLATE NOCASE", table,
                                column);
    if (!sql)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", r->path);
    int there = rundb_number(r, sql, -1);
    sqlite3_free(sql);
    return there < 0 ? rt_rundb_fail(r, e) : there;
}

/* Adds those columns that a table does not have yet: extra ones, and fixed ones that came after the data base. */
static int columns_add(struct rt_rundb *r, const char *table, const char *const *column, int columns, const char *type,
                       struct rt_error *e)
{
    for (int i = 0; i < columns; i++) {
        int there = column_find(r, table, column[i], e);
        RT_TRY(there);
        if (there == 0)
            RT_TRY(rundb_exec_made(r, sqlite3_mprintf("ALTER TABLE \"%w\" ADD COLUMN \"%w\" %s", table, column[i],
                                                      type), e));
    }
    return 0;
}

/* All that is written and that rt_rundb_check does not demand of a data base which an older version made. Of `stages`
 * that is everything but the name: what the process before this one wrote there is written anew. */
static int columns_add_later(struct rt_rundb *r, struct rt_error *e)
{
    static const char *const predicted[] = {"predicted"}, *const answer[] = {"p", "p_label", "correct"},
        *const count[] = {"workers", "batches", "samples", "packed_in", "packed_out", "raw_out", "queue_waiting",
                          "queue_limit", "queue_bytes"},
        *const seconds[] = {"busy", "wait_in", "wait_out", "wall", "wait_memory", "p50", "p95"},
        *const note[] = {"note"};
    RT_TRY(columns_add(r, "samples", predicted, 1, "TEXT", e));
    RT_TRY(columns_add(r, "samples", answer, 3, "REAL", e));
    RT_TRY(columns_add(r, "stages", count, sizeof count / sizeof *count, "INTEGER", e));
    RT_TRY(columns_add(r, "stages", seconds, sizeof seconds / sizeof *seconds, "REAL", e));
    return columns_add(r, "stages", note, 1, "TEXT", e);
}

/* INSERT OR REPLACE INTO samples(row, ..., "extra"...) VALUES(?, ...) */
static char *sample_insert(const char *const *column, int columns)
{
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendall(s, "INSERT OR REPLACE INTO samples(");
    for (int i = 0; i < SAMPLE_FIXED + columns; i++)
        sqlite3_str_appendf(s, "%s\"%w\"", i ? ", " : "",
                            i < SAMPLE_FIXED ? fixed[i] : column[i - SAMPLE_FIXED]);
    sqlite3_str_appendall(s, ") VALUES(?");
    for (int i = 1; i < SAMPLE_FIXED + columns; i++)
        sqlite3_str_appendall(s, ", ?");
    sqlite3_str_appendall(s, ")");
    return sqlite3_str_finish(s);
}

static int statements_prepare(struct rt_rundb *r, const char *const *column, int columns,
                              struct rt_error *e)
{
    for (int i = 0; i < RT_RUNDB_STATEMENTS; i++) {
        char *made = i == RT_RUNDB_SAMPLE ? sample_insert(column, columns) : NULL;
        const char *sql = i == RT_RUNDB_SAMPLE ? made : insert[i];
        int code = !sql ? rt_error_set(e, RT_EMEM, "%s: out of memory", r->path)
                   : sqlite3_prepare_v3(r->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->statement[i],
                                        NULL) == SQLITE_OK
                       ? 0
                       : rt_rundb_fail(r, e);
        sqlite3_free(made);
        if (code < 0)
            return code;
    }
    return 0;
}

/* Makes the tables, or adds what is missing, all or nothing. */
static int tables_make(struct rt_rundb *r, const char *const *column, int columns,
                       struct rt_error *e)
{
    RT_TRY(rundb_exec(r, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE", e));
    RT_TRY(rundb_exec(r, schema, e));
    RT_TRY(columns_add_later(r, e));
    RT_TRY(columns_add(r, "samples", column, columns, "REAL", e));
    return rundb_exec_made(r,
                           sqlite3_mprintf("PRAGMA user_version=%d; INSERT OR REPLACE INTO meta"
                                           " VALUES('version', '%d'); COMMIT",
                                           VERSION, VERSION),
                           e);
}

static int tables_open(struct rt_rundb *r, const char *const *column, int columns, int writable,
                       struct rt_error *e)
{
    sqlite3_busy_timeout(r->db, PATIENCE);
    rt_rundb_distrust(r);
    int version = rundb_number(r, "PRAGMA user_version", -1);
    if (version < 0)
        return rt_rundb_fail(r, e);
    if (version > VERSION)
        return rt_error_set(e, RT_EFORMAT, "%s: made by a newer retort (tables of version %d, this one "
                            "knows %d): use that one", r->path, version, VERSION);
    if (!writable)
        return rt_rundb_check(r, e);
    RT_TRY(columns_check(r, column, columns, e));
    RT_TRY(tables_make(r, column, columns, e));
    RT_TRY(rt_rundb_check(r, e));
    return statements_prepare(r, column, columns, e);
}

/* A reader of a data base with a WAL makes files beside it. In a folder that is somebody else's, or on a medium that
 * cannot be written, it cannot; a run that has ended has no WAL, and its file can be read as one that does not change.
 * While there is a WAL a run may go on, and what was written last is there: then SQLite has to do it in its own way. */
static bool db_is_still(const char *path)
{
    char beside[RT_RUN_PATH + 8], *slash;
    snprintf(beside, sizeof beside, "%.*s-wal", RT_RUN_PATH, path);
    if (access(beside, F_OK) == 0)
        return false;
    slash = strrchr(beside, '/');
    if (slash)
        slash[slash == beside] = '\0';
    return faccessat(AT_FDCWD, slash ? beside : ".", W_OK, AT_EACCESS) != 0;
}

static int db_open(struct rt_rundb *r, int flags)
{
    char uri[3 * RT_RUN_PATH + 32] = "file:";
    size_t at = strlen(uri);
    if (!(flags & SQLITE_OPEN_READONLY) || !db_is_still(r->path))
        return sqlite3_open_v2(r->path, &r->db, flags, NULL);
    for (const char *c = r->path; *c && at < sizeof uri - 32; c++)
        at += (size_t)sprintf(uri + at, strchr("?#%", *c) ? "%%%02X" : "%c", (unsigned char)*c);
    strcpy(uri + at, "?immutable=1");
    return sqlite3_open_v2(uri, &r->db, flags | SQLITE_OPEN_URI, NULL);
}

int rt_rundb_open(struct rt_rundb **out, const char *path, const char *const *column, int columns,
                  int writable, struct rt_error *e)
{
    *out = NULL;
    if (columns < 0 || columns > RT_RUNDB_COLUMNS)
        return rt_error_set(e, RT_ERANGE, "%s: %d columns of samples; the limit is %d", path, columns,
                            RT_RUNDB_COLUMNS);
    if (!writable && access(path, R_OK))
        return rt_error_errno(e, "cannot read", path);
    struct rt_rundb *r = calloc(1, sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    snprintf(r->path, sizeof r->path, "%s", path);
    r->columns = columns;
    int flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    /* One thread at a time: without SQLite's own locks a large table is read in two thirds of the time. */
    int code = db_open(r, flags | SQLITE_OPEN_NOMUTEX) == SQLITE_OK
                   ? tables_open(r, column, columns, writable, e)
                   : rt_rundb_fail(r, e);
    if (code < 0)
        rt_rundb_close(r);
    else
        *out = r;
    return code;
}

/* Of the runs directly in a folder the first by name, as it is to be written; "" = none. */
static const char *folder_first_run(const char *folder, char path[RT_RUN_PATH])
{
    struct dirent **entry;
    bool found = false;
    int count = scandir(folder, &entry, NULL, versionsort);
    for (int i = 0; i < count; i++) {
        int n = found ? 0 : snprintf(path, RT_RUN_PATH, "%s/%s", folder, entry[i]->d_name);
        found |= entry[i]->d_name[0] != '.' && n < RT_RUN_PATH && rt_run_file_exists(path, RT_RUN_DB);
        free(entry[i]);
    }
    if (count > 0)
        free(entry);
    return found ? path : "";
}

int rt_rundb_open_run(struct rt_rundb **out, const char *folder, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    int code = rt_rundb_open(out, rt_run_file_path(folder, RT_RUN_DB, path, sizeof path), NULL, 0, 0, e);
    if (code == RT_EMISSING) {
        const char *in = folder_first_run(folder, path);
        rt_error_set(e, code, "%s: not the folder of a run (it holds no %s)%s%s%s", folder, rt_run_file_name(RT_RUN_DB),
                     *in ? "; did you mean " : "", in, *in ? "?" : "");
    }
    return code;
}

void rt_rundb_close(struct rt_rundb *r)
{
    if (!r)
        return;
    for (int i = 0; i < RT_RUNDB_STATEMENTS; i++)
        sqlite3_finalize(r->statement[i]);
    sqlite3_close(r->db); /* rolls back what is not committed */
    free(r);
}

/* ---- writing ----
 * Statements are prepared once: a run writes some ten rows for each update. Texts are bound by
 * reference and forgotten after each row. What belongs together (an epoch, a report of the stages)
 * is one transaction, ended by whoever knows what belongs together. */

/* The statement with nothing bound, inside a transaction. */
static int statement_begin(struct rt_rundb *r, int which, sqlite3_stmt **s, struct rt_error *e)
{
    *s = r->statement[which];
    if (!*s)
        return rt_error_set(e, RT_EUSAGE, "%s: opened for reading", r->path);
    return sqlite3_get_autocommit(r->db) ? rundb_exec(r, "BEGIN IMMEDIATE", e) : 0;
}

static int statement_run(struct rt_rundb *r, sqlite3_stmt *s, struct rt_error *e)
{
    int code = sqlite3_step(s) == SQLITE_DONE ? 0 : rt_rundb_fail(r, e);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s); /* texts were bound by reference */
    return code;
}

static void statement_bind_text(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text ? text : "", -1, SQLITE_STATIC);
}

int rt_rundb_meta(struct rt_rundb *r, const char *key, const char *value, struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_META, &s, e));
    statement_bind_text(s, 1, key);
    statement_bind_text(s, 2, value);
    return statement_run(r, s, e);
}

int rt_rundb_metric(struct rt_rundb *r, int64_t step, int epoch, const char *split, const char *name,
                    double value, struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_METRIC, &s, e));
    sqlite3_bind_int64(s, 1, step);
    sqlite3_bind_int(s, 2, epoch);
    statement_bind_text(s, 3, split);
    statement_bind_text(s, 4, name);
    sqlite3_bind_double(s, 5, value); /* NaN becomes NULL */
    return statement_run(r, s, e);
}

int rt_rundb_clock(struct rt_rundb *r, int64_t step, double seconds, struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_CLOCK, &s, e));
    sqlite3_bind_int64(s, 1, step);
    sqlite3_bind_double(s, 2, seconds);
    return statement_run(r, s, e);
}

int rt_rundb_mean(struct rt_rundb *r, int64_t after, int64_t step, int epoch, const char *split,
                  const char *name, struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_MEAN, &s, e));
    sqlite3_bind_int64(s, 1, step);
    sqlite3_bind_int(s, 2, epoch);
    statement_bind_text(s, 3, split);
    statement_bind_text(s, 4, name);
    sqlite3_bind_int64(s, 5, after);
    return statement_run(r, s, e);
}

int rt_rundb_sample(struct rt_rundb *r, const struct rt_sample_row *w, struct rt_error *e)
{
    sqlite3_stmt *s;
    int at = 1;
    RT_TRY(statement_begin(r, RT_RUNDB_SAMPLE, &s, e));
    sqlite3_bind_int(s, at++, w->row);
    statement_bind_text(s, at++, w->id);
    statement_bind_text(s, at++, w->label);
    statement_bind_text(s, at++, w->group);
    statement_bind_text(s, at++, w->split);
    sqlite3_bind_int(s, at++, w->hidden);
    statement_bind_text(s, at++, w->reason);
    statement_bind_text(s, at++, w->modality);
    statement_bind_text(s, at++, w->detail);
    sqlite3_bind_int64(s, at++, w->seen);
    sqlite3_bind_double(s, at++, w->quality);
    sqlite3_bind_double(s, at++, w->weight);
    sqlite3_bind_text(s, at++, w->predicted, -1, SQLITE_STATIC); /* NULL stays NULL */
    sqlite3_bind_double(s, at++, w->predicted ? w->p : NAN);
    sqlite3_bind_double(s, at++, w->predicted ? w->p_label : NAN);
    if (w->predicted && w->correct >= 0)
        sqlite3_bind_int(s, at, w->correct);
    at++;
    for (int i = 0; i < r->columns; i++, at++) /* most are NULL, as they are already */
        if (!isnan(w->value[i]))
            sqlite3_bind_double(s, at, w->value[i]);
    return statement_run(r, s, e);
}

int rt_rundb_journal(struct rt_rundb *r, int64_t step, const char *who, const char *key,
                     const char *before, const char *after, struct rt_error *e)
{
    sqlite3_stmt *s;
    struct timespec now;
    RT_TRY(statement_begin(r, RT_RUNDB_JOURNAL, &s, e));
    clock_gettime(CLOCK_REALTIME, &now);
    sqlite3_bind_int64(s, 1, step);
    sqlite3_bind_double(s, 2, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    statement_bind_text(s, 3, who);
    statement_bind_text(s, 4, key);
    statement_bind_text(s, 5, before);
    statement_bind_text(s, 6, after);
    return statement_run(r, s, e);
}

int rt_rundb_stage(struct rt_rundb *r, const struct rt_stage_stats *t, double wall, const char *note,
                   struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_STAGE, &s, e));
    statement_bind_text(s, 1, t->name);
    sqlite3_bind_int(s, 2, t->workers);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)t->batches);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)t->samples);
    sqlite3_bind_double(s, 5, 1e-9 * (double)t->busy);
    sqlite3_bind_double(s, 6, 1e-9 * (double)t->wait_in);
    sqlite3_bind_double(s, 7, 1e-9 * (double)t->wait_out);
    sqlite3_bind_int64(s, 8, (sqlite3_int64)t->bytes_in);
    sqlite3_bind_int64(s, 9, (sqlite3_int64)t->bytes_out);
    sqlite3_bind_int64(s, 10, (sqlite3_int64)t->raw_out);
    sqlite3_bind_double(s, 11, wall);
    sqlite3_bind_double(s, 12, 1e-9 * (double)t->wait_memory);
    sqlite3_bind_double(s, 13, 1e-9 * (double)t->p50);
    sqlite3_bind_double(s, 14, 1e-9 * (double)t->p95);
    sqlite3_bind_int(s, 15, t->queue_waiting);
    sqlite3_bind_int(s, 16, t->queue_limit);
    sqlite3_bind_int64(s, 17, (sqlite3_int64)t->queue_bytes);
    statement_bind_text(s, 18, note);
    return statement_run(r, s, e);
}

int rt_rundb_rewind(struct rt_rundb *r, int64_t step, struct rt_error *e)
{
    sqlite3_stmt *s;
    RT_TRY(statement_begin(r, RT_RUNDB_META, &s, e));
    return rundb_exec_made(r,
                           sqlite3_mprintf("DELETE FROM metrics WHERE step > %lld OR name LIKE 'final.%%';"
                                           "DELETE FROM journal WHERE step > %lld;"
                                           "DELETE FROM clock WHERE step > %lld",
                                           (long long)step, (long long)step, (long long)step),
                           e);
}

int rt_rundb_commit(struct rt_rundb *r, struct rt_error *e)
{
    return sqlite3_get_autocommit(r->db) ? 0 : rundb_exec(r, "COMMIT", e);
}
