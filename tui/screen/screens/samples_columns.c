/* SPDX-License-Identifier: MIT
 * samples_columns: see samples_columns.h. */
#include "tui/screen/screens/samples_columns.h"

#include "pipeline/data/loss_history.h"
#include "stages/distill/term.h"
#include "tui/screen/base/canvas.h"

#include <math.h>
#include <string.h>

#define TEXT_WIDTH 28
#define TEXT_LEAST 10 /* of a text that makes room for the columns behind it; the id gets some more */
#define ID_LEAST 12
#define MEASURED_ROWS 2000 /* of which the width of a column is taken */

/* ---- which ----
 * A run has some fifty columns, most of them of other modalities, or percentiles beside the measures. What is shown
 * unless somebody asks is what a person who looks for bad labels and bad data goes by; all else is sorted by, which
 * brings it into view, or asked for by name. */

/* What a column holds where nothing was done by hand. */
static float column_neutral(const char *name)
{
    return strcmp(name, "factor") == 0 ? 1 : strcmp(name, "excluded") == 0 ? 0 : NAN;
}

/* Nothing in any row: no label, an evaluation that has not been, a term that is off. */
static bool column_is_empty(const struct rt_table *t, int c)
{
    const float *number = t->column[c].number, none = column_neutral(t->column[c].name);
    for (int i = 0; i < t->rows; i++)
        if (t->column[c].is_text ? t->column[c].text[i] != NULL : !isnan(number[i]) && number[i] != none)
            return false;
    return true;
}

static int column_measure(const struct rt_table *t, int c)
{
    int width = (int)strlen(t->column[c].name) + 1; /* and the arrow of the order */
    int rows = t->rows < MEASURED_ROWS ? t->rows : MEASURED_ROWS, limit = TEXT_WIDTH;
    struct rt_canvas any = {0};
    for (int i = 0; i < rows && t->column[c].is_text; i++) {
        int w = rt_canvas_width(&any, rt_table_cell(t, i, c));
        width = w > width ? w : width;
    }
    if (!t->column[c].is_text)
        return width > 8 ? width : 8;
    return width < limit ? width : limit;
}

/* Each once. */
static void columns_add(struct rt_columns *c, const struct rt_table *t, int column)
{
    for (int i = 0; i < c->count; i++)
        if (c->column[i] == column)
            return;
    if (column < 0)
        return;
    c->width[c->count] = c->whole[c->count] = column_measure(t, column);
    c->column[c->count++] = column;
}

static void columns_add_usual(struct rt_columns *c, const struct rt_table *t, const char *name)
{
    int at = rt_table_find(t, name);
    if (at >= 0 && !column_is_empty(t, at))
        columns_add(c, t, at);
}

void rt_columns_choose(struct rt_columns *c, const struct rt_table *t, bool chosen, const char *sort)
{
    static const char *const before[] = {"label", "predicted"},
        *const behind[] = {RT_LOSS_HISTORY_COLUMN, "doubt", "weight", "factor", "excluded", "reason"};
    c->count = 0;
    columns_add(c, t, rt_table_find(t, "id"));
    if (*sort)
        columns_add(c, t, rt_table_find(t, sort + (*sort == '-')));
    for (int i = 0; chosen && i < t->columns; i++)
        if (!t->column[i].hidden)
            columns_add(c, t, i);
    if (chosen)
        return;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        columns_add_usual(c, t, before[i]);
    for (int k = 0; k < RT_TASK_TERMS; k++) {
        char name[64];
        snprintf(name, sizeof name, "loss_%s", rt_terms[k]->name);
        columns_add_usual(c, t, name);
    }
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++)
        columns_add_usual(c, t, behind[i]);
}

/* The place of the widest text that may give some of it away, -1 = none. */
static int columns_widest(const struct rt_columns *c, const struct rt_table *t)
{
    int widest = -1;
    for (int i = 0; i < c->count; i++)
        if (t->column[c->column[i]].is_text && c->width[i] > (i ? TEXT_LEAST : ID_LEAST) &&
            (widest < 0 || c->width[i] > c->width[widest]))
            widest = i;
    return widest;
}

void rt_columns_fit(struct rt_columns *c, const struct rt_table *t, int room, int gap)
{
    int all = -gap;
    for (int i = 0; i < c->count; i++)
        all += (c->width[i] = c->whole[i]) + gap;
    for (int widest; all > room && (widest = columns_widest(c, t)) >= 0; all--)
        c->width[widest]--;
}

bool rt_columns_sorted(const struct rt_table *t, int column, const char *sort)
{
    return *sort && strcmp(sort + (*sort == '-'), t->column[column].name) == 0;
}

char rt_columns_by_hand(const struct rt_table *t, int row)
{
    int factor = rt_table_find(t, "factor"), excluded = rt_table_find(t, "excluded");
    if (excluded >= 0 && t->column[excluded].number[row] > 0)
        return 'x';
    float f = factor >= 0 ? t->column[factor].number[row] : 1;
    return f == 0 ? 'm' : f != 1 && !isnan(f) ? 'w' : ' ';
}
