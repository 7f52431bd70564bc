/* SPDX-License-Identifier: MIT
 * made_table: sorting, splitting and writing the rows of a manifest being made. Everything is
 * in memory until the finished text has passed the manifest reader itself. */
#include "tui/manifest/made_table.h"
#include "formats/file.h"
#include "formats/words.h"
#include <stdlib.h>
#include <string.h>

void rt_made_fini(struct rt_made_table *t)
{
    for (size_t i = 0; i < t->rows; i++)
        free(t->row[i]);
    free(t->row);
    memset(t, 0, sizeof *t);
}

int rt_made_column(const struct rt_made_table *t, const char *name)
{
    for (int c = 0; c < t->columns; c++)
        if (!strcmp(t->column[c], name))
            return c;
    return -1;
}

int rt_made_add(struct rt_made_table *t, const char *const *cell, int line, struct rt_error *e)
{
    size_t pointers = sizeof(char *) * (size_t)t->columns, text = 0;
    for (int c = 0; c < t->columns; c++)
        text += strlen(cell[c]) + 1;
    if (t->rows == t->room) {
        size_t room = t->room ? 2 * t->room : 1024;
        struct rt_made_row **more = realloc(t->row, room * sizeof(struct rt_made_row *));
        if (!more)
            return rt_error_set(e, RT_EMEM, "out of memory after %zu rows", t->rows);
        t->row = more;
        t->room = room;
    }
    struct rt_made_row *row = malloc(sizeof *row + pointers + text);
    if (!row)
        return rt_error_set(e, RT_EMEM, "out of memory after %zu rows", t->rows);
    char *at = (char *)row->cell + pointers;
    row->line = line;
    for (int c = 0; c < t->columns; c++) {
        row->cell[c] = at;
        at = stpcpy(at, cell[c]) + 1;
    }
    t->row[t->rows++] = row;
    return 0;
}

static int row_compare(const void *a, const void *b, void *column)
{
    const struct rt_made_row *x = *(struct rt_made_row *const *)a;
    const struct rt_made_row *y = *(struct rt_made_row *const *)b;
    int c = *(const int *)column;
    int order = strcmp(x->cell[c], y->cell[c]);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

int rt_made_sort(struct rt_made_table *t, const char *source, struct rt_error *e)
{
    int id = rt_made_column(t, "id");
    if (t->rows)
        qsort_r(t->row, t->rows, sizeof(struct rt_made_row *), row_compare, &id);
    for (size_t i = 1; i < t->rows; i++) {
        const struct rt_made_row *a = t->row[i - 1], *b = t->row[i];
        char quoted[RT_QUOTE];
        if (!strcmp(a->cell[id], b->cell[id]))
            return rt_error_set(e, RT_EFORMAT,
                                "%s:%d: id %s is already in line %d: ids must be unique", source,
                                b->line, rt_quote(quoted, sizeof quoted, b->cell[id]), a->line);
    }
    return 0;
}

/* ---- splitting ----
 * What decides is a hash of names, so that rows in another order get the same splits. It is written out here, because
 * splits that people have trained on must never change. */

/* Rows that stay together: those of a group, or a row without one. */
struct unit {
    uint64_t hash;
    const char *key, *label;
    size_t first, rows; /* in the member list */
};

struct member { /* a row and the group it belongs to */
    const char *group, *id;
    size_t row;
};

static uint64_t unit_hash(uint64_t seed, const char *text)
{
    uint64_t h = 0xCBF29CE484222325u ^ (seed * 0x9E3779B97F4A7C15u); /* FNV-1a, then mixed */
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
}

static int member_compare(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->id, y->id);
}

static int unit_compare(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    if (order || x->hash != y->hash)
        return order ? order : x->hash < y->hash ? -1 : 1;
    return strcmp(x->key, y->key);
}

/* Members in group order and the units they form; both freed by the caller. */
static size_t units_make(const struct rt_made_table *t, uint64_t seed, struct member *member,
                         struct unit *unit)
{
    int id = rt_made_column(t, "id"), label = rt_made_column(t, "label");
    int group = rt_made_column(t, "group");
    size_t units = 0;
    for (size_t i = 0; i < t->rows; i++) {
        char **cell = t->row[i]->cell;
        member[i] = (struct member){group < 0 ? "" : cell[group], cell[id], i};
    }
    qsort(member, t->rows, sizeof *member, member_compare);
    for (size_t i = 0; i < t->rows; i++) {
        const char *name = member[i].group;
        if (i && *name && !strcmp(name, member[i - 1].group)) {
            unit[units - 1].rows++;
            continue;
        }
        const char *key = *name ? name : member[i].id;
        const char *class = label < 0 ? "" : t->row[member[i].row]->cell[label];
        unit[units++] = (struct unit){unit_hash(seed, key), key, class, i, 1};
    }
    qsort(unit, units, sizeof *unit, unit_compare);
    return units;
}

