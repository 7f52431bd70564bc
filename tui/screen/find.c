/* SPDX-License-Identifier: MIT
 * find: see find.h. */
#include "tui/screen/find.h"

#include "pipeline/data/filter.h"

#include <string.h>

bool rt_find_is_words(const struct rt_table *t, const char *text)
{
    struct rt_filter_column column[RT_TABLE_COLUMNS];
    struct rt_filter *filter = NULL;
    struct rt_error ignored;
    if (!*text || strpbrk(text, "=<>!~"))
        return false;
    for (int i = 0; i < t->columns; i++)
        column[i] = (struct rt_filter_column){t->column[i].name, t->column[i].is_text};
    bool words = rt_filter_create(&filter, text, column, t->columns, &ignored) < 0;
    rt_filter_destroy(filter);
    return words;
}

static bool row_says(const struct rt_table *t, int row, const char *words)
{
    for (int c = 0; c < t->columns; c++)
        if (t->column[c].is_text && strcasestr(rt_table_cell(t, row, c), words))
            return true;
    return false;
}

int rt_find_next(const struct rt_table *t, int from, int way, bool here, const char *words)
{
    for (int i = here ? 0 : 1; i < t->shown + !here; i++) {
        int place = ((from + way * i) % t->shown + t->shown) % t->shown;
        if (row_says(t, t->order[place], words))
            return place;
    }
    return -1;
}
