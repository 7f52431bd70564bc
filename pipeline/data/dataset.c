/* SPDX-License-Identifier: MIT
 * dataset: classes by a hash table over the labels, then sorted; hidden labels by a hash of (seed, id),
 * so that neither depends on the order of rows. Loaded by one thread, then read by any. */
#include "pipeline/data/dataset.h"
#include "formats/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rt_split_names[RT_SPLITS] = {"train", "valid", "test"};

/* ---- a set of names ----
 * Used twice: to find the different labels of the training rows, and to give each row the number of
 * its class. Labels may be as many as rows (speakers), so a list to walk would be quadratic. */

/* Names in the order they were first seen, each found in O(1). */
struct names {
    const char **name; /* [count], borrowed */
    int count, room;
    int *slot; /* [slots] index into name, -1 = free; slots is a power of 2 and at least 2 * room */
    size_t slots;
};

static size_t names_place(const struct names *n, const char *name)
{
    size_t at = (size_t)rt_hash64(name, strlen(name), 0) & (n->slots - 1);
    while (n->slot[at] >= 0 && strcmp(n->name[n->slot[at]], name) != 0)
        at = (at + 1) & (n->slots - 1);
    return at;
}

static int names_find(const struct names *n, const char *name)
{
    return n->count > 0 ? n->slot[names_place(n, name)] : -1;
}

static int names_grow(struct names *n)
{
    int room = n->room ? 2 * n->room : 64;
    size_t slots = 2 * (size_t)room;
    const char **name = realloc(n->name, (size_t)room * sizeof *name);
    if (!name)
        return RT_EMEM;
    n->name = name;
    int *slot = malloc(slots * sizeof *slot);
    if (!slot)
        return RT_EMEM;
    free(n->slot);
    n->slot = slot;
    n->slots = slots;
    n->room = room;
    memset(slot, 0xFF, slots * sizeof *slot); /* -1 */
    for (int i = 0; i < n->count; i++)
        slot[names_place(n, name[i])] = i;
    return 0;
}

/* 1 = added, 0 = known already, or RT_EMEM. */
static int names_add(struct names *n, const char *name)
{
    if (n->count == n->room && names_grow(n) < 0)
        return RT_EMEM;
    size_t at = names_place(n, name);
    if (n->slot[at] >= 0)
        return 0;
    n->slot[at] = n->count;
    n->name[n->count++] = name;
    return 1;
}

