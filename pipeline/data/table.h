/* SPDX-License-Identifier: MIT
 * table: rows of samples with named columns, of numbers or text: filtered (pipeline/data/filter.h),
 * sorted, and written as an aligned table, CSV or JSON. */
#ifndef RT_TABLE_H
#define RT_TABLE_H

#include "formats/error.h"
#include <stdbool.h>
#include <stdio.h>

#define RT_TABLE_COLUMNS 128

struct rt_table_column {
    char name[64];
    char unit[16]; /* "%": a fraction, which people read as percent; filters and programs see the fraction */
    bool is_text, hidden;
    float *number; /* [rows] NaN = none, owned */
    char **text;   /* [rows] NULL = "", owned, as are the strings */
};

struct rt_table {
    int rows, columns;
    struct rt_table_column column[RT_TABLE_COLUMNS];
    int *order, shown; /* [rows] the rows to show, in order */
};

/* rows without columns; all rows shown. RT_EMEM. */
int rt_table_init(struct rt_table *t, int rows);
void rt_table_fini(struct rt_table *t);
/* A new column of NaN or empty text: its number, or RT_EMEM, RT_ELARGE. */
int rt_table_add(struct rt_table *t, const char *name, const char *unit, bool is_text);
int rt_table_text(struct rt_table *t, int row, int column, const char *text); /* copied; RT_EMEM */
const char *rt_table_cell(const struct rt_table *t, int row, int column); /* of text; "" when empty */
int rt_table_find(const struct rt_table *t, const char *name); /* -1 when unknown */

/* Keeps the rows that match. RT_EUSAGE says where the expression went wrong. */
int rt_table_where(struct rt_table *t, const char *where, struct rt_error *e);
/* By a column, "-name" descending; missing values last; equal rows keep their order. A text column that holds numbers
 * only goes by these, any other by its bytes. RT_EUSAGE. */
int rt_table_sort(struct rt_table *t, const char *by, struct rt_error *e);
/* Shows only these columns, comma-separated, in table order. RT_EUSAGE, RT_EMEM. */
int rt_table_choose(struct rt_table *t, const char *names, struct rt_error *e);

enum rt_table_form { RT_TABLE_PLAIN, RT_TABLE_CSV, RT_TABLE_JSON };
/* At most limit rows (0 = all). */
void rt_table_write(const struct rt_table *t, enum rt_table_form form, int limit, FILE *out);

/* What a person asks to see of a table. */
struct rt_table_view {
    const char *where, *sort, *columns; /* NULL = as it is; columns "all" = hidden ones too */
    enum rt_table_form form;
    int head; /* rows, 0 = all */
};
/* Filters, sorts and chooses. RT_EUSAGE. */
int rt_table_select(struct rt_table *t, const struct rt_table_view *v, struct rt_error *e);
/* The same, and writes. */
int rt_table_show(struct rt_table *t, const struct rt_table_view *v, FILE *out, struct rt_error *e);

#endif
