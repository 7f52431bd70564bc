/* SPDX-License-Identifier: MIT
 * guess_columns: see guess_columns.h. */
#include "tui/manifest/guess_columns.h"
#include "formats/csv.h"
#include "formats/file.h"
#include "formats/path.h"
#include "tui/manifest/files.h"
#include "formats/filewalk.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TABLE_BYTES_MAX ((size_t)1 << 34)
#define FILE_LOOKS 200 /* rows whose cells are looked for on disk */
#define LABEL_ROWS 3   /* of one value, at least on average, where a column may be a label without being called so */
#define TEXT_BYTES 12  /* of a cell, on average, where a column may be a text */

/* What others call a part, besides its own name. */
static const char *const other_names[RT_ROLES][12] = {
    [RT_ROLE_ID] = {"key", "utt", "utterance", "utt_id", "uid", "name"},
    [RT_ROLE_SPLIT] = {"subset", "set", "partition", "fold"},
    [RT_ROLE_LABEL] = {"class", "category", "target", "y", "speaker", "species", "language", "emotion", "labels"},
    [RT_ROLE_GROUP] = {"session", "scene", "video", "recording_id"},
    [RT_ROLE_TEXT] = {"description", "caption", "transcript", "transcription", "sentence", "words", "title", "texts"},
};

struct column {
    const char *name;
    size_t cells, distinct, bytes; /* that are not empty, their values, their bytes together */
    size_t spaced, splits;         /* that hold a blank, that are a split */
    size_t looked, files[RT_MODALITIES], named; /* named: as recordings or pictures are, there or not */
    bool taken;
};

struct guess {
    const struct rt_made_options *o;
    struct rt_made_guess *g;
    char *bytes, root[PATH_MAX];
    struct rt_made_tree tree;
    struct column column[RT_CSV_CELLS];
    int columns;
    char **cell; /* [rows, columns] */
    size_t rows, room, in_folders; /* in_folders: files found that lie in a folder below the root */
};

/* ---- reading ---- */

static int table_add_row(struct guess *w, const struct rt_csv *csv, struct rt_error *e)
{
    size_t columns = (size_t)w->columns;
    if (csv->cells != w->columns)
        return rt_error_set(e, RT_EFORMAT, "%s:%d: %d cells where the header has %d columns: cells that hold the "
                            "delimiter need quotes", csv->name, csv->row_line, csv->cells, w->columns);
    if (w->rows == w->room) {
        size_t room = w->room ? 2 * w->room : 256;
        char **more = realloc(w->cell, room * columns * sizeof *more);
        if (!more)
            return rt_error_set(e, RT_EMEM, "%s: out of memory", csv->name);
        w->cell = more;
        w->room = room;
    }
    memcpy(w->cell + w->rows++ * columns, csv->cell, columns * sizeof *w->cell);
    return 0;
}

static int table_read(struct guess *w, struct rt_error *e)
{
    struct rt_csv csv;
    size_t size;
    int more;
    RT_TRY(rt_file_read(w->o->source, TABLE_BYTES_MAX, (uint8_t **)&w->bytes, &size, e));
    RT_TRY(rt_csv_init(&csv, w->bytes, size, w->o->delimiter, w->o->source, e));
    RT_TRY(more = rt_csv_next(&csv, e));
    if (!more)
        return rt_error_set(e, RT_EEMPTY, "%s: empty: the first line must name the columns", w->o->source);
    w->columns = csv.cells;
    for (int c = 0; c < w->columns; c++)
        w->column[c].name = csv.cell[c];
    while ((more = rt_csv_next(&csv, e)) > 0)
        RT_TRY(table_add_row(w, &csv, e));
    return more < 0 || w->rows ? more : rt_error_set(e, RT_ENODATA, "%s: no rows below the header", w->o->source);
}

/* ---- what is in a column ---- */

