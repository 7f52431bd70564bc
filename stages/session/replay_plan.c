/* SPDX-License-Identifier: MIT
 * replay_plan: see replay_plan.h. */
#include "stages/session/replay_plan.h"

#include "pipeline/run/rundir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Are the run's samples those of this data set, row by row? */
struct twin {
    const struct rt_dataset *d;
    int id, row, differs; /* id: its column in the manifest */
    struct rt_error *e;
};

static int same_row(void *self, int columns, const char **name, const char **value)
{
    struct twin *t = self;
    const char *here = t->row < t->d->count ? rt_manifest_cell(t->d->manifest, t->row, t->id) : "missing";
    const char *there = value[0] ? value[0] : "";
    (void)columns;
    (void)name;
    t->differs = t->row >= t->d->count || strcmp(here, there) != 0;
    if (t->differs)
        rt_error_set(t->e, RT_EMISMATCH, "its journal changes samples by their rows, but row %d there is "
                     "\"%.60s\", here \"%.60s\": the manifests must be the same", t->row, there, here);
    t->row++;
    return t->differs;
}

static int any_row(void *self, int columns, const char **name, const char **value)
{
    (void)columns;
    (void)name;
    (void)value;
    *(int *)self = 1;
    return 1;
}

static int check_samples(struct rt_rundb *db, const struct rt_dataset *d, struct rt_error *e)
{
    int touched = 0;
    struct twin t = {.d = d, .id = rt_manifest_column(d->manifest, "id"), .e = e};
    int rc = rt_rundb_query(db, "SELECT 1 FROM journal WHERE key='" RT_OVERRIDE_KEY "' LIMIT 1", any_row,
                            &touched, e);
    if (rc == 0 && touched)
        rc = rt_rundb_query(db, "SELECT id FROM samples ORDER BY row", same_row, &t, e);
    if (rc == 0 && touched && !t.differs && t.row != d->count)
        rc = rt_error_set(e, RT_EMISMATCH, "its journal changes samples by their rows, but it has %d, here "
                          "are %d: the manifests must be the same", t.row, d->count);
    return rc == 0 && t.differs ? RT_EMISMATCH : rc;
}

static int recall_row(void *self, int columns, const char **name, const char **value)
{
    struct plan *p = self;
    (void)columns;
    (void)name;
    if (value[0] && value[1] && value[2] && rt_control_recall(p->control, value[0], value[1], value[2]) < 0)
        p->rc = rt_error_set(p->e, RT_EMEM, "no memory for the journal");
    return p->rc;
}

int rt_replay_plan_recall(struct rt_control *control, struct rt_rundb *db, struct rt_error *e)
{
    struct plan p = {control, e, 0};
    int rc = rt_rundb_query(db, "SELECT key, before, after FROM journal ORDER BY number", recall_row, &p, e);
    return rc == 0 ? p.rc : rc;
}

int rt_replay_plan_read(struct rt_control *control, const char *run, const struct rt_dataset *d,
                 struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct stat st;
    struct rt_rundb *db = NULL;
    struct plan p = {control, e, 0};
    bool folder = stat(run, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder)
        rt_rundir_path(run, RT_RUN_DB, path, sizeof path);
    else
        snprintf(path, sizeof path, "%s", run);
    int rc = rt_rundb_open(&db, path, NULL, 0, 0, e);
    if (rc < 0)
        return rc;
    rc = check_samples(db, d, e);
    if (rc == RT_EMISMATCH)
        rt_error_prefix(e, "%s", path);
    if (rc == 0)
        rc = rt_rundb_query(db, "SELECT step, who, key, after FROM journal ORDER BY step, number",
                            take_row, &p, e);
    rt_rundb_close(db);
    if (rc == 0 && p.rc < 0)
        rt_error_prefix(e, "%s", path);
    return rc == 0 ? p.rc : rc;
}
