/* SPDX-License-Identifier: MIT
 * manifest: the table of samples, read in one pass over the file's bytes. Cells are unescaped and
 * cut in place; a row keeps its start and 32-bit offsets of its cells; ids are found through an
 * open hash table of row numbers. What a row means for a run is pipeline/data/dataset.c. */
#include "formats/manifest.h"
#include "formats/choice.h"
#include "formats/file.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FILE_BYTES_MAX ((size_t)1 << 36)
#define CELL_BYTES_MAX ((size_t)1 << 20)

/* Row numbers by the text of one column; 0 = free, else row + 1. Never more than half full. */
struct index {
    uint32_t *slot;
    size_t mask;
};

struct rt_manifest {
    char *path, *folder;
    char *bytes; /* the file; cells are NUL-terminated inside it */
    size_t size;
    int rows, columns, header_line;
    const char *name[RT_MANIFEST_COLUMNS];
    size_t *start;  /* [rows] offset of the row in bytes */
    uint32_t *cell; /* [rows][columns] offset of the cell from its row's start */
    struct index id;
};

/* ---- the index ----
 * Row numbers in a table of 32-bit slots: 8 to 16 bytes for each id, beside the file's own bytes.
 * Texts are compared in place. */

static int index_init(struct index *x, int rows)
{
    size_t slots = 16;
    while (slots < (size_t)rows * 2)
        slots *= 2;
    x->mask = slots - 1;
    x->slot = calloc(slots, sizeof *x->slot);
    return x->slot ? 0 : RT_EMEM;
}

/* The slot that holds text, or the free one where it belongs. */
static uint32_t *index_slot(const struct index *x, const struct rt_manifest *m, int column,
                            const char *text)
{
    size_t at = (size_t)XXH3_64bits(text, strlen(text)) & x->mask;
    while (x->slot[at] && strcmp(rt_manifest_cell(m, (int)x->slot[at] - 1, column), text))
        at = (at + 1) & x->mask;
    return &x->slot[at];
}

/* ---- the header ----
 * Most wrong files are wrong here: another separator, a name written otherwise, no header at all.
 * So these messages say what is missing and what is near. */

/* The end of the line that starts at `at`: its '\n', or the end of the file. */
static size_t manifest_line_end(const struct rt_manifest *m, size_t at)
{
    const char *end = memchr(m->bytes + at, '\n', m->size - at);
    return end ? (size_t)(end - m->bytes) : m->size;
}

/* The length of the line [at, end) without the '\r' of a CRLF. */
static size_t manifest_line_length(const struct rt_manifest *m, size_t at, size_t end)
{
    return end - at - (end > at && m->bytes[end - 1] == '\r');
}

static int header_names(struct rt_manifest *m, char *line, struct rt_error *e)
{
    char quoted[RT_QUOTE];
    for (char *at = line; at;) {
        char *tab = strchr(at, '\t');
        if (tab)
            *tab = '\0';
        if (m->columns == RT_MANIFEST_COLUMNS)
            return rt_error_set(e, RT_ELARGE, "%s:%d: more than %d columns", m->path,
                                m->header_line, RT_MANIFEST_COLUMNS);
        if (!*at)
            return rt_error_set(e, RT_EFORMAT, "%s:%d: column %d has no name: name it or remove it",
                                m->path, m->header_line, m->columns + 1);
        if (rt_manifest_column(m, at) >= 0)
            return rt_error_set(e, RT_EFORMAT, "%s:%d: two columns are called %s: rename one",
                                m->path, m->header_line, rt_quote(quoted, sizeof quoted, at));
        m->name[m->columns++] = at;
        at = tab ? tab + 1 : NULL;
    }
    return 0;
}

/* A column that must be there is not: say what might have been meant. */
static int header_lacks(const struct rt_manifest *m, const char *what, const char *nearest_to,
                        struct rt_error *e)
{
    char hint[128], quoted[RT_QUOTE];
    struct rt_nearest near = {.word = nearest_to};
    for (int c = 0; c < m->columns; c++)
        rt_nearest_offer(&near, m->name[c]);
    rt_nearest_hint(&near, hint, sizeof hint);
    if (m->columns == 1 && strpbrk(m->name[0], ",;"))
        return rt_error_set(e, RT_EFORMAT,
                            "%s:%d: the header %s has no tabs: a manifest is tab-separated; make "
                            "one with `retort manifest csv`",
                            m->path, m->header_line, rt_quote(quoted, sizeof quoted, m->name[0]));
    if (*near.best)
        snprintf(hint, sizeof hint, "; rename %s to %s?", near.best, nearest_to);
    return rt_error_set(e, RT_EFORMAT,
                        "%s:%d: no column %s: the first line must name the columns, such as id, "
                        "split, label, speech, separated by tabs%s",
                        m->path, m->header_line, what, hint);
}

