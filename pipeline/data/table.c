/* SPDX-License-Identifier: MIT
 * table: see table.h. */
#include "pipeline/data/table.h"

#include "formats/csv.h"
#include "formats/jsontext.h"
#include "formats/plain.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include "pipeline/data/filter.h"
#include "pipeline/data/loss_history.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define CELL 48                 /* widest text shown in an aligned table, in characters */
#define CELL_BYTES (CELL * 4 + 8) /* what it may take; more, as of stacked accents, is cut too */

/* ---- columns and rows ----
 * A table is kept by column, numbers as floats. Filter and sort only move `order`, a list of row
 * numbers: the columns stay as they are, and a view that is changed again starts from the same
 * data. */

int rt_table_init(struct rt_table *t, int rows)
{
    memset(t, 0, sizeof *t);
    t->order = malloc(sizeof *t->order * ((size_t)rows + 1));
    if (!t->order)
        return RT_EMEM;
    t->rows = t->shown = rows;
    for (int i = 0; i < rows; i++)
        t->order[i] = i;
    return 0;
}

void rt_table_fini(struct rt_table *t)
{
    for (int c = 0; c < t->columns; c++) {
        for (int i = 0; t->column[c].text && i < t->rows; i++)
            free(t->column[c].text[i]);
        free(t->column[c].text);
        free(t->column[c].number);
    }
    free(t->order);
    memset(t, 0, sizeof *t);
}

int rt_table_add(struct rt_table *t, const char *name, const char *unit, bool is_text)
{
    if (t->columns == RT_TABLE_COLUMNS)
        return RT_ELARGE;
    struct rt_table_column *c = &t->column[t->columns];
    size_t n = (size_t)t->rows + 1;
    *c = (struct rt_table_column){.is_text = is_text};
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->unit, sizeof c->unit, "%s", unit);
    if (is_text)
        c->text = calloc(n, sizeof *c->text);
    else
        c->number = malloc(n * sizeof *c->number);
    if (!c->text && !c->number)
        return RT_EMEM;
    for (size_t i = 0; c->number && i < n; i++)
        c->number[i] = NAN;
    return t->columns++;
}

int rt_table_text(struct rt_table *t, int row, int column, const char *text)
{
    char *copy = *text ? strdup(text) : NULL;
    if (*text && !copy)
        return RT_EMEM;
    free(t->column[column].text[row]);
    t->column[column].text[row] = copy;
    return 0;
}

int rt_table_find(const struct rt_table *t, const char *name)
{
    for (int c = 0; c < t->columns; c++)
        if (strcmp(t->column[c].name, name) == 0)
            return c;
    return -1;
}

static double table_cell_number(void *user, int row, int column)
{
    return ((struct rt_table *)user)->column[column].number[row];
}

const char *rt_table_cell(const struct rt_table *t, int row, int column)
{
    const char *text = t->column[column].text[row];
    return text ? text : "";
}

static const char *table_cell_text(void *user, int row, int column)
{
    return rt_table_cell(user, row, column);
}

int rt_table_where(struct rt_table *t, const char *where, struct rt_error *e)
{
    struct rt_filter_column name[RT_TABLE_COLUMNS];
    for (int c = 0; c < t->columns; c++)
        name[c] = (struct rt_filter_column){t->column[c].name, t->column[c].is_text};
    struct rt_filter *filter = NULL;
    int rc = rt_filter_create(&filter, where, name, t->columns, e);
    if (rc < 0)
        return rc;
    struct rt_filter_source source = {t, table_cell_number, table_cell_text};
    int kept = 0;
    for (int i = 0; i < t->shown; i++)
        if (rt_filter_match(filter, &source, t->order[i]))
            t->order[kept++] = t->order[i];
    t->shown = kept;
    rt_filter_destroy(filter);
    return 0;
}

/* A name that is not there is answered with the nearest, or with those that are: columns differ between manifests and
 * runs, so no manual could list them. Those shown come first, as the list may be longer than a message. */

