/* SPDX-License-Identifier: MIT
 * override: what people have done to samples: a factor on each one's weight, and which take no part. As text,
 * which journal and checkpoint hold, a list of states and the rows in them:
 *
 *   0.5@3-10,17 x1@20 # words for people
 *
 * rows 3 to 10 and 17 have the factor 0.5, row 20 is excluded (and has the factor 1). */
#ifndef RT_OVERRIDE_H
#define RT_OVERRIDE_H

#include "formats/error.h"
#include <stdint.h>

#define RT_OVERRIDE_KEY "samples" /* stands in the journal where a setting's name stands otherwise */
#define RT_OVERRIDE_MOST 1e6      /* largest factor */

struct rt_override {
    int rows;
    float *factor;     /* [rows] 1 at first; 0 = muted: seen, measured, not learned from */
    uint8_t *excluded; /* [rows] 1 = left out of every update */
};

int rt_override_init(struct rt_override *h, int rows); /* RT_EMEM */
void rt_override_fini(struct rt_override *h);

/* Gives the rows of a text their states; all or, on an error, none. RT_EFORMAT, RT_ERANGE (rows that are
 * not there, factors outside 0 to RT_OVERRIDE_MOST), with the place in the text. */
int rt_override_assign(struct rt_override *h, const char *text, struct rt_error *e);
int rt_override_check(const struct rt_override *h, const char *text, struct rt_error *e);
/* The states that these rows (any order) have now, malloc'ed; row NULL: all rows whose state is not that
 * of the start, "" when there are none. NULL without memory. */
char *rt_override_text(const struct rt_override *h, const int *row, int count);
/* The rows that a text names, malloc'ed; their number, or RT_EFORMAT, RT_ERANGE, RT_EMEM. */
int rt_override_rows(const struct rt_override *h, const char *text, int **row, struct rt_error *e);

#endif
