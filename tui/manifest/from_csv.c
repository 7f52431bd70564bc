/* SPDX-License-Identifier: MIT
 * from_csv: a manifest from a spreadsheet's table: the user's columns are given their parts,
 * paths are made relative to the manifest, all other columns are kept. */
#include "formats/csv.h"
#include "formats/file.h"
#include "formats/filewalk.h"
#include "formats/path.h"
#include "formats/words.h"
#include "pipeline/data/datafile.h"
#include "tui/manifest/files.h"
#include "tui/manifest/sources.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CSV_BYTES_MAX ((size_t)1 << 34)

const char *const rt_made_roles[RT_ROLES] = {"id",     "split", "label", "group",
                                             "speech", "image", "text"};

enum { FROM_SPLITTING = -1, FROM_FOLDER = -2 }; /* a cell that is made: later, or of where the row's file lies */

struct reading {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    struct rt_csv csv;
    int columns;                   /* of the CSV */
    int from[RT_MANIFEST_COLUMNS]; /* CSV column of each of the table's; or one of the following */
    int role[RT_MANIFEST_COLUMNS]; /* of each of the table's columns; RT_ROLES = none */
    char root[PATH_MAX];
    struct rt_made_tree tree; /* of files that are looked for */
    struct rt_datafiles *shards; /* those already indexed */
    const char *encoding;        /* how it was read; NULL: UTF-8 */
    size_t files, missing;
    char example[PATH_MAX]; /* a file that is not there */
    struct rt_error *e;
};

/* ---- columns ----
 * Those that play a part come first, in the manifest's own order; all others keep their names and places behind
 * them. */

static int csv_column(const struct reading *r, const char *name)
{
    for (int c = 0; c < r->columns; c++)
        if (!strcmp(r->csv.cell[c], name))
            return c;
    return -1;
}

static int column_refuse(const struct reading *r, const char *option, const char *name)
{
    char names[300] = "", hint[96], quoted[RT_QUOTE];
    struct rt_nearest near = {.word = name};
    for (int c = 0; c < r->columns; c++) {
        size_t used = strlen(names);
        rt_nearest_offer(&near, r->csv.cell[c]);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", r->csv.cell[c]);
    }
    return rt_error_set(r->e, RT_EUSAGE, "%s:%d: --%s: no column %s; there are %s%s", r->csv.name,
                        r->csv.row_line, option, rt_quote(quoted, sizeof quoted, name), names,
                        rt_nearest_hint(&near, hint, sizeof hint));
}

static void column_add(struct reading *r, const char *name, int from, int role)
{
    int at = r->t->columns++;
    r->t->column[at] = name;
    r->from[at] = from;
    r->role[at] = role;
}

/* The columns that play a part, in the manifest's order. taken[c] = CSV column c plays one. */
static int columns_map_roles(struct reading *r, bool taken[RT_CSV_CELLS])
{
    for (int role = 0; role < RT_ROLES; role++) {
        const char *name = rt_made_roles[role], *given = r->o->role[role];
        int from = csv_column(r, given ? given : name);
        if (role == RT_ROLE_SPLIT &&
            (r->o->splits == RT_SPLITS_NEW || (from < 0 && r->o->splits == RT_SPLITS_IF_NONE))) {
            column_add(r, name, FROM_SPLITTING, role);
            r->t->unsplit = true;
            if (from >= 0)
                taken[from] = true; /* replaced by the one to be made */
            continue;
        }
        if (given && from < 0)
            return column_refuse(r, name, given);
        if (from < 0 && role == RT_ROLE_LABEL && r->o->search)
            column_add(r, name, FROM_FOLDER, role);
        if (from >= 0) {
            column_add(r, name, from, role);
            taken[from] = true;
        }
    }
    return 0;
}

/* The header row is in r->csv; its names must outlive r->t. */
static int columns_map(struct reading *r)
{
    bool taken[RT_CSV_CELLS] = {false};
    int modalities = 0;
    RT_TRY(columns_map_roles(r, taken));
    if (r->t->columns == 0 || r->role[0] != RT_ROLE_ID)
        return column_refuse(r, "id COL is needed", "id");
    for (int c = 0; c < r->t->columns; c++)
        modalities += r->role[c] >= RT_ROLE_SPEECH;
    if (!modalities)
        return column_refuse(r, "speech, --image or --text COL is needed", "speech");
    for (int c = 0; c < r->columns; c++) {
        char quoted[RT_QUOTE];
        rt_quote(quoted, sizeof quoted, r->csv.cell[c]);
        if (taken[c])
            continue;
        if (!*r->csv.cell[c])
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s:%d: column %d has no name: name it or remove "
                                "it",
                                r->csv.name, r->csv.row_line, c + 1);
        if (r->t->columns == RT_MANIFEST_COLUMNS)
            return rt_error_set(r->e, RT_ELARGE, "%s:%d: more than %d columns", r->csv.name,
                                r->csv.row_line, RT_MANIFEST_COLUMNS);
        if (rt_made_column(r->t, r->csv.cell[c]) >= 0)
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s:%d: two columns would be called %s: rename "
                                "column %d",
                                r->csv.name, r->csv.row_line, quoted, c + 1);
        if (strpbrk(r->csv.cell[c], "\t\n\r"))
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s:%d: column %d: a name cannot hold tabs or "
                                "line ends: rename %s",
                                r->csv.name, r->csv.row_line, c + 1, quoted);
        column_add(r, r->csv.cell[c], c, RT_ROLES);
    }
    return 0;
}