/* Reads the header line behind comments; *at is then the first row's offset. */
static int header_read(struct rt_manifest *m, size_t *at, struct rt_error *e)
{
    size_t end;
    if (m->size >= 3 && !memcmp(m->bytes, "\xEF\xBB\xBF", 3))
        *at = 3;
    for (m->header_line = 1;; m->header_line++, *at = end + 1) {
        if (*at >= m->size)
            return rt_error_set(e, RT_EEMPTY,
                                "%s: empty: a manifest starts with a line of column "
                                "names, such as id, label, speech, separated by tabs",
                                m->path);
        end = manifest_line_end(m, *at);
        if (m->bytes[*at] != '#' && manifest_line_length(m, *at, end) > 0)
            break;
    }
    m->bytes[*at + manifest_line_length(m, *at, end)] = '\0';
    RT_TRY(header_names(m, m->bytes + *at, e));
    *at = end + 1;
    if (rt_manifest_column(m, "id") < 0)
        return header_lacks(m, "id", "id", e);
    if (rt_manifest_column(m, "speech") < 0 && rt_manifest_column(m, "image") < 0 &&
        rt_manifest_column(m, "text") < 0)
        return header_lacks(m, "speech, image or text", "speech", e);
    return 0;
}

/* ---- the rows ----
 * Rows are counted first, so that their tables are allocated once and to size. Cells are unescaped
 * in place (an escape is longer than what it means), and a cell's offset from its row's start fits
 * 32 bits while the file may be larger. */

static int row_error(const struct rt_manifest *m, int row, int column, int code, const char *value,
                     const char *what, struct rt_error *e)
{
    char quoted[RT_QUOTE];
    return rt_error_set(e, code, "%s:%d: column %s: %s%s%s", m->path, rt_manifest_line(m, row),
                        m->name[column], value ? rt_quote(quoted, sizeof quoted, value) : "",
                        value ? " " : "", what);
}

/* Unescapes [from, to) in place and ends it with NUL. Returns the bad escape, or NULL. */
static const char *cell_cut(char *from, char *to)
{
    static const char written[] = "tnr\\", meant[] = "\t\n\r\\";
    char *out = memchr(from, '\\', (size_t)(to - from));
    for (char *in = out; out && in < to; in++) {
        if (*in != '\\') {
            *out++ = *in;
            continue;
        }
        const char *escape = in + 1 < to ? strchr(written, in[1]) : NULL;
        if (!escape) {
            to[0] = '\0';
            return in;
        }
        *out++ = meant[escape - written];
        in++;
    }
    *(out ? out : to) = '\0';
    return NULL;
}

/* Cuts the line [at, at + length) into the cells of a row. */
static int row_read(struct rt_manifest *m, int row, size_t at, size_t length, struct rt_error *e)
{
    char *line = m->bytes + at, *end = line + length;
    uint32_t *cell = m->cell + (size_t)row * (size_t)m->columns;
    m->start[row] = at;
    char *from = line;
    for (int c = 0; c < m->columns; c++) {
        char *to = memchr(from, '\t', (size_t)(end - from));
        bool last = c == m->columns - 1;
        if (!to)
            to = end;
        if (last != (to == end)) {
            int count = c + 1;
            for (const char *t = from; t < end; t++)
                count += *t == '\t';
            return rt_error_set(e, RT_EFORMAT,
                                "%s:%d: %d cells where the header has %d columns: write a tab "
                                "between cells, \\t for a tab inside one",
                                m->path, rt_manifest_line(m, row), count, m->columns);
        }
        if ((size_t)(to - from) > CELL_BYTES_MAX)
            return row_error(m, row, c, RT_ELARGE, NULL, "a cell may have 1 MiB at most", e);
        const char *bad = cell_cut(from, to);
        if (bad)
            return row_error(m, row, c, RT_EFORMAT, bad,
                             "is no escape: write \\t \\n \\r, and \\\\ for a backslash", e);
        cell[c] = (uint32_t)(from - line);
        from = to + 1;
    }
    return 0;
}