static int column_unknown(const struct rt_table *t, const char *name, struct rt_error *e)
{
    char known[800] = "", hint[96], quoted[RT_QUOTE];
    struct rt_nearest near = {.word = name};
    for (int c = 0; c < t->columns; c++)
        rt_nearest_offer(&near, t->column[c].name);
    rt_quote(quoted, sizeof quoted, name);
    if (*near.best)
        return rt_error_set(e, RT_EUSAGE, "there is no column %s%s", quoted,
                            rt_nearest_hint(&near, hint, sizeof hint));
    for (int c = 0; c < 2 * t->columns; c++)
        if (t->column[c % t->columns].hidden == (c >= t->columns))
            rt_list_add(known, sizeof known, t->column[c % t->columns].name);
    return rt_error_set(e, RT_EUSAGE, "there is no column %s; there are: %s", quoted, known);
}

/* ---- sorting ----
 * Sorting moves keys, not rows: of a number the key holds all, of a text its first bytes behind what all
 * texts have in common, so that a million rows take a fraction of a second. A column of a manifest is text, but who
 * sorts by an age or another program's score means the number: texts that are numbers, all of them, go as such. */

struct sort_key {
    uint64_t key;
    const char *text; /* what decides between equal keys; NULL for numbers */
    int row;
};

static int sort_key_up(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    int order = x->text ? strcmp(x->text, y->text) : 0;
    return order ? order : x->row - y->row;
}

static int sort_key_down(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    int order = x->text ? strcmp(y->text, x->text) : 0;
    return order ? order : x->row - y->row;
}