/* ---- rows ---- */

/* A file's path as the manifest has it. below: its path below the root, where it was looked for, else NULL. */
static int cell_file(struct reading *r, const char *name, const char *cell, char way[PATH_MAX], const char **below)
{
    char path[PATH_MAX], quoted[RT_QUOTE];
    struct rt_made_file *found = r->o->search ? rt_made_tree_find(&r->tree, cell) : NULL;
    if (rt_path_absolute(found ? found->path : cell, r->root, path, sizeof path) ||
        rt_path_relative(path, r->o->output_folder, way, PATH_MAX))
        return rt_error_set(r->e, RT_ELARGE, "%s:%d: column %s: the path %s is too long",
                            r->csv.name, r->csv.row_line, name,
                            rt_quote(quoted, sizeof quoted, cell));
    r->files++;
    if (found) {
        found->named = true;
        *below = found->below;
    } else if (rt_datafile_exists(r->shards, path, NULL, NULL) < 0) {
        r->missing++;
        strcpy(r->example, path);
    }
    return 0;
}

/* The split meant by the names that others use; NULL when none is. */
const char *rt_made_split_word(const char *cell)
{
    static const struct {
        const char *written, *meant;
    } names[] = {{"train", "train"}, {"training", "train"},   {"valid", "valid"},
                 {"val", "valid"},   {"validation", "valid"}, {"dev", "valid"},
                 {"test", "test"},   {"testing", "test"},     {"eval", "test"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcasecmp(names[i].written, cell))
            return names[i].meant;
    return NULL;
}

/* The first folder of a path below the root; "" when there is none. */
static void folder_of(const char *below, char label[PATH_MAX])
{
    const char *slash = below ? strchr(below, '/') : NULL;
    snprintf(label, PATH_MAX, "%.*s", slash ? (int)(slash - below) : 0, below ? below : "");
}

static bool column_is_file(const struct reading *r, int c)
{
    return r->role[c] == RT_ROLE_SPEECH || r->role[c] == RT_ROLE_IMAGE;
}

static int row_add(struct reading *r)
{
    static char way[2][PATH_MAX], folder[PATH_MAX]; /* speech, image */
    const char *cell[RT_MANIFEST_COLUMNS], *below = NULL;
    char quoted[RT_QUOTE];
    if (r->csv.cells != r->columns)
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s:%d: %d cells where the header has %d columns: "
                            "cells that hold the delimiter need quotes",
                            r->csv.name, r->csv.row_line, r->csv.cells, r->columns);
    for (int c = 0; c < r->t->columns; c++) {
        const char *text = r->from[c] == FROM_SPLITTING ? RT_SPLIT_ROOM
                         : r->from[c] == FROM_FOLDER    ? folder
                                                        : r->csv.cell[r->from[c]];
        cell[c] = text;
        if (r->role[c] == RT_ROLE_ID && !*text)
            return rt_error_set(r->e, RT_EFORMAT, "%s:%d: no id: give every row its own",
                                r->csv.name, r->csv.row_line);
        if (column_is_file(r, c) && *text) {
            cell[c] = way[r->role[c] - RT_ROLE_SPEECH];
            RT_TRY(cell_file(r, r->t->column[c], text, way[r->role[c] - RT_ROLE_SPEECH], &below));
        }
        if (r->role[c] == RT_ROLE_SPLIT && r->from[c] >= 0 && !(cell[c] = rt_made_split_word(text)))
            return rt_error_set(r->e, RT_EFORMAT,
                                "%s:%d: split %s: write train, valid or test, or "
                                "make new ones with --split 70/10/20",
                                r->csv.name, r->csv.row_line, rt_quote(quoted, sizeof quoted, text));
    }
    folder_of(below, folder);
    return rt_made_add(r->t, cell, r->csv.row_line, r->e);
}

/* A file that no row names is a sample all the same where its folder is its label: of no other modality, so that a
 * teacher has nothing to say of it. */