static int rows_read(struct rt_manifest *m, size_t at, struct rt_error *e)
{
    size_t rows = 0;
    for (size_t a = at; a < m->size; a = manifest_line_end(m, a) + 1)
        rows++;
    if (rows == 0)
        return rt_error_set(e, RT_ENODATA, "%s: no rows below the header", m->path);
    if (rows > INT_MAX)
        return rt_error_set(e, RT_ELARGE, "%s: more than %d rows", m->path, INT_MAX);
    /* A row of the right number of cells has at least as many bytes (with its line end), so what is
     * allocated never outgrows the file, whatever it holds. */
    size_t cells = rows * (size_t)m->columns;
    if (cells > m->size - at + 1)
        cells = m->size - at + 1;
    cells += (size_t)m->columns;
    m->start = malloc(rows * sizeof *m->start);
    m->cell = malloc(cells * sizeof *m->cell);
    if (!m->start || !m->cell)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %zu rows", m->path, rows);
    for (; at < m->size; m->rows++) {
        size_t end = manifest_line_end(m, at), length = manifest_line_length(m, at, end);
        int code = length ? row_read(m, m->rows, at, length, e)
                          : rt_error_set(e, RT_EFORMAT, "%s:%d: empty line: remove it", m->path,
                                         rt_manifest_line(m, m->rows));
        if (code)
            return code;
        at = end + 1;
    }
    return 0;
}

/* ---- what must hold between rows ----
 * All of it is checked for every manifest, also where a command would not need it: a group that
 * crosses splits makes test results worthless without any sign of it. */

static int ids_check(struct rt_manifest *m, struct rt_error *e)
{
    int id = rt_manifest_column(m, "id");
    if (index_init(&m->id, m->rows))
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %d rows", m->path, m->rows);
    for (int row = 0; row < m->rows; row++) {
        const char *text = rt_manifest_cell(m, row, id);
        if (!*text)
            return row_error(m, row, id, RT_EFORMAT, NULL, "empty: give every row its own id", e);
        uint32_t *slot = index_slot(&m->id, m, id, text);
        if (*slot) {
            char what[64];
            snprintf(what, sizeof what, "is already the id of line %d: ids must be unique",
                     rt_manifest_line(m, (int)*slot - 1));
            return row_error(m, row, id, RT_EFORMAT, text, what, e);
        }
        *slot = (uint32_t)row + 1;
    }
    return 0;
}

static int splits_check(const struct rt_manifest *m, struct rt_error *e)
{
    static const char *const splits[] = {"train", "valid", "test"};
    int split = rt_manifest_column(m, "split");
    for (int row = 0; split >= 0 && row < m->rows; row++) {
        const char *text = rt_manifest_cell(m, row, split);
        struct rt_nearest near = {.word = text};
        if (!strcmp(text, "train") || !strcmp(text, "valid") || !strcmp(text, "test"))
            continue;
        for (int i = 0; i < 3; i++)
            rt_nearest_offer(&near, splits[i]);
        char hint[96], what[160];
        snprintf(what, sizeof what, "is no split: write train, valid or test%s",
                 rt_nearest_hint(&near, hint, sizeof hint));
        return row_error(m, row, split, RT_EFORMAT, text, what, e);
    }
    return 0;
}

/* Rows of one group must share their split, or the test data has been seen in training. */
static int groups_check(const struct rt_manifest *m, struct rt_error *e)
{
    int split = rt_manifest_column(m, "split"), group = rt_manifest_column(m, "group");
    struct index groups;
    int code = 0;
    if (split < 0 || group < 0)
        return 0;
    if (index_init(&groups, m->rows))
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %d rows", m->path, m->rows);
    for (int row = 0; row < m->rows && !code; row++) {
        const char *text = rt_manifest_cell(m, row, group);
        if (!*text)
            continue;
        uint32_t *slot = index_slot(&groups, m, group, text);
        if (!*slot)
            *slot = (uint32_t)row + 1;
        int first = (int)*slot - 1;
        const char *here = rt_manifest_cell(m, row, split);
        const char *there = rt_manifest_cell(m, first, split);
        if (strcmp(here, there)) {
            char what[160];
            snprintf(what, sizeof what,
                     "is in split %s here and in %s in line %d: a group must not cross splits",
                     here, there, rt_manifest_line(m, first));
            code = row_error(m, row, group, RT_EFORMAT, text, what, e);
        }
    }
    free(groups.slot);
    return code;
}

/* ---- loading ---- */

/* A column of this name that is something else (kilograms) would change every result without a word, so
 * all of it has to be a weight. */
