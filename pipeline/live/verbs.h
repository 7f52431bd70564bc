/* SPDX-License-Identifier: MIT
 * verbs: one line of a request -> one line of a reply (docs/protocol.md). Knows no sockets; any one
 * thread. */
#ifndef RT_VERBS_H
#define RT_VERBS_H

#include "pipeline/live/control.h"
#include "pipeline/live/status.h"

#define RT_VERB_WORDS 256 /* arguments of a verb, at most */

struct rt_live_verb {
    const char *name;
    int least, most; /* arguments */
    const char *arguments, *help;
};
extern const struct rt_live_verb rt_live_verbs[];
extern const int rt_live_verb_count;
const struct rt_live_verb *rt_live_verb_find(const char *name); /* NULL when unknown */

/* What a request is answered from and acts on; borrowed. */
struct rt_verb_context {
    struct rt_control *control;
    struct rt_board *board;
    /* Which rows are meant by ids, or by "where" and an expression: their number, *row malloc'ed, or an
     * error; NULL: this run's samples cannot be named. Any one thread. */
    int (*find)(const void *self, const char *const *which, int count, int **row, struct rt_error *e);
    /* Marks these rows, or takes their marks away, in run.db, for people: RT_EMEM. NULL: this run keeps no marks.
     * Any one thread. */
    int (*mark)(const void *self, const int *row, int count, bool on, struct rt_error *e);
    /* A copy of the batch that a stage put out last, for the caller to destroy; NULL = none yet. RT_ENOTFOUND
     * with the names that there are. NULL: this run's batches cannot be seen. */
    int (*last)(const void *self, const char *stage, struct rt_batch **out, struct rt_error *e);
    const char *(*id)(const void *self, int row); /* of a sample; with last */
    const void *self;
};

/* The reply to a request line (without its end), malloc'ed, without an end of line; NULL without memory.
 * *watch becomes 1 when the line asks to be told of steps. */
char *rt_verb_answer(const struct rt_verb_context *d, const char *line, size_t size, int *watch);
/* The line that tells of a step; the same rules. */
char *rt_verb_report(const struct rt_verb_context *d, const struct rt_status *s);

#endif
