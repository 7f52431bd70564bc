/* SPDX-License-Identifier: MIT
 * class_table: a run's classes as its samples have them: how many there are, what the student makes of them, and which
 * two it takes for one another. Made of the rows of run.db (label, predicted, split). One thread. */
#ifndef RT_CLASS_TABLE_H
#define RT_CLASS_TABLE_H

#include "pipeline/data/table.h"
#include "stages/metrics/predictions.h"

struct rt_class_row {
    const char *name; /* of the table's own */
    struct rt_class_figures figures;
};

/* So many samples of a class that the student gives another one. */
struct rt_class_pair {
    int label, predicted; /* rows */
    int count;
};

struct rt_class_table {
    int samples;          /* with a label and an answer */
    double top1, macro_f1;
    int rows;
    struct rt_class_row *row;   /* [rows] by F1, the worst first; those that only occur as an answer last */
    int pairs;
    struct rt_class_pair *pair; /* [pairs] the most frequent first */
    char *text;                 /* the names, owned */
};

/* Of the samples of a split, or NULL: all. Without a column `predicted` there are no rows. RT_EMEM leaves *t empty. */
int rt_class_table_make(struct rt_class_table *t, const struct rt_table *samples, const char *split);
void rt_class_table_fini(struct rt_class_table *t); /* a cleared one is fine */

#endif
