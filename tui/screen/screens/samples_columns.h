/* SPDX-License-Identifier: MIT
 * samples_columns: which columns of the samples are shown, in which order, how wide. Draws nothing. */
#ifndef RT_SAMPLES_COLUMNS_H
#define RT_SAMPLES_COLUMNS_H

#include "pipeline/data/table.h"

#include <stdint.h>

struct rt_columns {
    int count, column[RT_TABLE_COLUMNS], width[RT_TABLE_COLUMNS]; /* of the table's, in the order shown */
    int whole[RT_TABLE_COLUMNS]; /* the width that a column would like to have */
};

/* The id first, beside it the column that rows are sorted by (sort: as rt_table_sort takes it, "" = none), then
 * those that are not hidden (chosen), else the usual ones. */
void rt_columns_choose(struct rt_columns *c, const struct rt_table *t, bool chosen, const char *sort);
/* Makes texts narrower, the widest first, as long as not all columns find room, each with `gap` blanks behind it. */
void rt_columns_fit(struct rt_columns *c, const struct rt_table *t, int room, int gap);
/* Whether rows are sorted by this column. */
bool rt_columns_sorted(const struct rt_table *t, int column, const char *sort);
/* 'x' excluded, 'm' muted, 'w' another factor than 1, ' ' as it was. */
char rt_columns_by_hand(const struct rt_table *t, int row);

#endif
