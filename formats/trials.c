/* SPDX-License-Identifier: MIT
 * trials: see trials.h. Paths are looked up in a sorted list, so that millions of pairs load fast. */
#include "formats/trials.h"

#include "formats/choice.h"
#include "formats/file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct path {
    const char *text;
    int row;      /* the first with this path */
    bool several; /* rows have it, and are other parts of the file */
};

struct index {
    struct path *path;
    int count;
    const struct rt_manifest *manifest;
};

/* ---- recordings by id or path ----
 * Lists of trials, such as VoxCeleb's, name recordings by path; a manifest made elsewhere has ids.
 * Both are looked up, the id first. A path does not say which of a file's parts is meant. */

static int path_order(const void *a, const void *b)
{
    const struct path *p = a, *q = b;
    int order = strcmp(p->text, q->text);
    return order ? order : (p->row > q->row) - (p->row < q->row);
}

static bool extents_are_same(struct rt_extent a, struct rt_extent b)
{
    bool same = a.timed == b.timed && a.start == b.start && a.end == b.end && a.channel == b.channel &&
                a.boxed == b.boxed;
    for (int i = 0; i < 4; i++)
        same &= a.box[i] == b.box[i];
    return same;
}

/* Sorted, each path once. */
static void paths_merge(struct index *x, int modality)
{
    int kept = 0;
    qsort(x->path, (size_t)x->count, sizeof *x->path, path_order);
    for (int i = 0; i < x->count; i++) {
        struct path *last = &x->path[kept - (kept > 0)];
        if (kept == 0 || strcmp(last->text, x->path[i].text) != 0) {
            x->path[kept++] = x->path[i];
            continue;
        }
        struct rt_extent first = rt_manifest_extent(x->manifest, last->row, modality);
        if (!extents_are_same(first, rt_manifest_extent(x->manifest, x->path[i].row, modality)))
            last->several = true;
    }
    x->count = kept;
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
            x->path[x->count++] = (struct path){text, row, false};
    }
    paths_merge(x, rt_choice_find(rt_modality_names, column));
    return 0;
}

/* NULL: no path of the manifest. */
static const struct path *paths_find(const struct index *x, const char *name)
{
    int low = 0, high = x->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(x->path[middle].text, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->count && strcmp(x->path[low].text, name) == 0 ? &x->path[low] : NULL;
}

/* ---- lines ----
 * A wrong line is an error and not left out: an equal error rate of another list than the one asked
 * for looks like any other. */

/* One line, cut in place. */
static int line_read(char *line, int number, const char *path, rt_trial_line *each, void *self, struct rt_error *e)
{
    char *save = NULL, *field[4] = {0}, shown[81];
    int n = 0;
    snprintf(shown, sizeof shown, "%s", line);
    for (char *w = strtok_r(line, " \t\r", &save); w && n < 4; w = strtok_r(NULL, " \t\r", &save))
        field[n++] = w;
    if (n != 3 || (strcmp(field[0], "0") != 0 && strcmp(field[0], "1") != 0))
        return rt_error_set(e, RT_EFORMAT, "%s:%d: '%s': write `1 ENROL TEST` for the same "
                            "speaker, `0 ENROL TEST` for two", path, number, shown);
    return each(self, number, field[0][0] == '1', (const char *[]){field[1], field[2]}, e);
}

/* The line with the first NUL byte, 0 = none. */
static size_t text_find_nul(const char *text, size_t size)
{
    size_t line = 1, end = strlen(text);
    for (size_t i = 0; i < end; i++)
        line += text[i] == '\n';
    return end < size ? line : 0;
}

int rt_trials_each(const char *path, rt_trial_line *each, void *self, struct rt_error *e)
{
    uint8_t *bytes = NULL;
    size_t size, trials = 0;
    RT_TRY(rt_file_read(path, RT_FILE_MAX, &bytes, &size, e));
    size_t nul = text_find_nul((char *)bytes, size);
    int number = 0, rc = 0;
    if (nul)
        rc = rt_error_set(e, RT_EFORMAT, "%s:%zu: a NUL byte: this is not a text file", path, nul);
    for (char *rest = (char *)bytes, *line; !rc && (line = strsep(&rest, "\n"));) {
        number++;
        if (!line[strspn(line, " \t\r")])
            continue;
        rc = line_read(line, number, path, each, self, e);
        trials++;
    }
    if (!rc && !trials)
        rc = rt_error_set(e, RT_EEMPTY, "%s: no trial in it", path);
    free(bytes);
    return rc;
}

/* ---- the list ---- */

struct list {
    struct rt_trials *t;
    size_t room;
    struct index x;
    const char *path;
};

static int list_find_row(const struct list *l, int line, const char *name, int *row, struct rt_error *e)
{
    *row = rt_manifest_find(l->x.manifest, name);
    if (*row >= 0)
        return 0;
    const struct path *p = paths_find(&l->x, name);
    if (!p)
        return rt_error_set(e, RT_EFORMAT, "%s:%d: '%.200s' is neither an id nor a path of %s", l->path, line, name,
                            rt_manifest_path(l->x.manifest));
    if (p->several)
        return rt_error_set(e, RT_EFORMAT, "%s:%d: '%.200s' is the file of several samples of %s: write their ids",
                            l->path, line, name, rt_manifest_path(l->x.manifest));
    *row = p->row;
    return 0;
}

static int list_add(void *self, int line, int same, const char *const name[2], struct rt_error *e)
{
    struct list *l = self;
    struct rt_trials *t = l->t;
    int row[2];
    for (int i = 0; i < 2; i++)
        RT_TRY(list_find_row(l, line, name[i], &row[i], e));
    if (t->count == l->room) {
        size_t room = l->room ? 2 * l->room : 1024;
        struct rt_trial *more = realloc(t->trial, room * sizeof *more);
        if (!more)
            return rt_error_set(e, RT_EMEM, "%s:%d: no memory for %zu trials", l->path, line, room);
        t->trial = more;
        l->room = room;
    }
    t->trial[t->count++] = (struct rt_trial){row[0], row[1], line, (uint8_t)same};
    return 0;
}

int rt_trials_load(struct rt_trials *t, const char *path, const struct rt_manifest *m,
                   const char *column, struct rt_error *e)
{
    struct list l = {.t = t, .path = path};
    memset(t, 0, sizeof *t);
    int rc = paths_index(&l.x, m, column);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: no memory for the paths of %s", path, rt_manifest_path(m))
                : rt_trials_each(path, list_add, &l, e);
    free(l.x.path);
    if (rc < 0)
        rt_trials_fini(t);
    return rc;
}

void rt_trials_fini(struct rt_trials *t)
{
    free(t->trial);
    memset(t, 0, sizeof *t);
}
