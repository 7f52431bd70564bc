/* SPDX-License-Identifier: MIT
 * journal_words: see journal_words.h. */
#include "tui/report/journal_words.h"

#include "formats/words.h"
#include "pipeline/data/override.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 5 /* samples that are called by their ids; of more the first */

/* ---- settings ----
 * An undo is a change like any other, as a repeated run has to make it too; what it is shows in that it puts back
 * what the change before it replaced. */

static const struct rt_journal_row *row_before(const struct rt_snapshot *m, int number)
{
    for (int i = number - 1; i >= 0; i--)
        if (strcmp(m->journal[i].key, m->journal[number].key) == 0)
            return &m->journal[i];
    return NULL;
}

static void words_of_setting(struct rt_words *w, const struct rt_snapshot *m, int number)
{
    const struct rt_journal_row *j = &m->journal[number], *earlier = row_before(m, number);
    const char *before = *j->before ? j->before : "(none)", *after = *j->after ? j->after : "(none)";
    bool back = earlier && strcmp(earlier->before, j->after) == 0 && strcmp(earlier->after, j->before) == 0;
    rt_words_add(w, back ? "%s  back to %s, from %s" : "%s  %s -> %s", j->key, back ? after : before,
                 back ? before : after);
}

/* ---- samples ----
 * "0.5@3-10,17 x1@20 # words" (override.h): what the rows have become. It is of a file from anywhere: what cannot be
 * read ends it. */

static const char *state_words(const char *state, size_t length, char out[48])
{
    char *end;
    double factor = strtod(state, &end);
    if (*state == 'x')
        return "excluded";
    if (end != state + length || factor == 0)
        return "muted";
    if (factor == 1)
        return "restored";
    snprintf(out, 48, "weight %.6g:", factor);
    return out;
}

static void words_name(struct rt_words *w, const struct rt_snapshot *m, long row, int place)
{
    const struct rt_table *t = &m->samples;
    int id = t->order && row < t->rows ? rt_table_find(t, "id") : -1;
    const char *name = id >= 0 ? rt_table_cell(t, (int)row, id) : "";
    if (*name)
        rt_words_add(w, "%s%s", place ? ", " : "", name);
    else
        rt_words_add(w, "%srow %ld", place ? ", " : "", row);
}

/* Rows of a list "3-10,17", counted, or named, the first of them. Returns where it ends. */
static const char *rows_read(const char *at, const struct rt_snapshot *m, struct rt_words *w, long *count)
{
    *count = 0;
    while (*at >= '0' && *at <= '9') {
        char *end;
        long from = strtol(at, &end, 10), to = from;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        if (from > INT32_MAX || to > INT32_MAX || *count > INT32_MAX) /* no rows of ours */
            return end + strlen(end);
        for (long row = from; w && row <= to && *count + row - from < NAMED; row++)
            words_name(w, m, row, (int)(*count + row - from));
        *count += to >= from ? to - from + 1 : 0;
        at = *end == ',' ? end + 1 : end;
    }
    return at;
}

static void words_of_samples(struct rt_words *w, const struct rt_snapshot *m, const struct rt_journal_row *j)
{
    const char *asked = rt_journal_asked(j), *at = j->after;
    bool undone = strncmp(asked, "undo", 4) == 0, again = strncmp(asked, "redo", 4) == 0;
    rt_words_add(w, "%s", undone ? "undone: " : again ? "again: " : "");
    for (int states = 0; *at && *at != '#' && states < 8; states++) {
        char number[48];
        long count, named;
        size_t length = strcspn(at, "@#");
        if (at[length] != '@')
            break;
        const char *verb = state_words(at, length, number), *rows = at + length + 1;
        at = rows_read(rows, m, NULL, &count);
        rt_words_add(w, "%s%s %ld sample%s: ", states ? "; " : "", verb, count, count == 1 ? "" : "s");
        rows_read(rows, m, w, &named);
        rt_words_add(w, "%s", count > NAMED ? ", ..." : "");
        at += strspn(at, " ");
    }
}

const char *rt_journal_asked(const struct rt_journal_row *j)
{
    const char *words = strcmp(j->key, RT_OVERRIDE_KEY) == 0 ? strchr(j->after, '#') : NULL;
    return words ? words + 1 + strspn(words + 1, " ") : "";
}

const char *rt_journal_words(const struct rt_snapshot *m, int number, char *out, size_t size)
{
    struct rt_words w = {out, size};
    out[0] = '\0';
    if (strcmp(m->journal[number].key, RT_OVERRIDE_KEY) == 0)
        words_of_samples(&w, m, &m->journal[number]);
    if (w.at == out)
        words_of_setting(&w, m, number);
    return out;
}
