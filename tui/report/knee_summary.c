/* SPDX-License-Identifier: MIT
 * knee_summary: see knee_summary.h. */
#include "tui/report/knee_summary.h"

#include "formats/plain.h"
#include "formats/words.h"

#include "tui/report/factors.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS 5 /* at most so many are named */

struct group {
    const char *name;
    int row; /* one of the samples */
    int below, all;
};

/* ---- groups ----
 * Samples are sorted by what they have in the column, so that a group is a stretch of them; then the groups by how many
 * of theirs fall below. Their number and not their fraction decides: in a group of one it is nothing or all. */

static int group_compare_names(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static int group_compare_below(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->below != y->below ? (x->below < y->below) - (x->below > y->below) : strcmp(x->name, y->name);
}

static void groups_print(const struct rt_table *t, int column, const struct group *sample, struct group *g, int count,
                         const struct rt_knee *k, int value, FILE *out)
{
    int groups = 0;
    for (int i = 0; i < count; i++) {
        if (groups == 0 || strcmp(g[groups - 1].name, sample[i].name) != 0)
            g[groups++] = (struct group){.name = sample[i].name};
        g[groups - 1].all++;
        g[groups - 1].below += rt_knee_factor(k, (double)t->column[value].number[sample[i].row]) < 0.5;
    }
    qsort(g, (size_t)groups, sizeof *g, group_compare_below);
    for (int i = 0; i < groups && i < GROUPS && g[i].below; i++)
        rt_plain_print(out, "%s%s %s %d of %d (%.1f %%)", i ? "," : "; by ", i ? "" : t->column[column].name,
                       *g[i].name ? g[i].name : "(none)", g[i].below, g[i].all, 100.0 * g[i].below / g[i].all);
}

/* ---- measures ---- */

static int rows_collect(const struct rt_table *t, int column, struct group *sample)
{
    int reason = rt_table_find(t, "reason"), count = 0;
    for (int i = 0; i < t->shown; i++) {
        int row = t->order[i];
        if (reason < 0 || !*rt_table_cell(t, row, reason))
            sample[count++] = (struct group){.name = column < 0 ? "" : rt_table_cell(t, row, column), .row = row};
    }
    qsort(sample, (size_t)count, sizeof *sample, group_compare_names);
    return count;
}

/* Those that nothing falls below are named on one line: what has to be looked at stands alone. */
static int measures_print(const struct rt_table *t, const char *knees, int column, const struct group *sample,
                          struct group *room, int count, FILE *out, struct rt_error *e)
{
    struct rt_factors f;
    char none[400] = "", text[80];
    bool any = false;
    rt_factors_find(t, NULL, &f);
    for (int i = 0; i < f.count; i++) {
        struct rt_knee k;
        int below = 0;
        RT_TRY(rt_knee_read(knees, f.measure[i].name, &k, e));
        if (rt_knee_is_none(&k))
            continue;
        for (int n = 0; n < count; n++)
            below += rt_knee_factor(&k, (double)t->column[f.value[i]].number[sample[n].row]) < 0.5;
        if (!below) {
            rt_list_add(none, sizeof none, f.measure[i].name);
            continue;
        }
        if (!any)
            fprintf(out, "of %d samples, below one half of their measure's knee:\n", count);
        any = true;
        rt_plain_print(out, "  %-12s %d (%.1f %%), knee %s", f.measure[i].name, below, 100.0 * below / count,
                       rt_knee_write(&k, text, sizeof text));
        if (column >= 0)
            groups_print(t, column, sample, room, count, &k, f.value[i], out);
        fputc('\n', out);
    }
    if (*none && any)
        rt_plain_print(out, "  none by %s\n", none);
    else if (*none)
        rt_plain_print(out, "of %d samples, none below one half of its measure's knee (%s)\n", count, none);
    return 0;
}

int rt_knee_summary(const struct rt_table *t, const char *knees, const char *by, FILE *out, struct rt_error *e)
{
    int column = rt_table_find(t, by ? by : "label");
    if (by && (column < 0 || !t->column[column].is_text))
        return rt_error_set(e, RT_EUSAGE, "--by: there is no column of words '%s'", by);
    if (column >= 0 && !t->column[column].is_text)
        column = -1;
    struct group *sample = calloc(2 * (size_t)t->rows + 1, sizeof *sample);
    if (!sample)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int count = rows_collect(t, column, sample);
    int rc = count == 0 ? 0 : measures_print(t, knees, column, sample, sample + t->rows, count, out, e);
    free(sample);
    return rc;
}
