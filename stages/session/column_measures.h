/* SPDX-License-Identifier: MIT
 * column_measures: columns of numbers of the manifest as measures of the samples (weight.columns): what another program
 * said of them. Read before scoring; immutable afterwards, so any thread. */
#ifndef RT_COLUMN_MEASURES_H
#define RT_COLUMN_MEASURES_H

#include "formats/manifest.h"
#include "stages/quality.h"

#define RT_COLUMN_HELP "a column of the manifest"
#define RT_COLUMN_NAME 60 /* with "_pct" behind it the name of a table's column */

struct rt_column_measures {
    int count;
    struct rt_score_column column[RT_SCORE_MORE]; /* measure points to this struct's own: it must not be moved */
    struct rt_measure measure[RT_SCORE_MORE];
    char name[RT_SCORE_MORE][RT_COLUMN_NAME];
    int place[RT_SCORE_MORE]; /* in the manifest */
};

/* text: as weight.columns, a valid list. Every cell of these columns is checked: a number, or nothing = not measured.
 * RT_EUSAGE: what text says cannot be; RT_EFORMAT: a cell, with FILE:LINE, column and value. */
int rt_column_measures_read(struct rt_column_measures *c, const char *text, const struct rt_manifest *m,
                            struct rt_error *e);
/* Do these knees (as weight.knees) go the way that the columns do? RT_EUSAGE. */
int rt_column_measures_check_knees(const struct rt_column_measures *c, const char *knees, struct rt_error *e);
/* Fills in the columns of s, which was made with c->column. */
void rt_column_measures_fill(const struct rt_column_measures *c, const struct rt_manifest *m, struct rt_scores *s);

#endif
