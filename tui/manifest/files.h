/* SPDX-License-Identifier: MIT
 * files: all sample files of a folder, found again by what others call them: a path below it, a name, either
 * with or without its ending. Main thread. */
#ifndef RT_MANIFEST_FILES_H
#define RT_MANIFEST_FILES_H

#include "formats/error.h"
#include <stdbool.h>
#include <stddef.h>

struct rt_made_file {
    char *path;        /* absolute */
    const char *below; /* the same without the folder */
    int modality;      /* by its ending */
    bool named;        /* the asker's: a row has it */
};

struct rt_made_file_name; /* a name of a file */

struct rt_made_tree {
    struct rt_made_file *file; /* by path, in byte order */
    size_t count, room;
    size_t other; /* files whose ending is of no modality */
    struct rt_made_file_name *name;
    size_t names;
};

/* root: as rt_walk_root gives it. rt_made_tree_fini in any case; cleared memory is an empty tree. */
int rt_made_tree_read(struct rt_made_tree *t, const char *root, struct rt_error *e);
void rt_made_tree_fini(struct rt_made_tree *t);

/* The file that has this path below the root, else the only one with this path but for the ending, else this name, else
 * this name but for the ending. NULL: there is none, or several and none is more likely. */
struct rt_made_file *rt_made_tree_find(const struct rt_made_tree *t, const char *name);

/* How many bytes of a path stand before the dot of its ending. */
size_t rt_made_stem(const char *path);
const char *rt_made_base(const char *path); /* behind the last slash */

#endif
