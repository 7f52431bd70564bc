/* SPDX-License-Identifier: MIT
 * knee_summary: how many samples fall below one half by each measure's knee, and in which groups most of
 * them are: a knee that was set on other recordings takes weight from a whole language, and that has to be
 * seen before training. */
#ifndef RT_KNEE_SUMMARY_H
#define RT_KNEE_SUMMARY_H

#include "pipeline/data/table.h"

/* Of the rows shown that are not left out, for the measures that have a knee, their own or one of `knees`
 * (as weight.knees, "" = none). by: a column of text whose groups are named, NULL = label, where there is
 * one. Prints nothing when no measure of the table has a knee, or no row is
 * shown. RT_EUSAGE: no such column; RT_EMEM. */
int rt_knee_summary(const struct rt_table *t, const char *knees, const char *by, FILE *out, struct rt_error *e);

#endif