static int weights_check(const struct rt_manifest *m, struct rt_error *e)
{
    int weight = rt_manifest_column(m, "weight");
    for (int row = 0; weight >= 0 && row < m->rows; row++) {
        const char *text = rt_manifest_cell(m, row, weight);
        char *end;
        double w = strtod(text, &end);
        if (*end || (*text && !(w >= 0 && w <= RT_MANIFEST_WEIGHT_MOST)))
            return row_error(m, row, weight, RT_EFORMAT, text,
                             "is no weight: write 0 to 1000000, nothing for 1, or call the column otherwise", e);
    }
    return 0;
}

static const struct {
    enum rt_extent_column column;
    enum rt_modality_id of;
} extents[RT_EXTENT_COLUMNS] = {{RT_EXTENT_START, RT_SPEECH}, {RT_EXTENT_END, RT_SPEECH},
                                {RT_EXTENT_CHANNEL, RT_SPEECH}, {RT_EXTENT_BOX, RT_IMAGE}};

/* NULL, or what is wrong with the cell of *column. */
static const char *row_extent(const struct rt_manifest *m, int row, int modality, struct rt_extent *x, int *column)
{
    *x = (struct rt_extent){0};
    for (int i = 0; i < RT_EXTENT_COLUMNS; i++) {
        if ((int)extents[i].of != modality)
            continue;
        *column = rt_manifest_column(m, rt_extent_names[i]);
        const char *wrong = rt_extent_read(x, extents[i].column, rt_manifest_cell(m, row, *column));
        if (wrong)
            return wrong;
    }
    return NULL;
}

static int extents_check(const struct rt_manifest *m, struct rt_error *e)
{
    static const int with[] = {RT_SPEECH, RT_IMAGE};
    for (size_t k = 0; k < sizeof with / sizeof *with; k++) {
        bool any = false;
        for (int i = 0; i < RT_EXTENT_COLUMNS; i++)
            any = any || ((int)extents[i].of == with[k] && rt_manifest_column(m, rt_extent_names[i]) >= 0);
        if (!any || rt_manifest_column(m, rt_modality_names[with[k]]) < 0)
            continue;
        for (int row = 0; row < m->rows; row++) {
            struct rt_extent x;
            int column;
            const char *wrong = row_extent(m, row, with[k], &x, &column);
            if (wrong)
                return row_error(m, row, column, RT_EFORMAT, rt_manifest_cell(m, row, column), wrong, e);
        }
    }
    return 0;
}

/* Text, not something else: UTF-8 and without NUL, for cells are C strings. */
static int text_check(const struct rt_manifest *m, struct rt_error *e)
{
    const char *nul = memchr(m->bytes, 0, m->size);
    size_t bad = nul ? (size_t)(nul - m->bytes) : rt_utf8_check(m->bytes, m->size);
    if (bad == m->size)
        return 0;
    int line = 1;
    size_t start = 0;
    for (size_t i = 0; i < bad; i++)
        if (m->bytes[i] == '\n') {
            line++;
            start = i + 1;
        }
    return rt_error_set(e, RT_EFORMAT, "%s:%d: byte %zu is 0x%02X: %s", m->path, line,
                        bad - start + 1, (unsigned char)m->bytes[bad],
                        nul ? "a manifest is text and has no NUL bytes"
                            : "not UTF-8; convert it, for instance with iconv -t utf-8");
}

static int manifest_set_paths(struct rt_manifest *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    m->path = strdup(path);
    m->folder = !slash          ? strdup(".")
                : slash == path ? strdup("/.") /* so that FOLDER/FILE is right */
                                : strndup(path, (size_t)(slash - path));
    return m->path && m->folder ? 0 : RT_EMEM;
}

