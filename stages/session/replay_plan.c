/* SPDX-License-Identifier: MIT
 * replay_plan: see replay_plan.h. Every change is checked by the mailbox when it is planned, as if a person had
 * asked for it, so a journal that does not fit this run is refused before the run begins and not at the step of
 * its change, hours later. */
#include "stages/session/replay_plan.h"

#include "pipeline/run/run_files.h"
#include "stages/session/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What reads the rows of a query; rc: the first error of one, which ends the query. Errors of the data base name it
 * already, those of its rows do not. */
struct plan_reader {
    struct rt_control *control;
    struct rt_error *e;
    int rc;
};

/* ---- are the samples the same? ----
 * The journal names samples by row. A manifest that was sorted anew since would have other samples changed without
 * a word, so ids are compared row by row; where no sample was changed any manifest will do. */

struct plan_twin {
    const struct rt_dataset *dataset;
    int id, row; /* id: its column in the manifest */
    bool differs;
    struct rt_error *e;
};

static int twin_compare_row(void *self, int columns, const char **name, const char **value)
{
    struct plan_twin *t = self;
    bool more = t->row < t->dataset->count;
    const char *here = more ? rt_manifest_cell(t->dataset->manifest, t->row, t->id) : "missing";
    const char *there = value[0] ? value[0] : "";
    (void)columns, (void)name;
    t->differs = !more || strcmp(here, there) != 0;
    if (t->differs)
        rt_error_set(t->e, RT_EMISMATCH, "its journal changes samples by their rows, but row %d there is "
                     "\"%.60s\", here \"%.60s\": the manifests must be the same", t->row, there, here);
    t->row++;
    return t->differs;
}

static int plan_copy_text(void *self, int columns, const char **name, const char **value)
{
    (void)columns, (void)name;
    snprintf(self, RT_IDENTITY_TEXT, "%s", value[0] ? value[0] : "");
    return 1;
}

static int plan_note_row(void *self, int columns, const char **name, const char **value)
{
    (void)columns, (void)name, (void)value;
    *(bool *)self = true;
    return 1;
}

/* 1: the run says of its ids what this one would say; 0: it does not, or began before that was kept. */
static int plan_same_ids(struct rt_rundb *db, const struct rt_dataset *d, struct rt_error *e)
{
    char there[RT_IDENTITY_TEXT] = "";
    RT_TRY(rt_rundb_query(db, "SELECT value FROM meta WHERE key='" RT_IDENTITY_KEY "'", plan_copy_text, there, e));
    return rt_identity_same_ids(there, d);
}

static int plan_check_samples(struct rt_rundb *db, const char *path, const struct rt_dataset *d,
                              struct rt_error *e)
{
    bool touched = false;
    struct plan_twin t = {.dataset = d, .id = rt_manifest_column(d->manifest, "id"), .e = e};
    RT_TRY(rt_rundb_query(db, "SELECT 1 FROM journal WHERE key='" RT_OVERRIDE_KEY "' LIMIT 1", plan_note_row,
                          &touched, e));
    int same = touched ? plan_same_ids(db, d, e) : 1;
    if (same)
        return same < 0 ? same : 0;
    RT_TRY(rt_rundb_query(db, "SELECT id FROM samples ORDER BY row", twin_compare_row, &t, e));
    if (!t.differs && t.row == d->count)
        return 0;
    if (!t.differs)
        rt_error_set(e, RT_EMISMATCH, "its journal changes samples by their rows, but it has %d, here "
                     "are %d: the manifests must be the same", t.row, d->count);
    rt_error_prefix(e, "%s", path);
    return RT_EMISMATCH;
}

/* ---- planning ---- */

static int plan_take_row(void *self, int columns, const char **name, const char **value)
{
    struct plan_reader *p = self;
    for (int i = 0; i < columns; i++)
        if (!value[i])
            return p->rc = rt_error_set(p->e, RT_EFORMAT, "a row of the journal has no %s", name[i]);
    return p->rc = rt_control_plan(p->control, strtoll(value[0], NULL, 10), value[1], value[2], value[3], p->e);
}

/* By step and not by number: a run that was resumed has written some steps later than others. */
static int plan_read_journal(struct rt_control *control, struct rt_rundb *db, const char *path,
                             struct rt_error *e)
{
    struct plan_reader p = {control, e, 0};
    RT_TRY(rt_rundb_query(db, "SELECT step, who, key, after FROM journal ORDER BY step, number", plan_take_row, &p,
                          e));
    if (p.rc < 0)
        rt_error_prefix(e, "%s", path);
    return p.rc;
}

int rt_replay_plan_read(struct rt_control *control, const char *run, const struct rt_dataset *d,
                        struct rt_error *e)
{
    char path[RT_RUN_PATH];
    struct stat st;
    struct rt_rundb *db = NULL;
    if (stat(run, &st) == 0 && S_ISDIR(st.st_mode))
        rt_run_file_path(run, RT_RUN_DB, path, sizeof path);
    else
        snprintf(path, sizeof path, "%s", run);
    RT_TRY(rt_rundb_open(&db, path, NULL, 0, 0, e));
    int rc = plan_check_samples(db, path, d, e);
    if (rc == 0)
        rc = plan_read_journal(control, db, path, e);
    rt_rundb_close(db);
    return rc;
}

/* ---- what a resumed run did before ---- */

static int plan_recall_row(void *self, int columns, const char **name, const char **value)
{
    struct plan_reader *p = self;
    (void)columns, (void)name;
    if (value[0] && value[1] && value[2] && rt_control_recall(p->control, value[0], value[1], value[2]) < 0)
        p->rc = rt_error_set(p->e, RT_EMEM, "no memory for the journal");
    return p->rc;
}

int rt_replay_plan_recall(struct rt_control *control, struct rt_rundb *db, struct rt_error *e)
{
    struct plan_reader p = {control, e, 0};
    RT_TRY(rt_rundb_query(db, "SELECT key, before, after FROM journal ORDER BY number", plan_recall_row, &p, e));
    return p.rc;
}
