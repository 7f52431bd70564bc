/* SPDX-License-Identifier: MIT
 * run_table: see run_table.h. */
#include "pipeline/run/run_table.h"

#include "pipeline/run/rundb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- from run.db to a table ----
 * Every column of samples becomes one of the table, whatever its name: a measure that is added
 * needs no code here. What is shown at first are the columns that people compare; all others can be
 * asked for. */

struct reader {
    struct rt_table *table;
    int row, rows, rc;
};

static int reader_count_row(void *self, int columns, const char **name, const char **value)
{
    (void)columns;
    (void)name;
    ((struct reader *)self)->rows = value[0] ? atoi(value[0]) : 0;
    return 0;
}

static bool column_is_text(const char *name)
{
    static const char *const text[] = {"id", "label", "grp", "split", "reason", "modality", "detail",
                                       "predicted"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (strcmp(name, text[i]) == 0)
            return true;
    return false;
}

static bool column_is_first_view(const char *name)
{
    size_t n = strlen(name);
    return strcmp(name, "row") != 0 && strcmp(name, "grp") != 0 && strcmp(name, "detail") != 0 &&
           strcmp(name, "modality") != 0 && strncmp(name, "inside_", 7) != 0 &&
           !(n > 4 && strcmp(name + n - 4, "_pct") == 0);
}

static int reader_sample_row(void *self, int columns, const char **name, const char **value)
{
    struct reader *r = self;
    struct rt_table *t = r->table;
    for (int c = 0; c < columns && r->row == 0 && r->rc == 0; c++) {
        const char *title = strcmp(name[c], "grp") == 0 ? "group" : name[c]; /* as in manifests */
        int at = rt_table_add(t, title, "", column_is_text(name[c]));
        if (at < 0)
            r->rc = at;
        else
            t->column[at].hidden = !column_is_first_view(name[c]);
    }
    for (int c = 0; c < columns && r->row < t->rows && r->rc == 0; c++) {
        if (!value[c])
            continue;
        if (t->column[c].is_text)
            r->rc = rt_table_text(t, r->row, c, value[c]);
        else
            t->column[c].number[r->row] = strtof(value[c], NULL);
    }
    r->row++;
    return r->rc;
}

/* Loss columns of terms that were off are empty: not shown unless asked for. */
static void columns_hide_empty(struct rt_table *t)
{
    for (int c = 0; c < t->columns; c++) {
        bool any = t->column[c].is_text;
        for (int i = 0; i < t->rows && !any; i++)
            any = !isnan(t->column[c].number[i]);
        t->column[c].hidden |= !any;
    }
}

static int reader_read(struct reader *r, struct rt_rundb *db, const char *folder,
                       struct rt_error *e)
{
    RT_TRY(rt_rundb_query(db, "SELECT count(*) FROM samples", reader_count_row, r, e));
    int rc = rt_table_init(r->table, r->rows);
    if (rc < 0)
        return rt_error_set(e, rc, "%s: no memory for %d samples", folder, r->rows);
    RT_TRY(rt_rundb_query(db, "SELECT * FROM samples ORDER BY row", reader_sample_row, r, e));
    return r->rc < 0 ? rt_error_set(e, r->rc, "%s: %s", folder, rt_err_words(r->rc)) : 0;
}

int rt_run_table(struct rt_table *t, const char *folder, struct rt_error *e)
{
    struct rt_rundb *db = NULL;
    struct reader r = {.table = t};
    RT_TRY(rt_rundb_open_run(&db, folder, e));
    int rc = rt_rundb_look_begin(db, e);
    if (rc == 0)
        rc = reader_read(&r, db, folder, e);
    rt_rundb_close(db);
    RT_TRY(rc);
    columns_hide_empty(t);
    return 0;
}