/* Rises with v. */
static uint64_t sort_key_of_number(double v)
{
    uint64_t bits;
    v += 0.0; /* -0 is 0 */
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static bool text_is_number(const char *text, double *v)
{
    char *end;
    *v = strtod(text, &end);
    return end != text && !*end && isfinite(*v) && !text[strspn(text, "+-.0123456789eE")];
}

static uint64_t sort_key_of_text(const char *text)
{
    uint64_t key = 0;
    for (int i = 0; i < 8; i++)
        key = key << 8 | (*text ? (unsigned char)*text++ : 0);
    return key;
}

/* Bytes that all texts have in common. */
static size_t sort_key_common(const struct sort_key *key, int count)
{
    size_t same = count ? strlen(key[0].text) : 0;
    for (int i = 1; i < count; i++)
        for (size_t n = 0; n < same; n++)
            if (key[i].text[n] != key[0].text[n])
                same = n;
    return same;
}

/* Those whose texts are all numbers get the numbers for keys, the others what tells their texts apart. */
static void sort_keys_of_texts(struct sort_key *key, int count)
{
    double v;
    bool numbers = true;
    for (int i = 0; i < count && numbers; i++)
        numbers = text_is_number(key[i].text, &v);
    size_t same = numbers ? 0 : sort_key_common(key, count);
    for (int i = 0; i < count; i++)
        key[i].key = numbers && text_is_number(key[i].text, &v) ? sort_key_of_number(v)
                                                                : sort_key_of_text(key[i].text + same);
}

/* Keys of the shown rows that have a value; the rows without one are put behind. Returns how many keys. */
static int sort_keys_make(const struct rt_table *t, const struct rt_table_column *c,
                          struct sort_key *key, int *missing)
{
    int count = 0, none = 0;
    for (int i = 0; i < t->shown; i++) {
        int row = t->order[i];
        if (c->is_text ? !c->text[row] : isnan(c->number[row]))
            missing[none++] = row;
        else
            key[count++] = c->is_text
                               ? (struct sort_key){0, c->text[row], row}
                               : (struct sort_key){sort_key_of_number(c->number[row]), NULL, row};
    }
    if (c->is_text)
        sort_keys_of_texts(key, count);
    return count;
}

/* Rows without a value stand last whichever way the sort goes, in the order of the table: whoever
 * sorts by a loss looks for large or small ones, not for those that have none. */

static int row_order(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int rt_table_sort(struct rt_table *t, const char *by, struct rt_error *e)
{
    int c = rt_table_find(t, by + (*by == '-'));
    if (c < 0)
        return column_unknown(t, by + (*by == '-'), e);
    struct sort_key *key = malloc(sizeof *key * ((size_t)t->shown + 1));
    int *missing = malloc(sizeof *missing * ((size_t)t->shown + 1));
    int rc = key && missing ? 0 : rt_error_set(e, RT_EMEM, "no memory to sort %d rows", t->shown);
    if (rc == 0) {
        int count = sort_keys_make(t, &t->column[c], key, missing);
        qsort(key, (size_t)count, sizeof *key, *by == '-' ? sort_key_down : sort_key_up);
        qsort(missing, (size_t)(t->shown - count), sizeof *missing, row_order);
        for (int i = 0; i < t->shown; i++)
            t->order[i] = i < count ? key[i].row : missing[i - count];
    }
    free(key);
    free(missing);
    return rc;
}

/* ---- what is shown ----
 * Columns are hidden, not removed: a filter may speak of one that nobody wants to see. */

int rt_table_choose(struct rt_table *t, const char *names, struct rt_error *e)
{
    char *list = strdup(names);
    int rc = list ? 0 : rt_error_set(e, RT_EMEM, "no memory for the names of columns");
    for (int c = 0; rc == 0 && c < t->columns; c++)
        t->column[c].hidden = true;
    for (char *save = NULL, *w = list ? strtok_r(list, ", ", &save) : NULL; rc == 0 && w;
         w = strtok_r(NULL, ", ", &save)) {
        int c = rt_table_find(t, w);
        if (c < 0)
            rc = column_unknown(t, w, e);
        else
            t->column[c].hidden = false;
    }
    free(list);
    return rc;
}

/* ---- cells as a terminal shows them ----
 * Ids and labels come from other people's files. What a terminal would obey is shown as '?', and
 * widths are those of the terminal (wide characters take two columns), so that columns line up. */

/* Columns a character takes on a terminal; what cannot be shown counts as one. */
static int char_width(int32_t c)
{
    int w = rt_plain_char(c) ? wcwidth((wchar_t)c) : 1;
    return w < 0 ? 1 : w;
}

/* A cell cut to CELL columns, what is unprintable as '?'; returns its width. */
static int cell_fit_text(const char *text, char out[CELL_BYTES])
{
    size_t size = strlen(text), at = 0;
    int width = 0, n = 0;
    while (at < size) {
        size_t from = at;
        int32_t c = rt_utf8_next(text, size, &at);
        int w = char_width(c);
        bool last = at == size;
        if (width + w > CELL - !last || n + 4 > CELL_BYTES - 2) {
            out[n++] = '~';
            width++;
            break;
        }
        if (rt_plain_char(c)) {
            memcpy(out + n, text + from, at - from);
            n += (int)(at - from);
        } else {
            out[n++] = '?';
        }
        width += w;
    }
    out[n] = '\0';
    return width;
}

static void cell_put_whole(const char *text, FILE *out)
{
    size_t size = strlen(text), at = 0;
    while (at < size) {
        size_t from = at;
        if (rt_plain_char(rt_utf8_next(text, size, &at)))
            fwrite(text + from, 1, at - from, out);
        else
            fputc('?', out);
    }
}

static bool column_is_history(const struct rt_table_column *c)
{
    return strcmp(c->name, RT_LOSS_HISTORY_COLUMN) == 0 && !c->is_text;
}

/* "742", for programs; false: nothing. */
static bool history_digits(float packed, char out[CELL_BYTES])
{
    int level[RT_LOSS_HISTORY], n = rt_loss_history_levels((double)packed, level);
    for (int i = 0; i < n; i++)
        out[i] = (char)('0' + level[i]);
    out[n] = '\0';
    return n > 0;
}

static int cell_fit(const struct rt_table_column *c, int row, char out[CELL_BYTES])
{
    if (column_is_history(c) && !isnan(c->number[row]))
        return rt_loss_history_draw((double)c->number[row], out);
    if (c->is_text)
        return cell_fit_text(c->text[row] ? c->text[row] : "", out);
    if (isnan(c->number[row]))
        return sprintf(out, "-");
    float number = c->number[row];
    if (strcmp(c->unit, "%") == 0)
        return snprintf(out, CELL_BYTES, "%.1f %%", 100 * (double)number);
    return sprintf(out, number == truncf(number) && fabsf(number) < 1e8f ? "%.0f" : "%.4g", (double)number);
}

/* ---- three forms ----
 * Plain is for people: aligned, cut but for the last column, numbers short. CSV and JSON are for programs: whole texts,
 * nine digits, empty or null where there is no value. */

static void cell_pad(FILE *out, const char *text, int width, int to, bool right)
{
    if (right)
        fprintf(out, "%*s", to > width ? to - width : 0, "");
    fputs(text, out);
    if (!right)
        fprintf(out, "%*s", to > width ? to - width : 0, "");
}

static void table_write_plain(const struct rt_table *t, int rows, FILE *out)
{
    char text[CELL_BYTES];
    int width[RT_TABLE_COLUMNS], last = -1;
    for (int c = 0; c < t->columns; c++) {
        last = t->column[c].hidden ? last : c;
        width[c] = cell_fit_text(t->column[c].name, text);
        for (int i = 0; !t->column[c].hidden && i < rows; i++) {
            int w = cell_fit(&t->column[c], t->order[i], text);
            width[c] = w > width[c] ? w : width[c];
        }
    }
    for (int i = -1; i < rows; i++) {
        const char *between = "";
        for (int c = 0; c < t->columns; c++) {
            if (t->column[c].hidden)
                continue;
            if (c == last && t->column[c].is_text) { /* nothing stands behind it: whole, as the why of a reason */
                const char *whole = i < 0 ? t->column[c].name : rt_table_cell(t, t->order[i], c);
                fputs(*whole ? between : "", out);
                cell_put_whole(whole, out);
                continue;
            }
            fputs(between, out);
            int w = i < 0 ? cell_fit_text(t->column[c].name, text)
                          : cell_fit(&t->column[c], t->order[i], text);
            cell_pad(out, text, w, width[c], !t->column[c].is_text);
            between = "  ";
        }
        fputc('\n', out);
    }
}

/* Quotes only where RFC 4180 needs them: most ids and labels stay as they are, for people who look
 * with less. */

static void table_write_csv(const struct rt_table *t, int rows, FILE *out)
{
    char text[CELL_BYTES];
    for (int i = -1; i < rows; i++) {
        const char *between = "";
        for (int c = 0; c < t->columns; c++) {
            const struct rt_table_column *column = &t->column[c];
            if (column->hidden)
                continue;
            fputs(between, out);
            between = ",";
            if (i < 0)
                rt_csv_write_cell(out, column->name);
            else if (column->is_text)
                rt_csv_write_cell(out, rt_table_cell(t, t->order[i], c));
            else if (column_is_history(column) && history_digits(column->number[t->order[i]], text))
                fputs(text, out);
            else if (!isnan(column->number[t->order[i]]))
                fprintf(out, "%.9g", (double)column->number[t->order[i]]);
        }
        fputc('\n', out);
    }
}

static void table_write_json(const struct rt_table *t, int rows, FILE *out)
{
    char text[CELL_BYTES];
    fputs("[", out);
    for (int i = 0; i < rows; i++) {
        const char *between = i ? ",\n {" : "\n {";
        for (int c = 0; c < t->columns; c++) {
            if (t->column[c].hidden)
                continue;
            fputs(between, out);
            between = ", ";
            rt_json_text(out, t->column[c].name);
            fputs(": ", out);
            if (t->column[c].is_text)
                rt_json_text(out, rt_table_cell(t, t->order[i], c));
            else if (column_is_history(&t->column[c]) &&
                     history_digits(t->column[c].number[t->order[i]], text))
                rt_json_text(out, text);
            else
                rt_json_number(out, t->column[c].number[t->order[i]]);
        }
        fputs("}", out);
    }
    fputs("\n]\n", out);
}

void rt_table_write(const struct rt_table *t, enum rt_table_form form, int limit, FILE *out)
{
    static void (*const write[])(const struct rt_table *, int,
                                 FILE *) = {table_write_plain, table_write_csv, table_write_json};
    write[form](t, limit > 0 && limit < t->shown ? limit : t->shown, out);
}

int rt_table_select(struct rt_table *t, const struct rt_table_view *v, struct rt_error *e)
{
    bool all = v->columns && strcmp(v->columns, "all") == 0;
    int rc = v->where ? rt_table_where(t, v->where, e) : 0;
    if (rc < 0) {
        rt_error_prefix(e, "--where");
        return rc;
    }
    if (v->sort)
        RT_TRY(rt_table_sort(t, v->sort, e));
    for (int c = 0; all && c < t->columns; c++)
        t->column[c].hidden = false;
    return v->columns && !all ? rt_table_choose(t, v->columns, e) : 0;
}

int rt_table_show(struct rt_table *t, const struct rt_table_view *v, FILE *out, struct rt_error *e)
{
    RT_TRY(rt_table_select(t, v, e));
    rt_table_write(t, v->form, v->head, out);
    return 0;
}
