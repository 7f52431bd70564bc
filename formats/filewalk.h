/* SPDX-License-Identifier: MIT
 * filewalk: the files of a tree, and what each is by its ending. Links are followed; names
 * that start with a dot are passed over. Main thread. */
#ifndef RT_FILEWALK_H
#define RT_FILEWALK_H

#include "formats/choice.h"
#include "formats/error.h"
#include <limits.h>

/* What a file is by its ending: enum rt_modality_id, or -1. */
int rt_walk_modality(const char *name);

/* The folder's path, absolute and without links. RT_EMISSING, RT_EIO. */
int rt_walk_root(const char *folder, char root[PATH_MAX], struct rt_error *e);

/* path: of a file, starting with the root; below: its rest, without a slash before it. Not 0 ends the walk. */
typedef int rt_walk_visit(void *self, const char *path, const char *below);
/* Calls each for every file, in any order. What each gave that is not 0; RT_EIO, RT_EFORMAT for a link that leads
 * back to a folder that it is in. */
int rt_walk_files(const char *root, rt_walk_visit *each, void *self, struct rt_error *e);

/* path as a manifest in that folder (absolute) has it. RT_EFORMAT when it is not UTF-8, RT_ELARGE. */
int rt_walk_relative(const char *path, const char *folder, char out[PATH_MAX], struct rt_error *e);
/* A text file's words without the line ends behind them, malloc'ed. RT_EFORMAT when it is not UTF-8, RT_ELARGE,
 * RT_EIO. */
int rt_walk_words(const char *path, char **words, struct rt_error *e);

#endif
