/* SPDX-License-Identifier: MIT
 * identity: see identity.h. */
#include "stages/session/identity.h"

#include "formats/hash.h"
#include "pipeline/data/override.h"
#include "pipeline/run/rundb.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the digests ----
 * One for each thing that may have changed, so that it can be named. All of them are over rows in their order: what is
 * drawn, excluded and weighted goes by row. Files and texts are known by their content keys, which scoring has found
 * anyway; a file that was moved is the same file. */

enum part { IDS, SPLITS, LABELS, GROUPS, WEIGHTS, COLUMNS, USABLE, INPUTS, PARTS };

#define SOUNDS "sounds" /* behind them, where there are any */

static const struct {
    const char *name, *words;
    const char *column; /* of the manifest, and what run.db calls it */
    const char *db;
} parts[PARTS] = {
    [IDS] = {"ids", "the samples' ids, or their order", "id", "id"},
    [SPLITS] = {"splits", "the samples' splits", "split", "split"},
    [LABELS] = {"labels", "the samples' labels", "label", "label"},
    [GROUPS] = {"groups", "the samples' groups", "group", "grp"},
    [WEIGHTS] = {"weights", "the samples' weights", "weight", "factor"},
    [COLUMNS] = {"columns", "the samples' numbers in the columns of weight.columns", NULL, NULL}, /* if there are any */
    [USABLE] = {"usable", "which samples can be used", NULL, "reason"},
    [INPUTS] = {"inputs", "what is in the samples' files or texts", NULL, NULL},
};

static uint64_t rows_digest_column(const struct rt_dataset *d, const char *name)
{
    const struct rt_manifest *m = d->manifest;
    int column = rt_manifest_column(m, name);
    uint64_t digest = 0;
    for (int row = 0; row < d->count; row++) {
        const char *cell = rt_manifest_cell(m, row, column);
        digest = rt_hash64(cell, strlen(cell) + 1, digest);
    }
    return digest;
}

static uint64_t rows_digest_columns(const struct rt_session *s)
{
    uint64_t digest = 0;
    for (int k = 0; k < s->columns.count; k++)
        digest = digest * 31 + rows_digest_column(&s->dataset, s->columns.name[k]);
    return digest;
}

static bool row_usable(const struct rt_session *s, int row, int modality)
{
    return s->dataset.reason[modality][row] == 0;
}

static uint64_t rows_digest_usable(const struct rt_session *s, int student, const struct rt_model *const *teacher,
                                   int teachers)
{
    uint64_t digest = 0;
    for (int row = 0; row < s->dataset.count; row++) {
        uint8_t usable[1 + RT_TEACHERS] = {row_usable(s, row, student)};
        for (int k = 0; k < teachers; k++)
            usable[1 + k] = row_usable(s, row, teacher[k]->modality->id);
        digest = rt_hash64(usable, sizeof usable, digest);
    }
    return digest;
}

static uint64_t rows_digest_inputs(const struct rt_session *s)
{
    uint64_t digest = 0;
    for (int m = 0; m < RT_MODALITIES; m++)
        if (s->content.key[m])
            digest = rt_hash64(s->content.key[m], (size_t)s->dataset.count * sizeof *s->content.key[m], digest);
    return digest;
}

void rt_identity_make(const struct rt_session *s, int student, const struct rt_model *const *teacher, int teachers,
                      uint64_t sounds, char text[RT_IDENTITY_TEXT])
{
    int n = 0;
    for (int i = 0; i < PARTS; i++) {
        uint64_t digest = parts[i].column ? rows_digest_column(&s->dataset, parts[i].column)
                        : i == COLUMNS    ? rows_digest_columns(s)
                        : i == USABLE     ? rows_digest_usable(s, student, teacher, teachers)
                                          : rows_digest_inputs(s);
        if (i != COLUMNS || s->columns.count)
            n += snprintf(text + n, RT_IDENTITY_TEXT - (size_t)n, "%s=%016" PRIx64 "\n", parts[i].name, digest);
    }
    for (int k = 0; k < teachers; k++)
        n += snprintf(text + n, RT_IDENTITY_TEXT - (size_t)n, "%s=%016" PRIx64 "\n", rt_stage_teacher[k].name,
                      teacher[k]->key.lo ^ teacher[k]->key.hi);
    if (sounds)
        snprintf(text + n, RT_IDENTITY_TEXT - (size_t)n, SOUNDS "=%016" PRIx64 "\n", sounds);
}

