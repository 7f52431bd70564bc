/* SPDX-License-Identifier: MIT
 * samples_files: see samples_files.h. */
#include "tui/screen/screens/samples_files.h"

#include "tui/report/manifest_without.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned files_say(struct rt_view *view, const char *file, int number, int rows)
{
    if (number)
        rt_message_say(&view->message, true, "%s: %s", file, strerror(number));
    else
        rt_message_say(&view->message, false, "%d samples written: %s", rows, file);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- a table ----
 * What a program reads has every column, whatever is shown: the table is a copy as far as order and columns go. */

/* Of the marked ones those that are shown, too: in the order that a person sees. */
static int export_rows(const struct rt_table *t, const struct rt_marks *marks, int *order)
{
    int n = 0;
    for (int i = 0; i < t->shown; i++)
        if (!marks->count || rt_marks_has(marks, t->order[i]))
            order[n++] = t->order[i];
    return n;
}

static int export_write(const struct rt_table *t, const char *file)
{
    size_t n = strlen(file);
    bool json = n > 5 && strcmp(file + n - 5, ".json") == 0;
    FILE *f = fopen(file, "w");
    if (!f)
        return errno;
    errno = 0;
    rt_table_write(t, json ? RT_TABLE_JSON : RT_TABLE_CSV, 0, f);
    int number = ferror(f) ? (errno ? errno : EIO) : 0;
    return fclose(f) && !number ? errno : number;
}

unsigned rt_samples_export(struct rt_view *view, const struct rt_marks *marks, const char *file)
{
    struct rt_table *whole = malloc(sizeof *whole);
    int *order = malloc(sizeof *order * ((size_t)view->model->samples.rows + 1)), number = ENOMEM;
    if (!*file || !view->model->samples.order) {
        rt_message_say(&view->message, true, *file ? "no samples have been read yet"
                                                   : "export needs a file to write to: export samples.csv");
        free(whole);
        free(order);
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    if (whole && order) {
        *whole = view->model->samples;
        whole->order = order;
        whole->shown = export_rows(&view->model->samples, marks, order);
        for (int c = 0; c < whole->columns; c++)
            whole->column[c].hidden = false;
        number = export_write(whole, file);
    }
    files_say(view, file, number, whole ? whole->shown : 0);
    free(whole);
    free(order);
    return RT_DID_HANDLE | RT_DID_DRAW;
}

/* ---- a manifest ---- */

unsigned rt_samples_manifest(struct rt_view *view, const struct rt_marks *marks, const char *file)
{
    const struct rt_table *t = &view->model->samples;
    int excluded = rt_table_find(t, "excluded");
    struct rt_error e;
    if (!*file || !t->order || view->model->loading) {
        rt_message_say(&view->message, true, *file ? "the samples are still being read"
                                                   : "manifest needs a file to write to: manifest next.tsv");
        return RT_DID_HANDLE | RT_DID_DRAW;
    }
    uint8_t *out = calloc((size_t)t->rows + 1, 1);
    if (!out)
        return files_say(view, file, ENOMEM, 0);
    for (int row = 0; row < t->rows; row++)
        out[row] = rt_marks_leaves_out(marks, row) || (excluded >= 0 && t->column[excluded].number[row] > 0);
    int written = rt_manifest_without(view->model->manifest, out, t->rows, file, &e);
    free(out);
    if (written >= 0)
        return files_say(view, file, 0, written);
    rt_message_say(&view->message, true, "%s", e.text);
    return RT_DID_HANDLE | RT_DID_DRAW;
}
