/* SPDX-License-Identifier: MIT
 * runs_list: see runs_list.h. */
#include "tui/screen/runs_list.h"

#include "tui/report/runs_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define AGAIN 2.0 /* seconds between two looks */

struct rt_runs_reading {
    uv_thread_t thread;
    atomic_bool done;
    atomic_int owners; /* the list and the thread: the last one frees */
    /* the thread's until it is done */
    char folder[4096];
    struct rt_table table;
    struct rt_error why;
    int rc;
};

static void reading_release(struct rt_runs_reading *r)
{
    if (atomic_fetch_sub(&r->owners, 1) > 1)
        return;
    rt_table_fini(&r->table);
    free(r);
}

static void reading_thread(void *self)
{
    struct rt_runs_reading *r = self;
    struct rt_runs runs = {0};
    r->rc = rt_runs_look(&runs, r->folder, &r->why);
    if (r->rc == 0)
        r->rc = rt_runs_table(&r->table, &runs, &r->why);
    rt_runs_fini(&runs);
    atomic_store(&r->done, true);
    reading_release(r);
}

static void list_look(struct rt_runs_list *l)
{
    struct rt_runs_reading *r = calloc(1, sizeof *r);
    if (!r)
        return; /* looked again later */
    memcpy(r->folder, l->folder, sizeof r->folder);
    atomic_store(&r->owners, 2);
    if (uv_thread_create(&r->thread, reading_thread, r) == 0)
        l->reading = r;
    else
        free(r);
}

/* The new table in place of the old one; the cursor stays on its run. */
static void list_take(struct rt_runs_list *l, struct rt_runs_reading *r)
{
    char at[4096];
    snprintf(at, sizeof at, "%s", rt_runs_list_folder(l, l->at));
    snprintf(l->why, sizeof l->why, "%.299s", r->rc < 0 ? r->why.text : "");
    l->version++;
    if (r->rc < 0)
        return;
    struct rt_table before = l->table;
    l->table = r->table;
    r->table = before;
    int row = rt_runs_list_find(l, at);
    l->at = row >= 0 ? row : l->at;
}

bool rt_runs_list_poll(struct rt_runs_list *l, double now)
{
    struct rt_runs_reading *r = l->reading;
    bool done = r && atomic_load(&r->done);
    if (done) {
        uv_thread_join(&r->thread);
        list_take(l, r);
        reading_release(r);
        l->reading = NULL;
    } else if (!r && *l->folder && (l->version == 0 || now - l->began > AGAIN)) {
        l->began = now;
        list_look(l);
    }
    return done;
}

void rt_runs_list_fini(struct rt_runs_list *l)
{
    struct rt_runs_reading *r = l->reading;
    if (r && !atomic_load(&r->done))
        pthread_detach(r->thread); /* libuv has no such call before 1.50 */
    else if (r)
        uv_thread_join(&r->thread);
    if (r)
        reading_release(r);
    rt_table_fini(&l->table);
    memset(l, 0, sizeof *l);
}

const char *rt_runs_list_folder(const struct rt_runs_list *l, int row)
{
    return row >= 0 && row < l->table.rows ? rt_table_cell(&l->table, row, rt_table_find(&l->table, "run")) : "";
}

int rt_runs_list_find(const struct rt_runs_list *l, const char *folder)
{
    for (int row = 0; *folder && row < l->table.rows; row++)
        if (strcmp(rt_runs_list_folder(l, row), folder) == 0)
            return row;
    return -1;
}
