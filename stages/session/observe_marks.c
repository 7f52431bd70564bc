/* SPDX-License-Identifier: MIT
 * observe_marks: which samples people have marked, while the run goes on. They ask on the socket's thread, and run.db
 * has one writer, whose transaction lasts for most of an epoch: so what was asked waits here, a byte for each sample,
 * until the student's thread writes it. No journal has it, as it changes no update. */
#include "stages/session/observers.h"

#include "pipeline/run/run_marks.h"

#include <stdlib.h>
#include <string.h>

int rt_observe_marks_init(struct rt_observe_marks *o, struct rt_record *r, int rows)
{
    *o = (struct rt_observe_marks){.record = r, .rows = rows};
    o->ready = uv_mutex_init(&o->lock) == 0;
    return o->ready ? 0 : RT_EMEM;
}

void rt_observe_marks_fini(struct rt_observe_marks *o)
{
    if (o->ready)
        uv_mutex_destroy(&o->lock);
    free(o->asked);
    *o = (struct rt_observe_marks){0};
}

int rt_observe_marks_ask(struct rt_observe_marks *o, const int *row, int count, bool on)
{
    uv_mutex_lock(&o->lock);
    if (!o->asked)
        o->asked = calloc((size_t)o->rows + 1, 1);
    int rc = o->asked ? 0 : RT_EMEM;
    for (int i = 0; rc == 0 && i < count; i++)
        o->asked[row[i]] = on ? RT_MARK_SET : RT_MARK_CLEAR;
    uv_mutex_unlock(&o->lock);
    return rc;
}

/* ---- the student's thread ---- */

static int marks_write(const struct rt_observe_marks *o, const uint8_t *asked, struct rt_error *e)
{
    RT_TRY(rt_run_marks_note(o->record->db, asked, o->rows, e));
    return rt_rundb_commit(o->record->db, e);
}

static int marks_on_note(void *self, struct rt_error *e)
{
    struct rt_observe_marks *o = self;
    uv_mutex_lock(&o->lock);
    uint8_t *asked = o->asked;
    o->asked = NULL;
    uv_mutex_unlock(&o->lock);
    int rc = asked ? marks_write(o, asked, e) : 0;
    free(asked);
    return rc;
}

int rt_observe_marks_end(struct rt_observe_marks *o, struct rt_error *e)
{
    return o->ready ? marks_on_note(o, e) : 0;
}

struct rt_observer rt_observe_marks(struct rt_observe_marks *o)
{
    return (struct rt_observer){.self = o, .note = marks_on_note};
}
