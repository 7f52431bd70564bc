/* SPDX-License-Identifier: MIT
 * status: see status.h. */
#include "pipeline/live/status.h"
#include "formats/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct rt_board {
    uv_mutex_t lock;
    struct rt_status last;
    struct rt_account account;
    char limit[RT_ACCOUNT_LIMIT];
    char ranks[RT_STATUS_RANKS];
};

/* A board, not a queue: who reads wants the last report, and a reader that comes late or never must
 * not hold the writer up or make it keep anything. All is copied under the lock, some kilobytes, so
 * neither side holds the other's memory. The number tells a reader whether there is news. */

int rt_board_create(struct rt_board **out)
{
    struct rt_board *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b || uv_mutex_init(&b->lock) != 0) {
        free(b);
        return RT_EMEM;
    }
    *out = b;
    return 0;
}

void rt_board_destroy(struct rt_board *b)
{
    if (b)
        uv_mutex_destroy(&b->lock);
    free(b);
}

void rt_board_put(struct rt_board *b, const struct rt_status *s)
{
    uv_mutex_lock(&b->lock);
    uint64_t number = b->last.number + 1;
    b->last = *s;
    b->last.number = number;
    uv_mutex_unlock(&b->lock);
}

void rt_board_get(struct rt_board *b, struct rt_status *s)
{
    uv_mutex_lock(&b->lock);
    *s = b->last;
    uv_mutex_unlock(&b->lock);
}

void rt_board_account(struct rt_board *b, const struct rt_account *a, const char *limit)
{
    uv_mutex_lock(&b->lock);
    b->account = *a;
    snprintf(b->limit, sizeof b->limit, "%s", limit);
    uv_mutex_unlock(&b->lock);
}

/* Account and report come from two threads, the loop and the student's work, each at its own pace;
 * so they are two entries under one lock. */

bool rt_board_get_account(struct rt_board *b, struct rt_account *a, char *limit, size_t size)
{
    uv_mutex_lock(&b->lock);
    *a = b->account;
    snprintf(limit, size, "%s", b->limit);
    uv_mutex_unlock(&b->lock);
    return a->stages > 0;
}

void rt_board_ranks(struct rt_board *b, const char *lines)
{
    uv_mutex_lock(&b->lock);
    snprintf(b->ranks, sizeof b->ranks, "%s", lines);
    uv_mutex_unlock(&b->lock);
}

void rt_board_get_ranks(struct rt_board *b, char *lines, size_t size)
{
    uv_mutex_lock(&b->lock);
    snprintf(lines, size, "%s", b->ranks);
    uv_mutex_unlock(&b->lock);
}

void rt_status_add(struct rt_status *s, const char *name, double value)
{
    if (s->values == RT_STATUS_VALUES)
        return;
    snprintf(s->value[s->values].name, sizeof s->value[0].name, "%s", name);
    s->value[s->values++].value = value;
}