static int rows_add_unnamed(struct reading *r, size_t *unnamed)
{
    static char way[PATH_MAX], folder[PATH_MAX];
    int label = rt_made_column(r->t, "label");
    for (size_t i = 0; i < r->tree.count; i++) {
        const struct rt_made_file *file = &r->tree.file[i];
        const char *cell[RT_MANIFEST_COLUMNS];
        bool wanted = false;
        for (int c = 0; c < r->t->columns; c++) {
            bool here = column_is_file(r, c) && r->role[c] - RT_ROLE_SPEECH == file->modality;
            wanted |= here;
            cell[c] = here                                ? way
                    : r->role[c] == RT_ROLE_ID            ? file->below
                    : r->from[c] == FROM_FOLDER           ? folder
                    : r->from[c] == FROM_SPLITTING        ? RT_SPLIT_ROOM
                    : r->role[c] == RT_ROLE_SPLIT         ? "train"
                                                          : "";
        }
        if (file->named || !wanted)
            continue;
        ++*unnamed;
        folder_of(file->below, folder);
        if (label < 0 || r->from[label] != FROM_FOLDER || !*folder)
            continue;
        RT_TRY(rt_walk_relative(file->path, r->o->output_folder, way, r->e));
        RT_TRY(rt_made_add(r->t, cell, 0, r->e));
    }
    return 0;
}

/* ---- the file ---- */

static int reading_find_root(struct reading *r)
{
    char folder[PATH_MAX];
    const char *source = r->o->source, *slash = strrchr(source, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - source) + 1 : 1,
             slash ? source : ".");
    const char *root = r->o->root ? r->o->root : folder;
    char *real = realpath(root, NULL);
    if (!real)
        return rt_error_errno(r->e, "cannot read", root);
    snprintf(r->root, sizeof r->root, "%s", real);
    free(real);
    return 0;
}

static int reading_rows(struct reading *r, struct rt_made_notes *notes)
{
    int more;
    while ((more = rt_csv_next(&r->csv, r->e)) > 0)
        RT_TRY(row_add(r));
    RT_TRY(more);
    if (!r->t->rows)
        return rt_error_set(r->e, RT_ENODATA, "%s: no rows below the header", r->csv.name);
    if (r->missing && r->missing == r->files)
        return rt_error_set(r->e, RT_EMISSING,
                            "%s: none of its %zu files exists, such as %s: say "
                            "with --root DIR where they are",
                            r->csv.name, r->files, r->example);
    if (r->missing)
        snprintf(notes->text, sizeof notes->text, "%zu of %zu files do not exist, such as %.300s",
                 r->missing, r->files, r->example);
    size_t used = strlen(notes->text), unnamed = 0;
    if (r->encoding)
        used += (size_t)snprintf(notes->text + used, sizeof notes->text - used, "%s%s", used ? "\n" : "", r->encoding);
    RT_TRY(rows_add_unnamed(r, &unnamed));
    if (unnamed)
        snprintf(notes->text + used, sizeof notes->text - used, "%s%zu files below %.300s are in no row of %.300s",
                 used ? "\n" : "", unnamed, r->root, r->csv.name);
    return 0;
}

static int table_read(struct reading *r, struct rt_made_notes *notes)
{
    const struct rt_made_options *o = r->o;
    struct rt_error *e = r->e;
    uint8_t *bytes;
    size_t size;
    RT_TRY(rt_file_read(o->source, CSV_BYTES_MAX, &bytes, &size, e));
    notes->names = (char *)bytes; /* the header's names stay where they were read */
    RT_TRY(rt_csv_decode(&notes->names, &size, o->source, &r->encoding, e));
    RT_TRY(reading_find_root(r));
    RT_TRY(rt_csv_init(&r->csv, notes->names, size, o->delimiter, o->source, e));
    int more = rt_csv_next(&r->csv, e);
    RT_TRY(more);
    if (!more)
        return rt_error_set(e, RT_EEMPTY, "%s: empty: the first line must name the columns",
                            o->source);
    r->columns = r->csv.cells;
    RT_TRY(columns_map(r));
    if (o->search)
        RT_TRY(rt_made_tree_read(&r->tree, r->root, e));
    return reading_rows(r, notes);
}

int rt_made_csv(struct rt_made_table *t, const struct rt_made_options *o,
                struct rt_made_notes *notes, struct rt_error *e)
{
    struct reading r = {.o = o, .t = t, .e = e};
    if (rt_datafiles_create(&r.shards) < 0)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", o->source);
    int rc = table_read(&r, notes);
    rt_made_tree_fini(&r.tree);
    rt_datafiles_destroy(r.shards);
    return rc;
}
