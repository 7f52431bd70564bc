/* SPDX-License-Identifier: MIT
 * rundb_read: queries of run.db. See rundb.h. */
#include "pipeline/run/rundb_parts.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----
 * Anybody may ask anything that reads; one statement that SQLite itself calls read-only is let
 * through. Cells as numbers are a second way beside texts: a screen that reads a million rows has
 * no use for digits. */

/* The next row, in the time that one may take. */
static int query_step(struct rt_rundb *r, sqlite3_stmt *s)
{
    rt_rundb_deadline(r, true);
    int code = sqlite3_step(s);
    rt_rundb_deadline(r, false);
    return code;
}

/* A text for which there is no memory is NULL, as one that is not there. */
static bool row_is_cut(struct rt_rundb *r)
{
    return (sqlite3_errcode(r->db) & 0xFF) == SQLITE_NOMEM;
}

static int rows_hand_out(struct rt_rundb *r, sqlite3_stmt *s,
                         int (*row)(void *self, int columns, const char **name, const char **value),
                         void *self, struct rt_error *e)
{
    int columns = sqlite3_column_count(s), more;
    const char **text = calloc(2 * (size_t)columns + 1, sizeof *text);
    if (!text)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", r->path);
    const char **value = text + columns;
    for (int i = 0; i < columns; i++)
        text[i] = sqlite3_column_name(s, i);
    while ((more = query_step(r, s)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++)
            value[i] = (const char *)sqlite3_column_text(s, i);
        if (row_is_cut(r))
            break;
        if (row(self, columns, text, value)) {
            more = SQLITE_DONE;
            break;
        }
    }
    free(text);
    return more == SQLITE_DONE ? 0 : rt_rundb_fail(r, e);
}

static int rows_hand_out_cells(struct rt_rundb *r, sqlite3_stmt *s,
                               int (*row)(void *self, int columns,
                                          const struct rt_rundb_cell *cell),
                               void *self, struct rt_error *e)
{
    int columns = sqlite3_column_count(s), more, said = 0;
    struct rt_rundb_cell *cell = calloc((size_t)columns + 1, sizeof *cell);
    if (!cell)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", r->path);
    while ((more = query_step(r, s)) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            int type = sqlite3_column_type(s, i);
            bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
            cell[i].number = number ? sqlite3_column_double(s, i) : (double)NAN;
            cell[i].text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(s, i) : NULL;
        }
        if (row_is_cut(r))
            break;
        if ((said = row(self, columns, cell))) {
            more = SQLITE_DONE;
            break;
        }
    }
    free(cell);
    if (said < 0)
        return rt_error_set(e, said, "%s: %s", r->path, rt_err_words(said));
    return more == SQLITE_DONE ? 0 : rt_rundb_fail(r, e);
}

/* One statement that changes nothing, ready to run. */
static int statement_prepare_reading(struct rt_rundb *r, const char *sql, sqlite3_stmt **s,
                                     struct rt_error *e)
{
    const char *rest = NULL;
    *s = NULL;
    if (sqlite3_prepare_v2(r->db, sql, -1, s, &rest) != SQLITE_OK)
        return rt_rundb_fail(r, e);
    if (!*s || !sqlite3_stmt_readonly(*s) || rest[strspn(rest, " \t\r\n;")])
        return rt_error_set(e, RT_EUSAGE, "%s: give one SQL statement that reads: %.200s", r->path, sql);
    return 0;
}

int rt_rundb_query(struct rt_rundb *r, const char *sql,
                   int (*row)(void *self, int columns, const char **name, const char **value),
                   void *self, struct rt_error *e)
{
    sqlite3_stmt *s;
    int code = statement_prepare_reading(r, sql, &s, e);
    if (code == 0)
        code = rows_hand_out(r, s, row, self, e);
    sqlite3_finalize(s);
    return code;
}

int rt_rundb_scan(struct rt_rundb *r, const char *sql,
                  int (*row)(void *self, int columns, const struct rt_rundb_cell *cell), void *self,
                  struct rt_error *e)
{
    sqlite3_stmt *s;
    int code = statement_prepare_reading(r, sql, &s, e);
    if (code == 0)
        code = rows_hand_out_cells(r, s, row, self, e);
    sqlite3_finalize(s);
    return code;
}

int rt_rundb_scan_maybe(struct rt_rundb *r, const char *sql,
                        int (*row)(void *self, int columns, const struct rt_rundb_cell *cell), void *self,
                        struct rt_error *e)
{
    int rc = rt_rundb_scan(r, sql, row, self, e);
    return rc == RT_EMEM ? rc : 0;
}

/* ---- one look ----
 * A screen or a list asks some thirty questions. Without a transaction each is answered from what stands there at that
 * moment, so that two figures beside each other may be of two updates, and each locks the file and looks whether it
 * has changed. */

void rt_rundb_look_end(struct rt_rundb *r)
{
    if (!sqlite3_get_autocommit(r->db)) /* an error may have ended it */
        sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
}

int rt_rundb_look_begin(struct rt_rundb *r, struct rt_error *e)
{
    rt_rundb_look_end(r); /* of the look before, where there was no memory to end it */
    return sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

int64_t rt_rundb_whole(const struct rt_rundb_cell *c, int64_t low, int64_t high, int64_t otherwise)
{
    bool fits = c->number >= (double)low && c->number <= (double)high && fabs(c->number) <= (double)RT_RUNDB_STEPS;
    return fits ? (int64_t)c->number : otherwise;
}
