/* SPDX-License-Identifier: MIT
 * class_table: see class_table.h. */
#include "tui/report/class_table.h"

#include "formats/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ----
 * Every label and answer once, in the order of bytes: a number of its own for each, found by halving. */

struct names {
    const char **name; /* [count] of the samples' table */
    size_t count;
};

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_find(const struct names *n, const char *name)
{
    const char **at = bsearch(&name, n->name, n->count, sizeof *n->name, name_compare);
    return (int)(at - n->name);
}

static void names_sort(struct names *n)
{
    size_t kept = 0;
    if (n->count)
        qsort(n->name, n->count, sizeof *n->name, name_compare);
    for (size_t i = 0; i < n->count; i++)
        if (i == 0 || strcmp(n->name[i], n->name[kept - 1]) != 0)
            n->name[kept++] = n->name[i];
    n->count = kept;
}

/* ---- the samples that count ---- */

struct columns {
    const struct rt_table *t;
    int label, predicted, split;
};

static bool sample_counts(const struct columns *c, int row, const char *split)
{
    return rt_table_cell(c->t, row, c->predicted)[0] && rt_table_cell(c->t, row, c->label)[0] &&
           (!split || strcmp(rt_table_cell(c->t, row, c->split), split) == 0);
}

static int pair_compare(const void *a, const void *b)
{
    const struct rt_class_pair *x = a, *y = b;
    return x->label != y->label ? x->label - y->label : x->predicted - y->predicted;
}

static int pair_compare_count(const void *a, const void *b)
{
    const struct rt_class_pair *x = a, *y = b;
    return x->count != y->count ? y->count - x->count : pair_compare(a, b);
}

/* One pair for each sample becomes one for each two classes; those that are right are counted and go. */
static void pairs_count(struct rt_class_table *t, int count)
{
    struct rt_class_pair *p = t->pair;
    int wrong = 0;
    for (int i = 0; i < count; i++) {
        struct rt_class_figures *label = &t->row[p[i].label].figures;
        label->truth++;
        t->row[p[i].predicted].figures.predicted++;
        label->hit += p[i].label == p[i].predicted;
        if (p[i].label != p[i].predicted)
            p[wrong++] = p[i];
    }
    if (wrong)
        qsort(p, (size_t)wrong, sizeof *p, pair_compare);
    for (int i = 0; i < wrong; i++) {
        bool same = t->pairs && pair_compare(&p[t->pairs - 1], &p[i]) == 0;
        if (same)
            p[t->pairs - 1].count++;
        else
            p[t->pairs++] = p[i];
    }
    if (t->pairs)
        qsort(p, (size_t)t->pairs, sizeof *p, pair_compare_count);
}

/* ---- rows ---- */

static int row_compare(const void *a, const void *b)
{
    const struct rt_class_figures *x = &((const struct rt_class_row *)a)->figures,
                                  *y = &((const struct rt_class_row *)b)->figures;
    if ((x->truth > 0) != (y->truth > 0))
        return x->truth > 0 ? -1 : 1;
    if (x->f1 != y->f1)
        return x->f1 < y->f1 ? -1 : 1;
    return strcmp(((const struct rt_class_row *)a)->name, ((const struct rt_class_row *)b)->name);
}

/* Sorts the rows; pairs name them by where they stand then. name: as the pairs have numbered them. */
static int rows_sort(struct rt_class_table *t, const struct names *n, int *place)
{
    double right = 0, sum = 0;
    for (int i = 0; i < t->rows; i++) {
        rt_class_figures(&t->row[i].figures);
        right += t->row[i].figures.hit;
        sum += t->row[i].figures.f1;
    }
    t->top1 = t->samples ? right / t->samples : NAN;
    t->macro_f1 = t->rows ? sum / t->rows : NAN;
    if (t->rows)
        qsort(t->row, (size_t)t->rows, sizeof *t->row, row_compare);
    for (int i = 0; i < t->rows; i++)
        place[names_find(n, t->row[i].name)] = i;
    for (int i = 0; i < t->pairs; i++) {
        t->pair[i].label = place[t->pair[i].label];
        t->pair[i].predicted = place[t->pair[i].predicted];
    }
    return 0;
}

/* The names are copied: the samples' table is read anew while the run goes on. */
static int rows_name(struct rt_class_table *t, const struct names *n)
{
    size_t bytes = 1;
    for (size_t i = 0; i < n->count; i++)
        bytes += strlen(n->name[i]) + 1;
    t->rows = (int)n->count;
    t->row = calloc(n->count + 1, sizeof *t->row);
    t->text = malloc(bytes);
    if (!t->row || !t->text)
        return RT_EMEM;
    char *at = t->text;
    for (size_t i = 0; i < n->count; i++) {
        t->row[i].name = at;
        at = stpcpy(at, n->name[i]) + 1;
    }
    return 0;
}

static int table_fill(struct rt_class_table *t, const struct columns *c, const char *split, struct names *n)
{
    for (int i = 0; i < c->t->rows; i++)
        if (sample_counts(c, i, split)) {
            n->name[n->count++] = rt_table_cell(c->t, i, c->label);
            n->name[n->count++] = rt_table_cell(c->t, i, c->predicted);
        }
    names_sort(n);
    RT_TRY(rows_name(t, n));
    t->pair = malloc(((size_t)c->t->rows + 1) * sizeof *t->pair);
    int *place = malloc((n->count + 1) * sizeof *place);
    for (int i = 0; t->pair && place && i < c->t->rows; i++)
        if (sample_counts(c, i, split))
            t->pair[t->samples++] = (struct rt_class_pair){names_find(n, rt_table_cell(c->t, i, c->label)),
                                                           names_find(n, rt_table_cell(c->t, i, c->predicted)), 1};
    int rc = t->pair && place ? 0 : RT_EMEM;
    if (rc == 0) {
        pairs_count(t, t->samples);
        rows_sort(t, n, place);
    }
    free(place);
    return rc;
}

int rt_class_table_make(struct rt_class_table *t, const struct rt_table *samples, const char *split)
{
    struct columns c = {samples, rt_table_find(samples, "label"), rt_table_find(samples, "predicted"),
                        rt_table_find(samples, "split")};
    *t = (struct rt_class_table){.top1 = NAN, .macro_f1 = NAN};
    if (c.label < 0 || c.predicted < 0 || c.split < 0)
        return 0;
    struct names n = {malloc((2 * (size_t)samples->rows + 1) * sizeof *n.name), 0};
    int rc = n.name ? table_fill(t, &c, split, &n) : RT_EMEM;
    free(n.name);
    if (rc < 0)
        rt_class_table_fini(t);
    return rc;
}

void rt_class_table_fini(struct rt_class_table *t)
{
    free(t->row);
    free(t->pair);
    free(t->text);
    *t = (struct rt_class_table){.top1 = NAN, .macro_f1 = NAN};
}
