/* SPDX-License-Identifier: MIT
 * runs_list: see runs_list.h. */
#include "tui/screen/runs_list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define AGAIN 2.0 /* seconds between two looks */
#define PART_NS UINT64_C(200000000) /* between two tables of a first look, which shows what it has */

struct rt_runs_reading {
    uv_thread_t thread;
    atomic_bool done;
    atomic_int owners; /* the list and the thread: the last one frees */
    /* the thread's until it is done */
    char folder[4096];
    struct rt_table table;
    struct rt_runs runs, before; /* of this look, and of the one before it */
    struct rt_error why;
    int rc;
    bool first; /* nothing is shown yet */
    uv_mutex_t lock; /* what follows */
    struct rt_table part; /* of the runs read so far; rows 0: none, or taken */
    int found;            /* how many there will be */
};

static void reading_release(struct rt_runs_reading *r)
{
    if (atomic_fetch_sub(&r->owners, 1) > 1)
        return;
    rt_table_fini(&r->table);
    rt_table_fini(&r->part);
    rt_runs_fini(&r->runs);
    rt_runs_fini(&r->before);
    uv_mutex_destroy(&r->lock);
    free(r);
}

/* Hundreds of runs on a slow disk take seconds: the first n are handed over meanwhile. */
static void reading_hand_over(struct rt_runs_reading *r, const struct rt_runs *runs, int n)
{
    struct rt_table part;
    struct rt_error ignored; /* the whole table will say it */
    if (rt_runs_part(&part, runs, n, &ignored) == 0) {
        uv_mutex_lock(&r->lock);
        struct rt_table before = r->part;
        r->part = part;
        r->found = runs->count;
        uv_mutex_unlock(&r->lock);
        part = before;
    }
    rt_table_fini(&part);
}

static int reading_read(struct rt_runs_reading *r, struct rt_runs *runs)
{
    uint64_t shown = uv_hrtime();
    RT_TRY(rt_runs_look(runs, r->folder, &r->why));
    for (int i = 0; i < runs->count; i++) {
        if (rt_runs_read_anew(runs, i, &r->before) < 0)
            return rt_error_set(&r->why, RT_EMEM, "no memory for %d runs", runs->count);
        if (r->first && uv_hrtime() - shown > PART_NS) {
            reading_hand_over(r, runs, i + 1);
            shown = uv_hrtime();
        }
    }
    return rt_runs_part(&r->table, runs, runs->count, &r->why);
}

static void reading_thread(void *self)
{
    struct rt_runs_reading *r = self;
    r->rc = reading_read(r, &r->runs);
    atomic_store(&r->done, true);
    reading_release(r);
}

static void list_look(struct rt_runs_list *l)
{
    struct rt_runs_reading *r = calloc(1, sizeof *r);
    if (!r)
        return; /* looked again later */
    if (uv_mutex_init(&r->lock) != 0) {
        free(r);
        return;
    }
    memcpy(r->folder, l->folder, sizeof r->folder);
    r->first = l->version == 0;
    r->before = l->known;
    l->known = (struct rt_runs){0};
    atomic_store(&r->owners, 2);
    if (uv_thread_create(&r->thread, reading_thread, r) == 0)
        l->reading = r;
    else {
        rt_runs_fini(&r->before);
        uv_mutex_destroy(&r->lock);
        free(r);
    }
}

/* The new table in place of the old one, which *t is then; the cursor stays on its run. */
static void list_take_table(struct rt_runs_list *l, struct rt_table *t)
{
    char at[4096];
    snprintf(at, sizeof at, "%s", rt_runs_list_folder(l, l->at));
    struct rt_table before = l->table;
    l->table = *t;
    *t = before;
    int row = rt_runs_list_find(l, at);
    l->at = row >= 0 ? row : l->at;
    l->version++;
}

static void list_take(struct rt_runs_list *l, struct rt_runs_reading *r)
{
    snprintf(l->why, sizeof l->why, "%.299s", r->rc < 0 ? r->why.text : "");
    l->more = 0;
    if (r->rc == 0)
        list_take_table(l, &r->table);
    else
        l->version++;
}

static bool list_take_part(struct rt_runs_list *l, struct rt_runs_reading *r)
{
    uv_mutex_lock(&r->lock);
    bool news = r->part.rows > 0;
    if (news) {
        l->more = r->found - r->part.rows;
        list_take_table(l, &r->part);
        rt_table_fini(&r->part);
        r->part = (struct rt_table){.rows = 0};
    }
    uv_mutex_unlock(&r->lock);
    return news;
}

bool rt_runs_list_poll(struct rt_runs_list *l, double now)
{
    struct rt_runs_reading *r = l->reading;
    bool done = r && atomic_load(&r->done);
    if (done) {
        uv_thread_join(&r->thread);
        list_take(l, r);
        l->known = r->runs;
        r->runs = (struct rt_runs){0};
        reading_release(r);
        l->reading = NULL;
    } else if (!r && *l->folder && (l->version == 0 || now - l->began > AGAIN)) {
        l->began = now;
        list_look(l);
    }
    return done || (r && !done && list_take_part(l, r));
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
    rt_runs_fini(&l->known);
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
