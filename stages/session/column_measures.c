/* SPDX-License-Identifier: MIT
 * column_measures: see column_measures.h. */
#include "stages/session/column_measures.h"

#include "formats/words.h"
#include "stages/distill/weight_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the setting says ----
 * Which end is better has to be said: no name tells it, and a guess that is wrong would give the worst samples the
 * most weight. A column that is about none of the modalities is about the sample, so it weighs all that is learned. */

static const char *const directions[] = {[RT_HIGHER] = "up", [RT_LOWER] = "down", [RT_MIDDLE] = "middle", NULL};

/* The words of an item behind its name. */
static int column_read_words(struct rt_column_measures *c, int k, const char *words, int length, const char *item,
                             struct rt_error *e)
{
    char better[32] = "", of[32] = "", more[2] = "", text[RT_RECIPE_TEXT];
    snprintf(text, sizeof text, "%.*s", length, words);
    int n = sscanf(text, "%31s %31s %1s", better, of, more), direction = rt_choice_find(directions, better);
    if (direction < 0)
        return rt_error_set(e, RT_EUSAGE, "weight.columns: '%s': '%s' is no direction: write up where more is better, "
                            "down where less is, middle where both ends are bad", item, better);
    c->measure[k].better = (enum rt_better)direction;
    c->column[k].modality = n > 1 ? rt_choice_find(rt_modality_names, of) : -1;
    if (n > 2 || (n > 1 && c->column[k].modality < 0))
        return rt_error_set(e, RT_EUSAGE, "weight.columns: '%s': behind the direction may stand speech, image or text: "
                            "what the column is about", item);
    return 0;
}

/* Names that stand for something else wherever measures are named: in terms, tables and expressions. */
static bool name_is_taken(const char *name)
{
    static const char *const taken[] = {
        "id", "split", "label", "group", "grp", "speech", "image", "text", "weight", "start", "end", "channel", "box",
        "row", "hidden", "reason", "modality", "detail", "seen", "quality", "predicted", "p", "p_label", "correct",
        "history", "doubt", "factor", "excluded", NULL};
    bool is = rt_choice_find(taken, name) >= 0 || rt_measure_find(name, NULL) || strncmp(name, "loss_", 5) == 0 ||
              strncmp(name, "inside_", 7) == 0;
    size_t n = strlen(name);
    for (int i = 0; i < RT_WEIGHT_TERMS; i++)
        is |= strcmp(name, rt_weight_terms[i].name) == 0;
    return is || (n > 4 && strcmp(name + n - 4, "_pct") == 0);
}

static int column_name(struct rt_column_measures *c, const char *name, int length, const struct rt_manifest *m,
                       struct rt_error *e)
{
    int k = c->count;
    char hint[RT_MANIFEST_HINT];
    if (length >= RT_COLUMN_NAME)
        return rt_error_set(e, RT_EUSAGE, "weight.columns: '%.*s' is longer than %d letters: rename the column", length,
                            name, RT_COLUMN_NAME - 1);
    snprintf(c->name[k], sizeof c->name[k], "%.*s", length, name);
    for (int i = 0; i < k; i++)
        if (strcmp(c->name[i], c->name[k]) == 0)
            return rt_error_set(e, RT_EUSAGE, "weight.columns: '%s' stands there twice", c->name[k]);
    if (name_is_taken(c->name[k]))
        return rt_error_set(e, RT_EUSAGE, "weight.columns: '%s' means something else here: rename the column",
                            c->name[k]);
    c->place[k] = rt_manifest_column(m, c->name[k]);
    return c->place[k] >= 0 ? 0
        : rt_error_set(e, RT_EUSAGE, "weight.columns: %s has no column '%s'%s", rt_manifest_path(m), c->name[k],
                       rt_manifest_column_hint(m, c->name[k], hint));
}

/* ---- the cells ----
 * All of them are looked at before anything else is done: a word among the numbers (n/a, a decimal comma) read as "not
 * measured" would count as good. */

static double cell_number(const char *text)
{
    char *end;
    double x = *text ? strtod(text, &end) : NAN;
    return *text && *end ? (double)INFINITY : *text && isnan(x) ? (double)INFINITY : x; /* infinite: none */
}

static int column_check_cells(const struct rt_column_measures *c, int k, const struct rt_manifest *m,
                              struct rt_error *e)
{
    char quoted[RT_QUOTE];
    for (int row = 0; row < rt_manifest_rows(m); row++) {
        const char *text = rt_manifest_cell(m, row, c->place[k]);
        if (isinf(cell_number(text)) || isinf((float)cell_number(text)))
            return rt_error_set(e, RT_EFORMAT, "%s:%d: column %s: %s is no number: write one (1.5), or nothing for not "
                                "measured, or leave the column out of weight.columns", rt_manifest_path(m),
                                rt_manifest_line(m, row), c->name[k], rt_quote(quoted, sizeof quoted, text));
    }
    return 0;
}

int rt_column_measures_read(struct rt_column_measures *c, const char *text, const struct rt_manifest *m,
                            struct rt_error *e)
{
    c->count = 0;
    for (const char *at = text; *at; at += strcspn(at, ","), at += *at == ',') {
        int length = (int)strcspn(at, ","), name = (int)strcspn(at, " ,");
        char item[RT_COLUMN_NAME + 80];
        if (c->count == RT_SCORE_MORE)
            return rt_error_set(e, RT_EUSAGE, "weight.columns: more than %d columns", RT_SCORE_MORE);
        snprintf(item, sizeof item, "%.*s", length, at);
        RT_TRY(column_name(c, at, name, m, e));
        RT_TRY(column_read_words(c, c->count, at + name, length - name, item, e));
        RT_TRY(column_check_cells(c, c->count, m, e));
        c->measure[c->count].name = c->name[c->count];
        c->measure[c->count].unit = "";
        c->measure[c->count].help = RT_COLUMN_HELP;
        c->column[c->count].measure = &c->measure[c->count];
        c->count++;
    }
    return 0;
}

/* A knee says the direction, too: one that goes the other way is a slip of one of the two. */
int rt_column_measures_check_knees(const struct rt_column_measures *c, const char *knees, struct rt_error *e)
{
    for (int k = 0; k < c->count; k++) {
        struct rt_knee knee;
        char text[80];
        RT_TRY(rt_knee_read(knees, c->name[k], &knee, e));
        bool one = knee.side[1].bad == knee.side[1].good, rises = knee.side[0].bad < knee.side[0].good;
        if (!rt_knee_is_none(&knee) && one && c->measure[k].better != (rises ? RT_HIGHER : RT_LOWER))
            return rt_error_set(e, RT_EUSAGE, "weight.knees: '%s %s' %s, weight.columns says %s: the first number is "
                                "the bad one", c->name[k], rt_knee_write(&knee, text, sizeof text),
                                rises ? "rises" : "falls", directions[c->measure[k].better]);
    }
    return 0;
}

void rt_column_measures_fill(const struct rt_column_measures *c, const struct rt_manifest *m, struct rt_scores *s)
{
    for (int k = 0; k < c->count; k++)
        for (int row = 0; row < s->rows; row++)
            s->value[(size_t)row * (size_t)s->columns + (size_t)(s->columns - c->count + k)] =
                (float)cell_number(rt_manifest_cell(m, row, c->place[k]));
}