static int cell_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void column_look_for_file(struct guess *w, struct column *c, const char *cell)
{
    char path[PATH_MAX];
    const struct rt_made_file *found = w->o->search ? rt_made_tree_find(&w->tree, cell) : NULL;
    int modality = found ? found->modality : rt_walk_modality(cell);
    c->looked++;
    c->named += rt_walk_modality(cell) == RT_SPEECH || rt_walk_modality(cell) == RT_IMAGE;
    if (!found && (modality < 0 || rt_path_absolute(cell, w->root, path, sizeof path) || access(path, F_OK)))
        return;
    c->files[modality]++;
    w->in_folders += found && strchr(found->below, '/');
}

static int column_look(struct guess *w, int at, struct rt_error *e)
{
    struct column *c = &w->column[at];
    char **sorted = malloc(w->rows * sizeof *sorted);
    if (!sorted)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", w->o->source);
    for (size_t i = 0; i < w->rows; i++) {
        char *cell = w->cell[i * (size_t)w->columns + (size_t)at];
        if (!*cell)
            continue;
        sorted[c->cells++] = cell;
        c->bytes += strlen(cell);
        c->spaced += strchr(cell, ' ') != NULL;
        c->splits += rt_made_split_word(cell) != NULL;
        if (i < FILE_LOOKS)
            column_look_for_file(w, c, cell);
    }
    if (c->cells)
        qsort(sorted, c->cells, sizeof *sorted, cell_compare);
    for (size_t i = 0; i < c->cells; i++)
        c->distinct += i == 0 || strcmp(sorted[i - 1], sorted[i]);
    free(sorted);
    return 0;
}

/* ---- which plays which part ---- */

static void role_take(struct guess *w, int role, int column)
{
    snprintf(w->g->column[role], sizeof w->g->column[role], "%s", w->column[column].name);
    w->g->by_name[role] = !strcmp(w->column[column].name, rt_made_roles[role]);
    w->column[column].taken = true;
}

static int column_named(const struct guess *w, const char *name)
{
    for (int c = 0; c < w->columns; c++)
        if (!strcasecmp(w->column[c].name, name))
            return c;
    return -1;
}

/* By the option, the part's own name, and what others call it. */
static void role_find_named(struct guess *w, int role)
{
    int c = column_named(w, w->o->role[role] ? w->o->role[role] : rt_made_roles[role]);
    for (int i = 0; c < 0 && !w->o->role[role] && other_names[role][i]; i++) {
        c = column_named(w, other_names[role][i]);
        if (c >= 0 && ((role == RT_ROLE_SPLIT && w->column[c].splits < w->rows) ||
                       (role == RT_ROLE_ID && w->column[c].distinct < w->rows)))
            c = -1;
    }
    if (c >= 0)
        role_take(w, role, c);
}

/* The column most of whose cells are files of that kind. */
static void role_find_files(struct guess *w, int role, int modality)
{
    int best = -1;
    for (int c = 0; c < w->columns; c++) {
        size_t files = w->column[c].files[modality];
        if (!w->column[c].taken && files && 2 * files >= w->column[c].looked &&
            (best < 0 || files > w->column[best].files[modality]))
            best = c;
    }
    if (best >= 0 && !*w->g->column[role])
        role_take(w, role, best);
}

static bool column_is_text(const struct guess *w, const struct column *c)
{
    return !c->taken && c->cells && 2 * c->spaced >= c->cells && c->bytes >= TEXT_BYTES * c->cells &&
           4 * c->distinct >= w->rows;
}

/* The longest of those that read like one. */
static void role_find_text(struct guess *w)
{
    int best = -1;
    for (int c = 0; c < w->columns; c++)
        if (column_is_text(w, &w->column[c]) && (best < 0 || w->column[c].bytes > w->column[best].bytes))
            best = c;
    if (best >= 0 && !*w->g->column[RT_ROLE_TEXT])
        role_take(w, RT_ROLE_TEXT, best);
}