/* ---- the first row that differs ----
 * Digests say that, not where. run.db has the rows as they were; of a large data set perhaps not yet all of them, and
 * then the row is not named. */

struct row_search {
    const struct rt_session *s;
    int part, student;
    int column; /* of COLUMNS: which of them */
    int64_t found; /* -1 = none */
    char then[80], now[80];
};

/* As few digits as tell it from all others; nothing for NaN. */
static void number_write(float x, char *text, size_t size)
{
    text[0] = '\0';
    for (int digits = 6; !isnan(x) && digits <= 9 && (digits == 6 || strtof(text, NULL) != x); digits++)
        snprintf(text, size, "%.*g", digits, (double)x);
}

/* A weight or a measure: run.db has it as the number that the run took it for. */
static int search_compare_numbers(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct row_search *w = self;
    const struct rt_scores *scores = &w->s->scores;
    int64_t row = rt_rundb_whole(&c[0], 0, w->s->dataset.count - 1, -1);
    int of_manifest = w->s->columns.count;
    (void)columns;
    if (row < 0)
        return 0;
    size_t cell = (size_t)(row + 1) * (size_t)scores->columns - (size_t)of_manifest + (size_t)w->column;
    float then = (float)c[1].number, now = w->part == WEIGHTS ? w->s->dataset.weight[row] : scores->value[cell];
    if (then == now || (isnan(then) && isnan(now)))
        return 0;
    w->found = row;
    number_write(then, w->then, sizeof w->then);
    number_write(now, w->now, sizeof w->now);
    return 1;
}

static int search_compare(void *self, int columns, const struct rt_rundb_cell *c)
{
    struct row_search *w = self;
    const struct rt_dataset *d = &w->s->dataset;
    int64_t row = rt_rundb_whole(&c[0], 0, d->count - 1, -1);
    const char *then = c[1].text ? c[1].text : "", *now = "";
    bool differs;
    (void)columns;
    if (row < 0)
        return 0;
    if (parts[w->part].column) {
        now = rt_manifest_cell(d->manifest, (int)row, rt_manifest_column(d->manifest, parts[w->part].column));
        differs = strcmp(then, w->part == SPLITS && !*now ? "train" : now) != 0;
    } else {
        bool usable = row_usable(w->s, (int)row, w->student);
        differs = usable != !*then;
        now = usable ? "usable" : "not usable";
        then = *then ? then : "usable";
    }
    if (!differs)
        return 0;
    w->found = row;
    snprintf(w->then, sizeof w->then, "%.60s", then);
    snprintf(w->now, sizeof w->now, "%.60s", now);
    return 1;
}

static int search_find_none(void *self, int columns, const struct rt_rundb_cell *c)
{
    (void)columns;
    *(bool *)self = c[0].number == 0;
    return 1;
}

/* Numbers. A weight stands in run.db multiplied by what people gave the sample by hand: where they gave any, it is not
 * known which of the two changed. */
static void search_run_numbers(struct row_search *w, struct rt_rundb *db)
{
    struct rt_error ignored;
    bool alone = w->part == COLUMNS;
    if (!alone)
        rt_rundb_scan(db, "SELECT count(*) FROM journal WHERE key='" RT_OVERRIDE_KEY "'", search_find_none, &alone,
                      &ignored);
    int count = !alone ? 0 : w->part == COLUMNS ? w->s->columns.count : 1;
    for (w->column = 0; w->column < count && w->found < 0; w->column++) {
        char sql[100 + RT_COLUMN_NAME];
        const char *name = w->part == COLUMNS ? w->s->columns.name[w->column] : parts[w->part].db;
        snprintf(sql, sizeof sql, "SELECT row, \"%s\" FROM samples ORDER BY row", name);
        rt_rundb_scan(db, sql, search_compare_numbers, w, &ignored);
    }
}

