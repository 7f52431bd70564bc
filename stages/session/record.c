/* SPDX-License-Identifier: MIT
 * record: see record.h. */
#include "stages/session/record.h"

#include <limits.h>
#include <stdlib.h>
#include <uv.h>

static int record_take_seconds(void *self, int columns, const struct rt_rundb_cell *cell)
{
    (void)columns;
    *(double *)self = cell[0].number > 0 ? cell[0].number : 0;
    return 1;
}

static int record_begin(struct rt_record *r, struct rt_error *e)
{
    char manifest[PATH_MAX];
    if (!realpath(rt_manifest_path(r->session->dataset.manifest), manifest))
        *manifest = '\0'; /* gone: its samples cannot be looked at */
    RT_TRY(rt_rundb_rewind(r->db, rt_learner_progress(r->student->learner).step, e));
    RT_TRY(rt_rundb_scan(r->db, "SELECT max(seconds) FROM clock", record_take_seconds, &r->seconds, e));
    r->began = r->ticked = uv_hrtime();
    RT_TRY(rt_rundb_meta(r->db, "manifest", manifest, e));
    RT_TRY(rt_rundb_meta(r->db, RT_IDENTITY_KEY, r->identity, e));
    RT_TRY(rt_rundb_meta(r->db, "program", "retort " RT_VERSION, e));
    return rt_rundb_meta(r->db, "state", "running", e);
}

int rt_record_open(struct rt_record *r, const char *const *column, int columns, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    rt_run_file_path(r->dir->path, RT_RUN_DB, path, sizeof path);
    RT_TRY(rt_rundb_open(&r->db, path, column, columns, 1, e));
    return record_begin(r, e);
}

int rt_record_close(struct rt_record *r, const char *state, struct rt_error *e)
{
    int rc = rt_rundb_meta(r->db, "state", state, e);
    if (rc == 0)
        rc = rt_rundb_commit(r->db, e);
    rt_rundb_close(r->db);
    r->db = NULL;
    return rc;
}

int rt_record_epochs(const struct rt_record *r)
{
    return (int)((rt_learner_progress(r->student->learner).steps + r->epoch_steps - 1) / r->epoch_steps);
}

int rt_record_result(struct rt_record *r, const char *split, const char *name, double value, struct rt_error *e)
{
    int64_t step = rt_learner_progress(r->student->learner).step;
    int epoch = (int)((step + r->epoch_steps - 1) / r->epoch_steps) - 1;
    return rt_rundb_metric(r->db, step, epoch, split, name, value, e);
}