/* Takes bytes, which have room for a NUL behind them. */
static int manifest_read(struct rt_manifest *m, char *bytes, size_t size, struct rt_error *e)
{
    size_t at = 0;
    m->bytes = bytes;
    while (size && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    m->size = size;
    bytes[size] = '\0';
    RT_TRY(text_check(m, e));
    RT_TRY(header_read(m, &at, e));
    RT_TRY(rows_read(m, at, e));
    RT_TRY(ids_check(m, e));
    RT_TRY(splits_check(m, e));
    RT_TRY(weights_check(m, e));
    RT_TRY(extents_check(m, e));
    return groups_check(m, e);
}

/* The file's bytes are the manifest: they are changed in place and kept until it is destroyed, so a
 * data set of a million rows costs its file, an offset a cell, one a row, and the index. */

/* bytes: as manifest_read; taken in any case. NULL stands for memory that could not be had. */
static int manifest_create(struct rt_manifest **out, char *bytes, size_t size, const char *path,
                           struct rt_error *e)
{
    struct rt_manifest *m = bytes ? calloc(1, sizeof *m) : NULL;
    int code;
    if (!m || manifest_set_paths(m, path)) {
        free(bytes);
        code = rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    } else {
        code = manifest_read(m, bytes, size, e);
    }
    if (code)
        rt_manifest_destroy(m);
    *out = code ? NULL : m;
    return code;
}

int rt_manifest_load(struct rt_manifest **out, const char *path, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    *out = NULL;
    int code = rt_file_read(path, FILE_BYTES_MAX, &bytes, &size, e);
    return code ? code : manifest_create(out, (char *)bytes, size, path, e);
}

int rt_manifest_parse(struct rt_manifest **out, const char *bytes, size_t size, const char *path,
                      struct rt_error *e)
{
    char *copy = malloc(size + 1);
    if (copy && size)
        memcpy(copy, bytes, size);
    return manifest_create(out, copy, size, path, e);
}

void rt_manifest_destroy(struct rt_manifest *m)
{
    if (!m)
        return;
    free(m->path);
    free(m->folder);
    free(m->bytes);
    free(m->start);
    free(m->cell);
    free(m->id.slot);
    free(m);
}

/* ---- looking ---- */

int rt_manifest_rows(const struct rt_manifest *m)
{
    return m->rows;
}

int rt_manifest_columns(const struct rt_manifest *m)
{
    return m->columns;
}

const char *rt_manifest_column_name(const struct rt_manifest *m, int column)
{
    return m->name[column];
}

int rt_manifest_column(const struct rt_manifest *m, const char *name)
{
    for (int c = 0; c < m->columns; c++)
        if (!strcmp(m->name[c], name))
            return c;
    return -1;
}

const char *rt_manifest_column_hint(const struct rt_manifest *m, const char *name, char text[RT_MANIFEST_HINT])
{
    static const char *const known[] = {"id", "split", "label", "group", "speech", "image", "text", "weight"};
    struct rt_nearest near = {.word = name};
    for (int c = 0; c < m->columns; c++) {
        bool meant = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            meant |= !strcmp(known[k], rt_manifest_column_name(m, c));
        if (!meant)
            rt_nearest_offer(&near, rt_manifest_column_name(m, c));
    }
    snprintf(text, RT_MANIFEST_HINT, *near.best ? "; there is '%s'" : "%s", near.best);
    return text;
}

const char *rt_manifest_cell(const struct rt_manifest *m, int row, int column)
{
    if (column < 0)
        return "";
    size_t at = (size_t)row * (size_t)m->columns + (size_t)column;
    return m->bytes + m->start[row] + m->cell[at];
}

double rt_manifest_weight(const struct rt_manifest *m, int row)
{
    const char *text = rt_manifest_cell(m, row, rt_manifest_column(m, "weight"));
    return *text ? strtod(text, NULL) : 1;
}

struct rt_extent rt_manifest_extent(const struct rt_manifest *m, int row, int modality)
{
    struct rt_extent x;
    int column;
    row_extent(m, row, modality, &x, &column);
    return x;
}

const char *rt_manifest_file(const struct rt_manifest *m, int row, int modality, char *buffer, size_t size)
{
    const char *cell = rt_manifest_cell(m, row, rt_manifest_column(m, rt_modality_names[modality]));
    if (cell[0] == '\0' || cell[0] == '/')
        return cell;
    snprintf(buffer, size, "%s/%s", m->folder, cell);
    return buffer;
}

int rt_manifest_find(const struct rt_manifest *m, const char *id)
{
    return (int)*index_slot(&m->id, m, rt_manifest_column(m, "id"), id) - 1;
}

int rt_manifest_line(const struct rt_manifest *m, int row)
{
    return m->header_line + 1 + row;
}

const char *rt_manifest_folder(const struct rt_manifest *m)
{
    return m->folder;
}

const char *rt_manifest_path(const struct rt_manifest *m)
{
    return m->path;
}

void rt_manifest_write_cell(FILE *f, const char *text)
{
    for (;;) {
        size_t plain = strcspn(text, "\t\n\r\\");
        fwrite(text, 1, plain, f);
        text += plain;
        if (!*text)
            return;
        fputc('\\', f);
        fputc(*text == '\t' ? 't' : *text == '\n' ? 'n' : *text == '\r' ? 'r' : '\\', f);
        text++;
    }
}
