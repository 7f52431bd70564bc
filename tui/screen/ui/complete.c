/* SPDX-License-Identifier: MIT
 * complete: see complete.h. What may stand at a place follows from the words that a verb's row says of its arguments
 * (KEY, EXPR), and from what this run has: its columns, its labels, its settings and their values. */
#include "tui/screen/ui/complete.h"

#include "tui/screen/ui/command_verbs.h"

#include <stdio.h>
#include <string.h>

/* What is being completed. */
struct completion {
    const struct rt_view *view;
    const char *line;
    int at, begin; /* the caret; behind the verb, 0 where there is none */
    struct rt_choices *out;
};

static int line_word_begin(const char *line, int at, const char *separators)
{
    while (at > 0 && !strchr(separators, line[at - 1]))
        at--;
    return at;
}

static void offer_word(const struct completion *h, const char *word)
{
    rt_choices_offer(h->out, h->line, h->at, word);
}

static void offer_run(const void *self, const char *name)
{
    offer_word(self, name);
}

static void offer_columns(const struct completion *h, const char *ending)
{
    const struct rt_table *t = &h->view->model->samples;
    for (int c = 0; c < t->columns; c++) {
        char name[64];
        size_t n = strlen(t->column[c].name), m = strlen(ending);
        if (n < m || strcmp(t->column[c].name + n - m, ending) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(n - m), t->column[c].name);
        offer_word(h, name);
    }
}

static void offer_controls(const struct completion *h)
{
    for (int i = 0; i < rt_key_count; i++)
        if (rt_keys[i].effect >= RT_EFFECT_STEP)
            offer_word(h, rt_keys[i].name);
}

/* Words of the key's unit, and what it is and was. */
static void offer_values(const struct completion *h, const struct rt_key *key)
{
    char text[RT_RECIPE_TEXT], *save = NULL;
    if (key->kind == RT_KIND_LIST) { /* the word behind the last comma */
        for (int i = h->out->from; i < h->at; i++)
            if (h->line[i] == ',')
                h->out->from = i + 1;
        offer_columns(h, "_pct");
    }
    if (key->kind == RT_KIND_BOOL) {
        offer_word(h, "true");
        offer_word(h, "false");
    }
    snprintf(text, sizeof text, "%s", key->kind == RT_KIND_CHOICE ? key->unit : "");
    for (char *w = strtok_r(text, "|", &save); w; w = strtok_r(NULL, "|", &save))
        offer_word(h, w);
    if (*rt_view_value(h->view, key, text))
        offer_word(h, text);
    if (*rt_view_start(h->view, key, text))
        offer_word(h, text);
}

/* Of an expression that begins at `begin`: columns, words that join, and the values that a text column has. */
static void offer_expression(const struct completion *h, int begin)
{
    const struct rt_table *t = &h->view->model->samples;
    int end = h->out->from, from;
    char name[64];
    while (end > begin && strchr(" =!~", h->line[end - 1]))
        end--;
    for (from = end; from > begin && !strchr(" (=!~<>", h->line[from - 1]);)
        from--;
    snprintf(name, sizeof name, "%.*s", end - from, h->line + from);
    int column = end < h->out->from && strpbrk(h->line + end, "=~") ? rt_table_find(t, name) : -1;
    if (column >= 0 && t->column[column].is_text) {
        for (int row = 0; row < t->rows && row < 5000 && h->out->count < 40; row++) {
            const char *cell = rt_table_cell(t, row, column);
            if (*cell && !strpbrk(cell, " \"'()"))
                offer_word(h, cell);
        }
        return;
    }
    offer_columns(h, "");
    offer_word(h, "and");
    offer_word(h, "or");
    offer_word(h, "not");
}

/* ---- arguments, by the verb ---- */

static void offer_verbs(struct completion *h)
{
    struct rt_typed_verb all[RT_TYPED_VERBS];
    int verbs = rt_typed_verbs(all);
    for (int i = 0; i < verbs; i++)
        offer_word(h, all[i].name);
}

static void offer_sort(struct completion *h)
{
    h->out->from = line_word_begin(h->line, h->at, " ,");
    h->out->from += h->line[h->out->from] == '-';
    offer_columns(h, "");
}

static void offer_themes(struct completion *h)
{
    for (int i = 0; i < RT_THEMES; i++)
        offer_word(h, rt_theme_names[i]);
}

static void offer_runs(struct completion *h)
{
    rt_compare_list(h->view->model, offer_run, h);
}

static void offer_filter(struct completion *h)
{
    h->out->from = line_word_begin(h->line, h->at, " (");
    offer_expression(h, h->begin);
}

/* A setting, then a value of it. */
static void offer_setting(struct completion *h)
{
    int number = 0; /* of the argument being typed */
    for (int i = h->begin; i < h->out->from; i++)
        number += h->line[i] == ' ' && h->line[i + 1] != ' ';
    if (number == 1)
        offer_controls(h);
    if (number != 2)
        return;
    char name[64];
    const char *second = h->line + h->begin + strspn(h->line + h->begin, " ");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(second, " "), second);
    const struct rt_key *key = rt_key_find(name);
    if (key)
        offer_values(h, key);
}

/* "where EXPR": the word, and behind it what stands in an expression. */
static void offer_where(struct completion *h)
{
    const char *where = strstr(h->line + h->begin, " where ");
    int begin = where ? (int)(where - h->line) + (int)strlen(" where ") : h->at + 1;
    if (begin > h->at) {
        offer_word(h, "where");
        return;
    }
    h->out->from = line_word_begin(h->line, h->at, " (");
    offer_expression(h, begin);
}

static void offer_arguments(struct completion *h, const struct rt_typed_verb *verb)
{
    static const struct {
        const char *verb;
        void (*offer)(struct completion *h);
    } own[] = {{"sort", offer_sort},   {"columns", offer_sort},  {"theme", offer_themes},
               {"help", offer_verbs}, {"compare", offer_runs}, {"filter", offer_filter}};
    for (size_t i = 0; i < sizeof own / sizeof *own && !verb->live; i++)
        if (strcmp(own[i].verb, verb->name) == 0)
            own[i].offer(h);
    if (verb->live && strstr(verb->arguments, "KEY"))
        offer_setting(h);
    if (verb->live && strstr(verb->arguments, "where EXPR"))
        offer_where(h);
}

/* ---- by the prompt ---- */

static void complete_value(struct completion *h)
{
    char name[72];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(h->view->prompt.label, " "), h->view->prompt.label);
    const struct rt_key *key = rt_key_find(name);
    h->out->from = 0;
    if (key)
        offer_values(h, key);
}

static void complete_command(struct completion *h)
{
    const char *other, *word = h->line + strspn(h->line, " ");
    size_t length = strcspn(word, " ");
    struct rt_typed_verb verb;
    h->begin = (int)(word - h->line) + (int)length;
    h->out->from = line_word_begin(h->line, h->at, " ");
    if (h->at <= h->begin)
        offer_verbs(h);
    else if (rt_typed_verb_find(word, length, &verb, &other) == 1)
        offer_arguments(h, &verb);
}

void rt_complete(const struct rt_view *view, char kind, const char *line, int at, struct rt_choices *out)
{
    struct completion h = {view, line, at, 0, out};
    out->count = 0;
    if (kind == '=')
        complete_value(&h);
    else if (kind == '/')
        offer_filter(&h);
    else
        complete_command(&h);
}
