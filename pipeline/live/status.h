/* SPDX-License-Identifier: MIT
 * status: where a run is, for those who ask: put down by the student's work after each update, read by
 * any thread. */
#ifndef RT_STATUS_H
#define RT_STATUS_H

#include "pipeline/flow/account.h"

#include <stdbool.h>
#include <stdint.h>

#define RT_STATUS_VALUES 32

struct rt_status {
    uint64_t number; /* of the report; 0 = none yet */
    int64_t step, steps;
    int epoch, epochs; /* from 1 */
    int values;
    struct {
        char name[24];
        double value; /* NaN = none */
    } value[RT_STATUS_VALUES];
};

struct rt_board; /* opaque */
int rt_board_create(struct rt_board **out); /* RT_EMEM */
void rt_board_destroy(struct rt_board *b);  /* NULL is fine */
/* Copies *s and gives it the next number. */
void rt_board_put(struct rt_board *b, const struct rt_status *s);
void rt_board_get(struct rt_board *b, struct rt_status *s);
/* What the stages did so far, put down by the loop thread now and then, and in words what limits the run of
 * late. got: false before the first one. */
void rt_board_account(struct rt_board *b, const struct rt_account *a, const char *limit);
bool rt_board_get_account(struct rt_board *b, struct rt_account *a, char *limit, size_t size);
/* Of a run of several ranks a line for each, for people; none at first. Cut where RT_STATUS_RANKS ends. */
#define RT_STATUS_RANKS 4000
void rt_board_ranks(struct rt_board *b, const char *lines);
void rt_board_get_ranks(struct rt_board *b, char *lines, size_t size);
/* Adds a value to *s; one that has no room is left out. */
void rt_status_add(struct rt_status *s, const char *name, double value);

#endif