/* One unit at least for each split that has a share, of count >= 3 of them: train first, test last. */
static int unit_place(size_t u, size_t count, const double share[3])
{
    double all = share[0] + share[1] + share[2];
    size_t test = (size_t)((double)count * share[2] / all + 0.5);
    size_t valid = (size_t)((double)count * share[1] / all + 0.5);
    test = share[2] > 0 ? (test < 1 ? 1 : test < count - 2 ? test : count - 2) : 0;
    valid = share[1] > 0 ? (valid < 1 ? 1 : valid < count - test - 1 ? valid : count - test - 1) : 0;
    return u >= count - test ? 2 : u >= count - test - valid ? 1 : 0;
}

/* Divides the units [0, count) of one label, which have rows rows together, and counts the rows of each split. A unit
 * goes where its middle falls, so that shares come out as near as whole units allow; each: to its place instead. */
static void units_divide(struct rt_made_table *t, const struct unit *unit, size_t count, size_t rows,
                         const struct member *member, const double share[3], bool each, size_t found[3])
{
    static const char *const names[] = {"train", "valid", "test"};
    int split = rt_made_column(t, "split");
    double all = share[0] + share[1] + share[2];
    size_t before = 0;
    for (size_t u = 0; u < count; before += unit[u++].rows) {
        double middle = ((double)before + (double)unit[u].rows / 2) / (double)rows * all;
        int s = middle < share[0] ? 0 : middle < share[0] + share[1] ? 1 : 2;
        s = each && count >= 3 ? unit_place(u, count, share) : s;
        found[s] += unit[u].rows;
        for (size_t i = 0; i < unit[u].rows; i++) /* split cells hold any of the names */
            strcpy(t->row[member[unit[u].first + i].row]->cell[split], names[s]);
    }
}

/* Label by label. False: a split that has a share got no row of any. */
static bool labels_divide(struct rt_made_table *t, const struct unit *unit, size_t units, const struct member *member,
                          const double share[3], bool each)
{
    size_t found[3] = {0};
    for (size_t first = 0, end; first < units; first = end) {
        size_t rows = 0;
        for (end = first; end < units && !strcmp(unit[end].label, unit[first].label); end++)
            rows += unit[end].rows;
        units_divide(t, unit + first, end - first, rows, member, share, each, found);
    }
    return (found[0] || share[0] <= 0) && (found[1] || share[1] <= 0) && (found[2] || share[2] <= 0);
}

int rt_made_split(struct rt_made_table *t, const double share[3], uint64_t seed, struct rt_error *e)
{
    struct member *member = malloc((t->rows + 1) * sizeof *member);
    struct unit *unit = malloc((t->rows + 1) * sizeof *unit);
    if (!member || !unit) {
        free(member);
        free(unit);
        return rt_error_set(e, RT_EMEM, "out of memory for %zu rows", t->rows);
    }
    size_t units = units_make(t, seed, member, unit);
    /* Eight of each class and a tenth to validate on: shares alone would leave nothing to validate on. */
    if (!labels_divide(t, unit, units, member, share, false) && share[0] > 0)
        labels_divide(t, unit, units, member, share, true);
    t->unsplit = false;
    free(member);
    free(unit);
    return 0;
}

/* ---- writing ----
 * The finished text goes through the manifest reader before anything is on disk: what a run would refuse is refused
 * here, in the reader's own words. */

static void table_print(const struct rt_made_table *t, FILE *f)
{
    for (int c = 0; c < t->columns; c++) {
        fputs(c ? "\t" : "", f);
        fputs(t->column[c], f);
    }
    fputc('\n', f);
    for (size_t i = 0; i < t->rows; i++)
        for (int c = 0; c < t->columns; c++) {
            rt_manifest_write_cell(f, t->row[i]->cell[c]);
            fputc(c == t->columns - 1 ? '\n' : '\t', f);
        }
}

int rt_made_write(const struct rt_made_table *t, const char *path, struct rt_error *e)
{
    struct rt_manifest *check = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (f)
        table_print(t, f);
    if (rt_memstream_close(f, &text) < 0)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for %zu rows", path, t->rows);
    struct rt_span part = {text, size};
    int code = rt_manifest_parse(&check, text, size, path, e);
    rt_manifest_destroy(check);
    if (code)
        rt_error_prefix(e, "nothing written");
    else
        code = rt_file_write(path, &part, 1, e);
    free(text);
    return code;
}
