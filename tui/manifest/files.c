/* SPDX-License-Identifier: MIT
 * files: see files.h. */
#include "tui/manifest/files.h"
#include "formats/filewalk.h"
#include <stdlib.h>
#include <string.h>

/* A file has four names, sorted by kind and text, so that finding one is a search in an array: no other structure has
 * to be kept, and a million files are found in a second. */
struct rt_made_file_name {
    int kind; /* the order in which they are tried */
    const char *text;
    size_t length, file;
};
#define KINDS 4

size_t rt_made_stem(const char *path)
{
    const char *dot = strrchr(rt_made_base(path), '.');
    return dot && dot != rt_made_base(path) ? (size_t)(dot - path) : strlen(path);
}

const char *rt_made_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- reading ---- */

struct tree_walk {
    struct rt_made_tree *t;
    struct rt_error *e;
};

static int tree_add(void *self, const char *path, const char *below)
{
    struct tree_walk *w = self;
    struct rt_made_tree *t = w->t;
    int modality = rt_walk_modality(path);
    if (modality < 0) {
        t->other++;
        return 0;
    }
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 256;
        struct rt_made_file *more = realloc(t->file, room * sizeof *more);
        if (!more)
            return rt_error_set(w->e, RT_EMEM, "out of memory after %zu files", t->count);
        t->file = more;
        t->room = room;
    }
    char *copy = strdup(path);
    if (!copy)
        return rt_error_set(w->e, RT_EMEM, "out of memory after %zu files", t->count);
    t->file[t->count++] = (struct rt_made_file){copy, copy + (below - path), modality, false};
    return 0;
}

static int file_compare(const void *a, const void *b)
{
    return strcmp(((const struct rt_made_file *)a)->path, ((const struct rt_made_file *)b)->path);
}

static int name_compare(const void *a, const void *b)
{
    const struct rt_made_file_name *x = a, *y = b;
    size_t least = x->length < y->length ? x->length : y->length;
    int order = x->kind - y->kind;
    if (order == 0)
        order = memcmp(x->text, y->text, least);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int tree_index(struct rt_made_tree *t, struct rt_error *e)
{
    t->name = malloc((t->count * KINDS + 1) * sizeof *t->name);
    if (!t->name)
        return rt_error_set(e, RT_EMEM, "out of memory for %zu files", t->count);
    for (size_t i = 0; i < t->count; i++) {
        const char *below = t->file[i].below, *base = rt_made_base(below);
        const struct rt_made_file_name names[KINDS] = {
            {0, below, strlen(below), i},
            {1, below, rt_made_stem(below), i},
            {2, base, strlen(base), i},
            {3, base, rt_made_stem(base), i},
        };
        memcpy(t->name + t->names, names, sizeof names);
        t->names += KINDS;
    }
    if (t->names)
        qsort(t->name, t->names, sizeof *t->name, name_compare);
    return 0;
}

int rt_made_tree_read(struct rt_made_tree *t, const char *root, struct rt_error *e)
{
    struct tree_walk w = {t, e};
    RT_TRY(rt_walk_files(root, tree_add, &w, e));
    if (t->count)
        qsort(t->file, t->count, sizeof *t->file, file_compare);
    return tree_index(t, e);
}

void rt_made_tree_fini(struct rt_made_tree *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->file[i].path);
    free(t->file);
    free(t->name);
    memset(t, 0, sizeof *t);
}

/* ---- finding ---- */

struct rt_made_file *rt_made_tree_find(const struct rt_made_tree *t, const char *name)
{
    name += strncmp(name, "./", 2) ? 0 : 2;
    struct rt_made_file_name key = {.text = name, .length = strlen(name)};
    for (; key.kind < KINDS && t->names; key.kind++) {
        const struct rt_made_file_name *last = t->name + t->names - 1;
        const struct rt_made_file_name *at = bsearch(&key, t->name, t->names, sizeof *at, name_compare);
        bool alone = at && (at == t->name || name_compare(at - 1, &key)) && (at == last || name_compare(at + 1, &key));
        if (at)
            return alone ? &t->file[at->file] : NULL;
    }
    return NULL;
}
