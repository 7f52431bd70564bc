/* SPDX-License-Identifier: MIT
 * manifest: the table of samples. Tab-separated UTF-8, one header line, one row per sample.
 *
 *   id        required, unique, not empty
 *   split     train | valid | test; column may be absent (all rows train) 
 *   label     class name; empty = no label
 *   group     rows of one group must not cross splits (checked on load); empty = its own group
 *   speech, image   path of a file, relative to the manifest's folder, or TAR!/MEMBER; empty = modality missing
 *   text      the text itself (UTF-8); empty = missing
 *   weight    how much the row counts in training, 0 to 1,000,000; 0 = not at all; empty = 1 (checked on load)
 *   start, end   of speech: seconds of its file between which the sample lies; empty = from its beginning, to its end
 *   channel   of speech: the channel that is read, counted from 0; empty = their average
 *   box       of image: x,y,width,height of the part that is the sample, in pixels or all from 0 to 1; empty = all
 *             (these four are checked on load where there is a column speech or image)
 *   others    kept, addressable by name (lang, speaker, ...)
 * In a cell \t \n \r \\ stand for tab, line feed, carriage return, backslash. Lines before the
 * header that are empty or start with '#' are comments; below it every line is a row. Line ends: LF
 * or CRLF. At least one of speech, image, text must be a column. A file without rows is refused.
 * Limits: 2^31 rows, 64 columns, 1 MiB per cell.
 *
 * 1,000,000 rows load in under 1 s and 200 MB: the file is held once, cells are cut in place. */
#ifndef RT_MANIFEST_H
#define RT_MANIFEST_H

#include "formats/error.h"
#include "formats/extent.h"
#include <stddef.h>
#include <stdio.h>

#define RT_MANIFEST_COLUMNS 64
#define RT_MANIFEST_WEIGHT_MOST 1e6

struct rt_manifest; /* opaque; immutable after load, so any thread may read it */

/* Refuses with FILE:LINE, column, the offending value and what to write instead: RT_EMISSING, RT_EIO,
 * RT_EEMPTY (no header), RT_ENODATA (no rows), RT_EFORMAT, RT_ELARGE, RT_EMEM. *out is then NULL. */
int rt_manifest_load(struct rt_manifest **out, const char *path, struct rt_error *e);
/* As rt_manifest_load from memory (copied); path stands for the file in messages and paths. */
int rt_manifest_parse(struct rt_manifest **out, const char *bytes, size_t size, const char *path,
                      struct rt_error *e);
void rt_manifest_destroy(struct rt_manifest *m);

int rt_manifest_rows(const struct rt_manifest *m);
int rt_manifest_columns(const struct rt_manifest *m);
const char *rt_manifest_column_name(const struct rt_manifest *m, int column);
/* -1 when the manifest has no such column. */
int rt_manifest_column(const struct rt_manifest *m, const char *name);
/* Where there is no column of this name: "; there is 'lable'" for one that it may be and that has no meaning of its
 * own, else "". Returns text. */
#define RT_MANIFEST_HINT 96
const char *rt_manifest_column_hint(const struct rt_manifest *m, const char *name, char text[RT_MANIFEST_HINT]);
/* The cell, unescaped, NUL-terminated, "" when empty or column is -1. Valid while m lives. */
const char *rt_manifest_cell(const struct rt_manifest *m, int row, int column);
/* The row's weight, 1 where its cell is empty or there is no such column. */
double rt_manifest_weight(const struct rt_manifest *m, int row);
/* Which part of its file a row's speech or image is; whole for text. */
struct rt_extent rt_manifest_extent(const struct rt_manifest *m, int row, int modality);
/* The path of a row's file: text or a pointer to buffer, "" where the cell is empty. A path longer than size is cut. */
const char *rt_manifest_file(const struct rt_manifest *m, int row, int modality, char *buffer, size_t size);
/* The row with this id, or -1. O(1). */
int rt_manifest_find(const struct rt_manifest *m, const char *id);
/* Line number of a row in the file, for messages. */
int rt_manifest_line(const struct rt_manifest *m, int row);
/* The folder that relative paths start from, without trailing slash, and the file's own path. */
const char *rt_manifest_folder(const struct rt_manifest *m);
const char *rt_manifest_path(const struct rt_manifest *m);

/* Writes one cell to a manifest being made, escaping tabs, line ends and backslashes. */
void rt_manifest_write_cell(FILE *f, const char *text);

#endif
