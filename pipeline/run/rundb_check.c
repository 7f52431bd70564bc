/* SPDX-License-Identifier: MIT
 * rundb_check: what run.db must be before it is believed. A run folder may come from anybody, so what is in the file
 * is data and never code, and nothing that is asked of it may take for ever. See rundb_parts.h. */
#include "pipeline/run/rundb_parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#define LARGEST (64 << 20) /* bytes of a row: the states of a million samples in one change are 8 MiB */
#define OPERATIONS 4000    /* of SQLite's machine, between two looks at the clock */
#define IDLE_NS UINT64_C(20000000000) /* for a row that does not come: a slow disk's, not a loop without end */

/* ---- nothing of the file is run ----
 * A schema can hold views that never end, triggers, and functions in defaults and generated columns. None of it is
 * ours: what SQLite can switch off is off, and what is left is found by rt_rundb_check. The limit on rows is also one
 * on what a reader has to hold. */

static int query_is_late(void *self)
{
    const struct rt_rundb *r = self;
    return r->deadline && uv_hrtime() > r->deadline;
}

void rt_rundb_deadline(struct rt_rundb *r, bool on)
{
    r->deadline = on ? uv_hrtime() + IDLE_NS : 0;
}

void rt_rundb_distrust(struct rt_rundb *r)
{
    static const struct {
        int option, value;
    } off[] = {{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
               {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        sqlite3_db_config(r->db, off[i].option, off[i].value, NULL);
    sqlite3_limit(r->db, SQLITE_LIMIT_LENGTH, LARGEST);
    sqlite3_progress_handler(r->db, OPERATIONS, query_is_late, r);
}

/* ---- tables with their columns ----
 * What any reader counts on, in one place, so that no reader has to ask: a table and not a view or a virtual one,
 * columns that are stored and not computed, of the type that was declared, found by the key they are searched by.
 * Columns that came later, and the whole of `stages`, may be missing: readers ask for them by name. */

static const struct column {
    const char *table, *name, *type;
    int key; /* its place in the primary key, from 1; 0 = none */
} demanded[] = {
    {"samples", "row", "INTEGER", 1},    {"samples", "id", "TEXT", 0},        {"samples", "label", "TEXT", 0},
    {"samples", "grp", "TEXT", 0},       {"samples", "split", "TEXT", 0},     {"samples", "hidden", "INTEGER", 0},
    {"samples", "reason", "TEXT", 0},    {"samples", "modality", "TEXT", 0},  {"samples", "detail", "TEXT", 0},
    {"samples", "seen", "INTEGER", 0},   {"samples", "quality", "REAL", 0},   {"samples", "weight", "REAL", 0},
    {"meta", "key", "TEXT", 1},          {"meta", "value", "TEXT", 0},
    {"metrics", "step", "INTEGER", 3},   {"metrics", "epoch", "INTEGER", 0},  {"metrics", "split", "TEXT", 2},
    {"metrics", "name", "TEXT", 1},      {"metrics", "value", "REAL", 0},
    {"journal", "number", "INTEGER", 1}, {"journal", "step", "INTEGER", 0},   {"journal", "time", "REAL", 0},
    {"journal", "who", "TEXT", 0},       {"journal", "key", "TEXT", 0},       {"journal", "before", "TEXT", 0},
    {"journal", "after", "TEXT", 0},     {"stages", "name", "TEXT", 1},
    {"marks", "row", "INTEGER", 1},      {"marks", "what", "INTEGER", 0},
    {"clock", "step", "INTEGER", 1},     {"clock", "seconds", "REAL", 0},
};
#define DEMANDED (sizeof demanded / sizeof *demanded)

static int check_refuse(const struct rt_rundb *r, const char *table, const char *what, struct rt_error *e)
{
    return rt_error_set(e, RT_EFORMAT, "%s: table '%s' %s: not written by retort, or damaged", r->path, table, what);
}

/* SQLite's own words for a file that cannot be read at all; else ours. */
static int check_end(struct rt_rundb *r, sqlite3_stmt *s, struct rt_error *e)
{
    return sqlite3_finalize(s) == SQLITE_OK ? 0 : rt_rundb_fail(r, e);
}

/* 1 a table, 0 there is none, RT_EFORMAT something else of its name. */
static int table_find(struct rt_rundb *r, const char *table, struct rt_error *e)
{
    sqlite3_stmt *s = NULL;
    bool there = false, plain = false;
    if (sqlite3_prepare_v2(r->db, "SELECT type='table' AND rootpage > 1 FROM sqlite_master WHERE name=? COLLATE NOCASE"
                           " AND type<>'index'", -1, &s, NULL) != SQLITE_OK)
        return rt_rundb_fail(r, e);
    sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    if (sqlite3_step(s) == SQLITE_ROW) {
        there = true;
        plain = sqlite3_column_int(s, 0);
    }
    RT_TRY(check_end(r, s, e));
    return !there ? 0 : plain ? 1 : check_refuse(r, table, "is a view or a virtual table", e);
}

static const char *column_text(sqlite3_stmt *s, int at)
{
    const char *text = (const char *)sqlite3_column_text(s, at);
    return text ? text : "";
}

/* One row of table_xinfo: cid, name, type, notnull, default, pk, hidden. NULL, or what is wrong with it. */
static const char *column_wrong(sqlite3_stmt *s, const char *table, bool found[DEMANDED])
{
    if (sqlite3_column_int(s, 6))
        return "computes a column";
    for (size_t i = 0; i < DEMANDED; i++) {
        const struct column *d = &demanded[i];
        if (strcasecmp(d->table, table) != 0 || strcasecmp(d->name, column_text(s, 1)) != 0)
            continue;
        found[i] = true;
        if (strcasecmp(d->type, column_text(s, 2)) != 0)
            return "has a column of another type";
        if (d->key != sqlite3_column_int(s, 5))
            return "has another primary key";
    }
    return NULL;
}

static int table_check(struct rt_rundb *r, const char *table, struct rt_error *e)
{
    bool found[DEMANDED] = {false};
    const char *wrong = NULL;
    sqlite3_stmt *s = NULL;
    char *sql = sqlite3_mprintf("PRAGMA table_xinfo(\"%w\")", table);
    if (!sql)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", r->path);
    int code = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);
    sqlite3_free(sql);
    if (code != SQLITE_OK)
        return rt_rundb_fail(r, e);
    while (!wrong && sqlite3_step(s) == SQLITE_ROW)
        wrong = column_wrong(s, table, found);
    RT_TRY(check_end(r, s, e));
    for (size_t i = 0; !wrong && i < DEMANDED; i++)
        if (strcmp(demanded[i].table, table) == 0 && !found[i])
            return rt_error_set(e, RT_EFORMAT, "%s: table '%s' has no column '%s': not written by retort, or damaged",
                                r->path, table, demanded[i].name);
    return wrong ? check_refuse(r, table, wrong, e) : 0;
}

static int tables_check(struct rt_rundb *r, struct rt_error *e)
{
    for (size_t i = 0; i < DEMANDED; i++) {
        const char *table = demanded[i].table;
        if (i > 0 && strcmp(table, demanded[i - 1].table) == 0)
            continue;
        int there = table_find(r, table, e);
        RT_TRY(there);
        if (there)
            RT_TRY(table_check(r, table, e));
        else if (i == 0)
            return rt_error_set(e, RT_EFORMAT, "%s: a data base, but not of a run", r->path);
    }
    return 0;
}

int rt_rundb_check(struct rt_rundb *r, struct rt_error *e)
{
    RT_TRY(rt_rundb_look_begin(r, e));
    rt_rundb_deadline(r, true);
    int code = tables_check(r, e);
    rt_rundb_deadline(r, false);
    rt_rundb_look_end(r);
    return code;
}
