/* SPDX-License-Identifier: MIT
 * observe_journal: changes of settings, and of what is done to samples. Committed before the update that they
 * are for: who asked may look it up, and a run killed later has it. Once for all changes of an update, however many
 * clients ask: a commit waits for the disk. */
#include "stages/session/observers.h"

static int journal_on_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                             const char *after, struct rt_error *e)
{
    struct rt_record *r = self;
    r->asked = true;
    rt_rundir_log(r->dir, "step %lld: %s: %.200s -> %.200s, by %s", (long long)step, key, before, after,
                  who);
    return rt_rundb_journal(r->db, step, who, key, before, after, e);
}

static int journal_on_changed(void *self, int64_t step, struct rt_error *e)
{
    struct rt_record *r = self;
    (void)step;
    return rt_rundb_commit(r->db, e);
}

struct rt_observer rt_observe_journal(struct rt_record *r)
{
    return (struct rt_observer){.self = r, .change = journal_on_change, .changed = journal_on_changed};
}