static void search_run(struct row_search *w, const char *folder)
{
    struct rt_rundb *db = NULL;
    struct rt_error ignored;
    char sql[100];
    bool numbers = w->part == COLUMNS || w->part == WEIGHTS;
    w->found = -1;
    if ((!numbers && !parts[w->part].db) || rt_rundb_open_run(&db, folder, &ignored) < 0)
        return;
    if (numbers)
        search_run_numbers(w, db);
    else {
        snprintf(sql, sizeof sql, "SELECT row, %s FROM samples ORDER BY row", parts[w->part].db);
        rt_rundb_scan(db, sql, search_compare, w, &ignored);
    }
    rt_rundb_close(db);
}

/* ---- comparing ---- */

static int identity_refuse(const char *file, const char *folder, int part, const struct rt_session *s, int student,
                           struct rt_error *e)
{
    struct row_search w = {.s = s, .part = part, .student = student};
    char where[300] = "";
    search_run(&w, folder);
    if (w.found >= 0)
        snprintf(where, sizeof where, "; the first is line %d, sample \"%.60s\": \"%s\" then, \"%s\" now",
                 rt_manifest_line(s->dataset.manifest, (int)w.found),
                 rt_manifest_cell(s->dataset.manifest, (int)w.found, rt_manifest_column(s->dataset.manifest, "id")),
                 w.then, w.now);
    return rt_error_set(e, RT_EMISMATCH, "%s: %s: %s changed since it was written%s; bring them back as they were, or "
                        "start a new run", file, rt_manifest_path(s->dataset.manifest), parts[part].words, where);
}

/* The value of a "name=value" line, with its length; NULL when there is none. */
static const char *line_value(const char *text, const char *name, size_t *size)
{
    size_t n = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, n) == 0 && line[n] == '=') {
            *size = strcspn(line + n + 1, "\n");
            return line + n + 1;
        }
    return NULL;
}

static bool line_same(const char *then, const char *now, const char *name)
{
    size_t a = 0, b = 0;
    const char *x = line_value(then, name, &a), *y = line_value(now, name, &b);
    return !x || (y && a == b && memcmp(x, y, a) == 0);
}

int rt_identity_check(const char *then, const char *now, const char *file, const char *folder,
                      const struct rt_session *s, int student, struct rt_error *e)
{
    if (!then)
        return 0;
    for (int i = 0; i < PARTS; i++)
        if (!line_same(then, now, parts[i].name))
            return identity_refuse(file, folder, i, s, student, e);
    if (!line_same(then, now, SOUNDS))
        return rt_error_set(e, RT_EMISMATCH,
                            "%s: the recordings in augment.noise_from or augment.rir_from changed since it "
                            "was written; bring them back as they were, or start a new run",
                            file);
    for (int k = 0; k < RT_TEACHERS; k++)
        if (!line_same(then, now, rt_stage_teacher[k].name))
            return rt_error_set(e, RT_EMISMATCH, "%s: %s.model is another model than when it was written; give the one "
                                "that the run began with, or start a new run", file, rt_stage_teacher[k].name);
    return 0;
}

const char *rt_identity_differs(const char *a, const char *b)
{
    for (int i = 0; i < PARTS; i++)
        if (!line_same(a, b, parts[i].name))
            return parts[i].words;
    for (int k = 0; k < RT_TEACHERS; k++)
        if (!line_same(a, b, rt_stage_teacher[k].name))
            return k ? "the second teacher" : "the teacher";
    return line_same(a, b, SOUNDS) ? NULL : "the recordings in augment.noise_from or augment.rir_from";
}

bool rt_identity_same_ids(const char *then, const struct rt_dataset *d)
{
    char now[60];
    size_t size;
    snprintf(now, sizeof now, "%s=%016" PRIx64 "\n", parts[IDS].name, rows_digest_column(d, "id"));
    return line_value(then, parts[IDS].name, &size) && line_same(then, now, parts[IDS].name);
}
