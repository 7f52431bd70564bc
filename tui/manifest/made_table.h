/* SPDX-License-Identifier: MIT
 * made_table: the rows of a manifest being made: collected in any order, sorted by id, split,
 * checked as a reader would, and written whole or not at all. Where rows come from is
 * sources.h. */
#ifndef RT_MADE_TABLE_H
#define RT_MADE_TABLE_H

#include "formats/manifest.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_SPLIT_ROOM "?????" /* as long as the longest split */

struct rt_made_row {
    int line;     /* of the source, for messages; 0 = it has none */
    char *cell[]; /* [columns]; the text lies behind the pointers, in the same allocation */
};

struct rt_made_table {
    const char *column[RT_MANIFEST_COLUMNS]; /* borrowed */
    int columns;
    bool unsplit; /* the column split waits for rt_made_split, its cells are RT_SPLIT_ROOM */
    struct rt_made_row **row;
    size_t rows, room;
};

/* Cleared memory is an empty table. */
void rt_made_fini(struct rt_made_table *t);
int rt_made_column(const struct rt_made_table *t, const char *name); /* -1 = none */
/* Copies cell [columns]. RT_EMEM. */
int rt_made_add(struct rt_made_table *t, const char *const *cell, int line, struct rt_error *e);
/* Sorts by id. Two equal ids are RT_EFORMAT, named with their lines in source. */
int rt_made_sort(struct rt_made_table *t, const char *source, struct rt_error *e);
/* Fills the column split in the shares train, valid, test. Each label is divided on its own, in an
 * order that is a hash of seed and group (without group: of id), never the order of rows; rows of
 * one group stay together and count for the label of its first id. Sort first. RT_EMEM. */
int rt_made_split(struct rt_made_table *t, const double share[3], uint64_t seed,
                  struct rt_error *e);
/* Writes path. What a reader would refuse is refused here, and then nothing is written. */
int rt_made_write(const struct rt_made_table *t, const char *path, struct rt_error *e);

#endif
