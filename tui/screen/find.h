/* SPDX-License-Identifier: MIT
 * find: what is typed after `/` over a table: an expression shows only the rows that match, words alone go to the next
 * row that says them. Stateless. */
#ifndef RT_FIND_H
#define RT_FIND_H

#include "pipeline/data/table.h"

/* Whether the text is to be looked for, and is no expression (filter.h) about the table's columns: it has no operator,
 * and is not the name of a column. */
bool rt_find_is_words(const struct rt_table *t, const char *text);
/* The place among those shown of the next row, that way (1 or -1) from place `from` on and around the ends, one of
 * whose texts holds the words, in any case; `from` itself only when `here`. -1 = none does. */
int rt_find_next(const struct rt_table *t, int from, int way, bool here, const char *words);

#endif
