/* SPDX-License-Identifier: MIT
 * run_marks: see run_marks.h. Writes by a connection of its own: that of rundb.h belongs to a run, and brings the
 * whole file to the form that a run needs. */
#include "pipeline/run/run_marks.h"

#include "pipeline/run/rundb_parts.h"
#include "pipeline/run/rundir.h"

#include <string.h>

#define PATIENCE 200 /* ms for another program's lock: a person waits */

struct marks {
    uint8_t *mark;
    int rows;
};

static int marks_take(void *self, int columns, const struct rt_rundb_cell *cell)
{
    struct marks *m = self;
    (void)columns;
    int64_t row = rt_rundb_whole(&cell[0], 0, INT32_MAX, -1);
    if (row >= 0 && row < m->rows)
        m->mark[row] = (uint8_t)rt_rundb_whole(&cell[1], 0, RT_MARK_ALL, 0);
    return 0;
}

int rt_run_marks_load(const char *folder, uint8_t *mark, int rows, struct rt_error *e)
{
    struct rt_rundb *db = NULL;
    struct marks m = {mark, rows};
    memset(mark, 0, (size_t)rows);
    RT_TRY(rt_rundb_open_run(&db, folder, e));
    int rc = rt_rundb_scan_maybe(db, "SELECT row, what FROM marks", marks_take, &m, e);
    rt_rundb_close(db);
    return rc;
}

/* ---- writing ----
 * Row by row, and those alone that somebody changed: several may look at a run, and none knows the marks that another
 * has set since. */

static const char marks_table[] = "CREATE TABLE IF NOT EXISTS marks(row INTEGER PRIMARY KEY, what INTEGER)";

static int marks_exec(struct rt_rundb *r, const char *sql, struct rt_error *e)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

/* For a row: 1 its number, 2 what it gets, 3 what stays of what it had. */
static int marks_prepare(struct rt_rundb *r, sqlite3_stmt **s, struct rt_error *e)
{
    static const char put[] = "INSERT INTO marks(row, what) VALUES(?1, ?2) ON CONFLICT(row) DO UPDATE"
                              " SET what = what & ?3 | ?2";
    RT_TRY(marks_exec(r, marks_table, e));
    return sqlite3_prepare_v2(r->db, put, -1, s, NULL) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

static int marks_put(struct rt_rundb *r, sqlite3_stmt *s, int row, int what, int stays, struct rt_error *e)
{
    sqlite3_bind_int(s, 1, row);
    sqlite3_bind_int(s, 2, what);
    sqlite3_bind_int(s, 3, stays);
    return sqlite3_step(s) == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

/* Rows without anything are not kept. Whoever looks on reads the table again only when the number has risen. */
static int marks_finish(struct rt_rundb *r, sqlite3_stmt *s, int rc, struct rt_error *e)
{
    static const char end[] = "DELETE FROM marks WHERE what = 0; INSERT INTO meta(key, value) VALUES('marks', 1)"
                              " ON CONFLICT(key) DO UPDATE SET value = value + 1";
    sqlite3_finalize(s);
    return rc < 0 ? rc : marks_exec(r, end, e);
}

static int marks_write(struct rt_rundb *r, const uint8_t *mark, const uint8_t *before, int rows, struct rt_error *e)
{
    sqlite3_busy_timeout(r->db, PATIENCE);
    rt_rundb_distrust(r);
    RT_TRY(rt_rundb_check(r, e)); /* a table of this name is one, before anything is written to it */
    sqlite3_stmt *put = NULL;
    RT_TRY(marks_exec(r, "BEGIN IMMEDIATE", e));
    int rc = marks_prepare(r, &put, e);
    for (int row = 0; rc == 0 && row < rows; row++)
        if (mark[row] != before[row])
            rc = marks_put(r, put, row, mark[row], 0, e);
    RT_TRY(marks_finish(r, put, rc, e));
    return marks_exec(r, "COMMIT", e);
}

int rt_run_marks_save(const char *folder, const uint8_t *mark, uint8_t *before, int rows, struct rt_error *e)
{
    struct rt_rundb r = {0};
    if (rt_rundir_writer(folder))
        return rt_error_set(e, RT_EBUSY, "%s: the run goes on, and keeps marks itself", folder);
    rt_run_file_path(folder, RT_RUN_DB, r.path, sizeof r.path);
    int rc = sqlite3_open_v2(r.path, &r.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK
                 ? marks_write(&r, mark, before, rows, e) : rt_rundb_fail(&r, e);
    sqlite3_close(r.db); /* rolls back what is not committed */
    if (rc == 0)
        memcpy(before, mark, (size_t)rows);
    return rc;
}

/* What else was noted of a row stays. */
int rt_run_marks_note(struct rt_rundb *r, const uint8_t *asked, int rows, struct rt_error *e)
{
    sqlite3_stmt *put = NULL;
    if (sqlite3_get_autocommit(r->db))
        RT_TRY(marks_exec(r, "BEGIN IMMEDIATE", e));
    int rc = marks_prepare(r, &put, e);
    for (int row = 0; rc == 0 && row < rows; row++)
        if (asked[row])
            rc = marks_put(r, put, row, asked[row] == RT_MARK_SET ? RT_MARK_ON : 0, RT_MARK_ALL & ~RT_MARK_ON, e);
    return marks_finish(r, put, rc, e);
}
