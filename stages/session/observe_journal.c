/* SPDX-License-Identifier: MIT
 * observe_journal: changes of settings, and of what is done to samples. Committed at once: who asked may look it
 * up, and a run killed later has it. */
#include "stages/session/observers.h"

static int journal_on_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                             const char *after, struct rt_error *e)
{
    struct rt_record *r = self;
    rt_rundir_log(r->dir, "step %lld: %s: %.200s -> %.200s, by %s", (long long)step, key, before, after,
                  who);
    RT_TRY(rt_rundb_journal(r->db, step, who, key, before, after, e));
    return rt_rundb_commit(r->db, e);
}

struct rt_observer rt_observe_journal(struct rt_record *r)
{
    return (struct rt_observer){.self = r, .change = journal_on_change};
}
