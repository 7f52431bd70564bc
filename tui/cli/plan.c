/* SPDX-License-Identifier: MIT
 * plan: see plan.h. */
#include "tui/cli/plan.h"

#include "pipeline/run/rundb.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct plan {
    struct rt_control *control;
    struct rt_error *e;
    int rc;
};

static int take_row(void *self, int columns, const char **name, const char **value)
{
    struct plan *p = self;
    (void)columns;
    (void)name;
    for (int i = 0; i < 4; i++)
        if (!value[i])
            return p->rc = rt_error_set(p->e, RT_EFORMAT, "a row of the journal has no %s", name[i]);
    p->rc = rt_control_plan(p->control, strtoll(value[0], NULL, 10), value[1], value[2], value[3], p->e);
    return p->rc;
}

int rt_plan_read(struct rt_control *control, const char *run, struct rt_error *e)
{
    char path[4200];
    struct stat st;
    struct rt_rundb *db = NULL;
    struct plan p = {control, e, 0};
    bool folder = stat(run, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(path, sizeof path, "%s%s", run, folder ? "/run.db" : "");
    int rc = rt_rundb_open(&db, path, NULL, 0, 0, e);
    if (rc < 0)
        return rc;
    rc = rt_rundb_query(db, "SELECT step, who, key, after FROM journal ORDER BY step, number", take_row,
                        &p, e);
    rt_rundb_close(db);
    if (rc == 0 && p.rc < 0)
        rt_error_prefix(e, "%s", path);
    return rc == 0 ? p.rc : rc;
}
