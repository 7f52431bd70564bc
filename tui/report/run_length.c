/* SPDX-License-Identifier: MIT
 * run_length: see run_length.h. */
#include "tui/report/run_length.h"

#include <stdio.h>

static int length_take_row(void *self, int columns, const struct rt_rundb_cell *c)
{
    char change[RT_RECIPE_TEXT];
    struct rt_error ignored; /* of a file that anybody may have written */
    (void)columns;
    snprintf(change, sizeof change, "%.40s=%.40s", c[0].text ? c[0].text : "", c[1].text ? c[1].text : "");
    return rt_recipe_set(self, change, &ignored) == RT_EMEM ? RT_EMEM : 0;
}

int rt_run_length(struct rt_rundb *db, struct rt_recipe *r, struct rt_error *e)
{
    return rt_rundb_scan_maybe(db, "SELECT key, after FROM journal WHERE key IN ('train.steps', 'train.epochs')"
                               " ORDER BY number", length_take_row, r, e);
}
