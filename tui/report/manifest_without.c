/* SPDX-License-Identifier: MIT
 * manifest_without: see manifest_without.h. */
#include "tui/report/manifest_without.h"

#include "formats/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The new manifest may lie anywhere, and what is in the old one's cells is relative to its folder: so paths become
 * whole. */
static void cell_write(FILE *f, const struct rt_manifest *m, int row, int column)
{
    const char *name = rt_manifest_column_name(m, column), *cell = rt_manifest_cell(m, row, column);
    bool path = strcmp(name, "speech") == 0 || strcmp(name, "image") == 0;
    if (!path || !*cell || *cell == '/') {
        rt_manifest_write_cell(f, cell);
        return;
    }
    char *folder = realpath(rt_manifest_folder(m), NULL), *whole = NULL;
    if (folder && asprintf(&whole, "%s/%s", folder, cell) >= 0)
        rt_manifest_write_cell(f, whole);
    else
        rt_manifest_write_cell(f, cell);
    free(folder);
    free(whole);
}

static int rows_write(FILE *f, const struct rt_manifest *m, const uint8_t *out, int rows)
{
    int columns = rt_manifest_columns(m), written = 0;
    for (int c = 0; c < columns; c++) {
        rt_manifest_write_cell(f, rt_manifest_column_name(m, c));
        fputc(c + 1 < columns ? '\t' : '\n', f);
    }
    for (int row = 0; row < rows; row++) {
        for (int c = 0; c < columns && !out[row]; c++) {
            cell_write(f, m, row, c);
            fputc(c + 1 < columns ? '\t' : '\n', f);
        }
        written += !out[row];
    }
    return written;
}

static int manifest_write(const struct rt_manifest *m, const uint8_t *out, int rows, const char *file,
                          struct rt_error *e)
{
    FILE *f = fopen(file, "wx"); /* nobody's file is written over */
    if (!f && errno == EEXIST)
        return rt_error_set(e, RT_EUSAGE, "%s is there already: take another name", file);
    if (!f)
        return rt_error_errno(e, "cannot write", file);
    int written = rows_write(f, m, out, rows);
    bool failed = ferror(f);
    failed |= fclose(f) != 0;
    if (!failed)
        return written;
    int code = rt_error_errno(e, "cannot write", file);
    unlink(file);
    return code;
}

int rt_manifest_without(const char *manifest, const uint8_t *out, int rows, const char *file, struct rt_error *e)
{
    struct rt_manifest *m = NULL;
    int kept = 0;
    for (int row = 0; row < rows; row++)
        kept += !out[row];
    if (kept == 0)
        return rt_error_set(e, RT_EUSAGE, "no sample would be left");
    if (!*manifest)
        return rt_error_set(e, RT_EUSAGE, "the run's manifest is not known");
    RT_TRY(rt_manifest_load(&m, manifest, e));
    int rc = rt_manifest_rows(m) == rows
                 ? manifest_write(m, out, rows, file, e)
                 : rt_error_set(e, RT_EUSAGE, "%s has %d rows, the run has %d: it is another one now", manifest,
                                rt_manifest_rows(m), rows);
    rt_manifest_destroy(m);
    return rc;
}