static void names_fini(struct names *n)
{
    free(n->name);
    free(n->slot);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- classes ----
 * Classes are numbered in the order of their bytes, not of their first row, so that the same rows
 * in another order give the same network. With a model at hand its own list counts: the rows'
 * labels are looked up in it, and one that it does not know is no class. */

/* One block holds the pointers and the text they point to, so that one free releases both. */
static const char **names_copy(const char *const *name, int count)
{
    size_t bytes = ((size_t)count + 1) * sizeof *name;
    for (int i = 0; i < count; i++)
        bytes += strlen(name[i]) + 1;
    const char **copy = malloc(bytes);
    if (!copy)
        return NULL;
    char *text = (char *)(copy + count + 1);
    for (int i = 0; i < count; i++) {
        copy[i] = text;
        text = stpcpy(text, name[i]) + 1;
    }
    copy[count] = NULL;
    return copy;
}

/* The labels of the training split, sorted. */
static int classes_collect(struct rt_dataset *d, int column)
{
    struct names n = {0};
    int code = 0;
    for (int row = 0; row < d->count && code >= 0; row++) {
        const char *label = rt_manifest_cell(d->manifest, row, column);
        if (d->split[row] == RT_TRAIN && label[0])
            code = names_add(&n, label);
    }
    if (code >= 0) {
        if (n.count > 0)
            qsort(n.name, (size_t)n.count, sizeof *n.name, name_order);
        d->class_name = names_copy(n.name, n.count);
        d->classes = n.count;
        code = d->class_name ? 0 : RT_EMEM;
    }
    names_fini(&n);
    return code;
}

/* Every row's class among d->class_name. Other labels are numbered behind them: whoever measures has to count them. */
static int classes_assign(struct rt_dataset *d, int column, struct rt_error *e)
{
    struct names n = {0};
    int code = 0;
    for (int i = 0; i < d->classes && code >= 0; i++) {
        code = names_add(&n, d->class_name[i]);
        if (code == 0)
            code = rt_error_set(e, RT_EUSAGE, "class \"%s\" is named twice in the model",
                                d->class_name[i]);
    }
    for (int row = 0; row < d->count && code >= 0; row++) {
        const char *label = rt_manifest_cell(d->manifest, row, column);
        d->named[row] = label[0] ? names_find(&n, label) : -1;
        if (label[0] && d->named[row] < 0) {
            d->named[row] = n.count;
            code = names_add(&n, label);
        }
        d->truth[row] = d->named[row] < d->classes ? d->named[row] : -1;
    }
    if (code >= 0) {
        d->strangers = n.count - d->classes;
        d->stranger_name = names_copy(n.name ? n.name + d->classes : NULL, d->strangers);
        code = d->stranger_name ? 0 : RT_EMEM;
    }
    names_fini(&n);
    return code < 0 ? code : 0;
}

/* ---- hidden labels ----
 * Which labels a run may see is drawn by a hash of (seed, id), not by position and not by the run's
 * random numbers: a row that is added or moved changes nothing for the others. The draw is per
 * class, so that few labels still cover all classes; at least one of each stays. */

struct ticket {
    int class;
    int row;
    uint64_t draw;
    const char *id; /* decides between equal draws */
};

static int ticket_order(const void *a, const void *b)
{
    const struct ticket *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* ceil(fraction * n), at least 1; 0.1 * 30 is a little more than 3 and must still give 3. */
static int labels_kept(double fraction, int n)
{
    int kept = (int)ceil(fraction * n - 1e-9);
    return kept < 1 ? 1 : kept;
}

/* Keeps the labels of the lowest draws of each class. */
static int labels_hide(struct rt_dataset *d, double fraction, uint64_t seed)
{
    memcpy(d->label, d->truth, (size_t)d->count * sizeof *d->label);
    if (fraction >= 1)
        return 0;
    struct ticket *t = malloc(((size_t)d->count + 1) * sizeof *t);
    if (!t)
        return RT_EMEM;
    int tickets = 0, column = rt_manifest_column(d->manifest, "id");
    for (int row = 0; row < d->count; row++) {
        if (d->split[row] != RT_TRAIN || d->truth[row] < 0)
            continue;
        const char *id = rt_manifest_cell(d->manifest, row, column);
        t[tickets++] = (struct ticket){d->truth[row], row,
                                       rt_hash64(id, strlen(id), seed), id};
    }
    qsort(t, (size_t)tickets, sizeof *t, ticket_order);
    for (int first = 0, last; first < tickets; first = last) {
        for (last = first; last < tickets && t[last].class == t[first].class;)
            last++;
        for (int i = first + labels_kept(fraction, last - first); i < last; i++)
            d->label[t[i].row] = -1;
    }
    free(t);
    return 0;
}

/* ---- loading ----
 * Everything is one array per column over all rows. A row that cannot be used stays in its place
 * with the reason, since caches, run.db and the journal of a run all speak of rows by number. */

static int splits_read(struct rt_dataset *d)
{
    int column = rt_manifest_column(d->manifest, "split");
    for (int row = 0; row < d->count && column >= 0; row++) {
        const char *text = rt_manifest_cell(d->manifest, row, column);
        int split = 0;
        while (split < RT_SPLITS && strcmp(text, rt_split_names[split]) != 0)
            split++;
        if (split == RT_SPLITS)
            return RT_EFORMAT; /* the manifest's own check names the line */
        d->split[row] = (uint8_t)split;
    }
    return 0;
}

static int dataset_make_columns(struct rt_dataset *d)
{
    size_t n = (size_t)d->count;
    d->truth = calloc(n + 1, sizeof *d->truth);
    d->named = calloc(n + 1, sizeof *d->named);
    d->label = calloc(n + 1, sizeof *d->label);
    d->split = calloc(n + 1, sizeof *d->split);
    d->weight = malloc((n + 1) * sizeof *d->weight);
    if (!d->truth || !d->named || !d->label || !d->split || !d->weight)
        return RT_EMEM;
    for (int row = 0; row < d->count; row++)
        d->weight[row] = (float)rt_manifest_weight(d->manifest, row);
    for (int m = 0; m < RT_MODALITIES; m++) {
        d->column[m] = rt_manifest_column(d->manifest, rt_modality_names[m]);
        d->reason[m] = calloc(n + 1, sizeof *d->reason[m]);
        if (!d->reason[m])
            return RT_EMEM;
        for (int row = 0; row < d->count; row++)
            if (!rt_manifest_cell(d->manifest, row, d->column[m])[0])
                d->reason[m][row] = RT_EMISSING;
    }
    return 0;
}

static int dataset_fill(struct rt_dataset *d, double labels, uint64_t seed,
                        const char *const *class_name, int classes, struct rt_error *e)
{
    int column = rt_manifest_column(d->manifest, "label");
    d->count = rt_manifest_rows(d->manifest);
    RT_TRY(dataset_make_columns(d));
    RT_TRY(splits_read(d));
    if (class_name) {
        d->class_name = names_copy(class_name, classes);
        d->classes = classes;
        if (!d->class_name)
            return RT_EMEM;
    } else {
        RT_TRY(classes_collect(d, column));
    }
    RT_TRY(classes_assign(d, column, e));
    return labels_hide(d, labels, seed);
}

int rt_dataset_load(struct rt_dataset *d, const char *manifest, double labels, uint64_t seed,
                    const char *const *class_name, int classes, struct rt_error *e)
{
    *d = (struct rt_dataset){0};
    if (!(labels >= 0 && labels <= 1)) /* also NaN */
        return rt_error_set(e, RT_ERANGE, "fraction of labels %g: give 0 to 1 (0%% to 100%%)", labels);
    int code = rt_manifest_load(&d->manifest, manifest, e);
    if (code < 0)
        return code;
    struct rt_error why = {0};
    code = dataset_fill(d, labels, seed, class_name, classes, &why);
    if (code < 0) {
        rt_error_set(e, code, "%s: %s", manifest, why.code ? why.text : rt_err_words(code));
        rt_dataset_fini(d);
    }
    return code;
}

void rt_dataset_fini(struct rt_dataset *d)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        free(d->reason[m]);
    free(d->class_name);
    free(d->stranger_name);
    free(d->truth);
    free(d->named);
    free(d->label);
    free(d->split);
    free(d->weight);
    rt_manifest_destroy(d->manifest);
    *d = (struct rt_dataset){0};
}

const char *rt_dataset_source(const struct rt_dataset *d, int row, int modality, char *buffer,
                              size_t size)
{
    return modality == RT_TEXT ? rt_manifest_cell(d->manifest, row, d->column[modality])
                               : rt_manifest_file(d->manifest, row, modality, buffer, size);
}

int rt_dataset_rows(const struct rt_dataset *d, int split, int modality, bool need_label, int **rows,
                    int *count)
{
    *count = 0;
    *rows = malloc(((size_t)d->count + 1) * sizeof **rows);
    if (!*rows)
        return RT_EMEM;
    for (int row = 0; row < d->count; row++)
        if (d->split[row] == split && d->reason[modality][row] == 0 &&
            (!need_label || d->label[row] >= 0))
            (*rows)[(*count)++] = row;
    return 0;
}