/* Columns with few values. One alone is taken; of several none, but where the files lie in folders those are meant. */
static void role_find_label(struct guess *w)
{
    struct rt_made_guess *g = w->g;
    int last = -1;
    if (*g->column[RT_ROLE_LABEL] || w->in_folders)
        return;
    for (int c = 0; c < w->columns; c++) {
        const struct column *a = &w->column[c];
        bool may = !a->taken && a->distinct >= 2 && LABEL_ROWS * a->distinct <= a->cells && a->splits < a->cells;
        if (may && g->label_choices < (int)(sizeof g->label_choice / sizeof *g->label_choice))
            snprintf(g->label_choice[g->label_choices++], sizeof *g->label_choice, "%s", w->column[last = c].name);
    }
    if (g->label_choices == 1)
        role_take(w, RT_ROLE_LABEL, last);
}

/* A column that names recordings or pictures, none of which is where they are looked for, in a table with nothing else
 * to learn from. */
static int guess_miss_files(const struct guess *w, struct rt_error *e)
{
    for (int c = 0; c < w->columns; c++) {
        const struct column *a = &w->column[c];
        if (!a->taken && a->named && 2 * a->named >= a->looked)
            return rt_error_set(e, RT_ENODATA, "%s: column \"%s\" names files (%s), of which none is in %s: %s",
                                w->o->source, a->name, w->cell[c], w->root,
                                w->o->search ? "give the folder that holds them"
                                             : "name the folder that holds them, too: FOLDER TABLE");
    }
    return 0;
}

/* A file's name tells a row from all others as well as an id does. */
static int role_find_id(struct guess *w, struct rt_error *e)
{
    char *id = w->g->column[RT_ROLE_ID];
    for (int role = RT_ROLE_SPEECH; role <= RT_ROLE_IMAGE && !*id; role++) {
        int c = *w->g->column[role] ? column_named(w, w->g->column[role]) : -1;
        if (c >= 0 && w->column[c].distinct == w->rows)
            snprintf(id, sizeof w->g->column[RT_ROLE_ID], "%s", w->column[c].name);
    }
    return *id ? 0 : rt_error_set(e, RT_EUSAGE, "%s: no column has a name for each row: say which with --id COL",
                                  w->o->source);
}

static int guess_roles(struct guess *w, struct rt_error *e)
{
    for (int role = 0; role < RT_ROLES; role++)
        if (role != RT_ROLE_SPEECH && role != RT_ROLE_IMAGE)
            role_find_named(w, role);
    for (int role = RT_ROLE_SPEECH; role <= RT_ROLE_IMAGE; role++) {
        if (w->o->role[role] || column_named(w, rt_made_roles[role]) >= 0)
            role_find_named(w, role);
        else
            role_find_files(w, role, role - RT_ROLE_SPEECH);
    }
    role_find_text(w);
    if (!*w->g->column[RT_ROLE_SPEECH] && !*w->g->column[RT_ROLE_IMAGE] && !*w->g->column[RT_ROLE_TEXT])
        RT_TRY(guess_miss_files(w, e));
    role_find_label(w);
    return role_find_id(w, e);
}

int rt_made_guess(const struct rt_made_options *o, struct rt_made_guess *g, struct rt_error *e)
{
    struct guess *w = calloc(1, sizeof *w);
    char folder[PATH_MAX];
    memset(g, 0, sizeof *g);
    if (!w)
        return rt_error_set(e, RT_EMEM, "out of memory");
    w->o = o;
    w->g = g;
    int behind = (int)(rt_made_base(o->source) - o->source);
    snprintf(folder, sizeof folder, "%.*s", behind ? behind : 1, behind ? o->source : ".");
    int rc = rt_walk_root(o->root ? o->root : folder, w->root, e);
    if (rc == 0 && o->search)
        rc = rt_made_tree_read(&w->tree, w->root, e);
    if (rc == 0)
        rc = table_read(w, e);
    for (int c = 0; rc == 0 && c < w->columns; c++)
        rc = column_look(w, c, e);
    if (rc == 0)
        rc = guess_roles(w, e);
    rt_made_tree_fini(&w->tree);
    free(w->cell);
    free(w->bytes);
    free(w);
    return rc;
}
