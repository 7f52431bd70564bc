/* SPDX-License-Identifier: MIT
 * trials: see trials.h. Paths are looked up in a sorted list, so that millions of pairs load fast. */
#include "formats/trials.h"

#include "formats/file.h"

#include <stdlib.h>
#include <string.h>

struct path {
    const char *text;
    int row;
};

struct index {
    struct path *path;
    int count;
    const struct rt_manifest *manifest;
};

/* ---- recordings by id or path ----
 * Lists of trials, such as VoxCeleb's, name recordings by path; a manifest made elsewhere has ids.
 * Both are looked up, the id first. */

static int path_order(const void *a, const void *b)
{
    return strcmp(((const struct path *)a)->text, ((const struct path *)b)->text);
}

static int paths_index(struct index *x, const struct rt_manifest *m, const char *column)
{
    int c = rt_manifest_column(m, column);
    x->manifest = m;
    x->path = malloc(sizeof *x->path * ((size_t)rt_manifest_rows(m) + 1));
    if (!x->path)
        return RT_EMEM;
    for (int row = 0; c >= 0 && row < rt_manifest_rows(m); row++) {
        const char *text = rt_manifest_cell(m, row, c);
        if (*text)
            x->path[x->count++] = (struct path){text, row};
    }
    qsort(x->path, (size_t)x->count, sizeof *x->path, path_order);
    return 0;
}

static int trial_row(const struct index *x, const char *name)
{
    int row = rt_manifest_find(x->manifest, name);
    if (row >= 0)
        return row;
    struct path key = {name, 0};
    const struct path *p = bsearch(&key, x->path, (size_t)x->count, sizeof *x->path, path_order);
    return p ? p->row : -1;
}

/* ---- the list ---- */

/* One line, cut in place: 0, or an error. */
static int trial_read(const struct index *x, char *line, struct rt_trial *t, const char *path,
                      int number, struct rt_error *e)
{
    char *save = NULL, *field[4] = {0}, shown[81];
    int n = 0;
    snprintf(shown, sizeof shown, "%s", line);
    for (char *w = strtok_r(line, " \t\r", &save); w && n < 4; w = strtok_r(NULL, " \t\r", &save))
        field[n++] = w;
    if (n != 3 || (strcmp(field[0], "0") != 0 && strcmp(field[0], "1") != 0))
        return rt_error_set(e, RT_EFORMAT, "%s:%d: '%s': write `1 ENROL TEST` for the same "
                            "speaker, `0 ENROL TEST` for two", path, number, shown);
    int row[2];
    for (int i = 0; i < 2; i++) {
        row[i] = trial_row(x, field[i + 1]);
        if (row[i] < 0)
            return rt_error_set(e, RT_EFORMAT, "%s:%d: '%.200s' is neither an id nor a path of %s",
                                path, number, field[i + 1], rt_manifest_path(x->manifest));
    }
    *t = (struct rt_trial){row[0], row[1], number, field[0][0] == '1'};
    return 0;
}

/* A wrong line is an error and not left out: an equal error rate of another list than the one asked
 * for looks like any other. */

int rt_trials_load(struct rt_trials *t, const char *path, const struct rt_manifest *m,
                   const char *column, struct rt_error *e)
{
    uint8_t *bytes = NULL;
    size_t size, lines = 1;
    struct index x = {0};
    memset(t, 0, sizeof *t);
    int rc = rt_file_read(path, RT_FILE_MAX, &bytes, &size, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < size; i++) {
        lines += bytes[i] == '\n';
        if (!bytes[i]) {
            free(bytes);
            return rt_error_set(e, RT_EFORMAT, "%s:%zu: a NUL byte: this is not a text file", path,
                                lines);
        }
    }
    t->trial = malloc(sizeof *t->trial * lines);
    rc = t->trial ? paths_index(&x, m, column) : RT_EMEM;
    if (rc < 0)
        rt_error_set(e, rc, "%s: no memory for %zu trials", path, lines);
    int number = 0;
    for (char *rest = (char *)bytes, *line; rc == 0 && (line = strsep(&rest, "\n"));) {
        number++;
        if (line[strspn(line, " \t\r")] &&
            (rc = trial_read(&x, line, &t->trial[t->count], path, number, e)) == 0)
            t->count++;
    }
    if (rc == 0 && t->count == 0)
        rc = rt_error_set(e, RT_EEMPTY, "%s: no trial in it", path);
    free(x.path);
    free(bytes);
    if (rc < 0)
        rt_trials_fini(t);
    return rc;
}

void rt_trials_fini(struct rt_trials *t)
{
    free(t->trial);
    memset(t, 0, sizeof *t);
}
