/* SPDX-License-Identifier: MIT
 * live_rows: see live_rows.h. */
#include "stages/session/live_rows.h"

#include "pipeline/data/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ----
 * The names are those of run.db's table, whose rows people see when they ask. The values are not read from there: a
 * run that acted on its data base would do what whoever changed that file wants, and reading a million rows for each
 * request took longer than the updates. Nothing is copied either: a row's values are put together when the
 * expression asks for it. */

enum fixed {
    ROW, ID, LABEL, GROUP, SPLIT, HIDDEN, REASON, MODALITY, DETAIL, SEEN, QUALITY, WEIGHT, PREDICTED, P, P_LABEL,
    CORRECT, FIXED
};
static const struct rt_filter_column fixed[FIXED] = {
    [ROW] = {"row", false},           [ID] = {"id", true},           [LABEL] = {"label", true},
    [GROUP] = {"group", true},        [SPLIT] = {"split", true},     [HIDDEN] = {"hidden", false},
    [REASON] = {"reason", true},      [MODALITY] = {"modality", true}, [DETAIL] = {"detail", true},
    [SEEN] = {"seen", false},         [QUALITY] = {"quality", false}, [WEIGHT] = {"weight", false},
    [PREDICTED] = {"predicted", true}, [P] = {"p", false},           [P_LABEL] = {"p_label", false},
    [CORRECT] = {"correct", false},
};

#define CHUNK 64 /* rows looked at with the student's states held: it waits for some microseconds at most */

struct live {
    const struct rt_training *t;
    int first, at; /* of the chunk; the row in `row`, -1 = none */
    float factor[CHUNK];
    uint8_t excluded[CHUNK];
    struct rt_sample_row row;
    double value[RT_SAMPLE_COLUMNS];
};

static const struct rt_sample_row *live_row(struct live *l, int row)
{
    int i = row - l->first;
    if (l->at != row)
        rt_observe_samples_row(&l->t->observe_samples, row, (double)l->factor[i], l->excluded[i],
                               rt_session_drop(l->t->session, row), &l->row, l->value);
    l->at = row;
    return &l->row;
}

static double live_number(void *user, int row, int column)
{
    struct live *l = user;
    const struct rt_sample_row *s = live_row(l, row);
    switch (column) {
    case ROW: return row;
    case HIDDEN: return s->hidden;
    case SEEN: return (double)s->seen;
    case QUALITY: return s->quality;
    case WEIGHT: return s->weight;
    case P: return s->predicted ? s->p : NAN;
    case P_LABEL: return s->predicted && s->correct >= 0 ? s->p_label : NAN;
    case CORRECT: return s->predicted && s->correct >= 0 ? s->correct : NAN;
    default: return l->value[column - FIXED];
    }
}

static const char *live_text(void *user, int row, int column)
{
    const struct rt_sample_row *s = live_row(user, row);
    switch (column) {
    case ID: return s->id;
    case LABEL: return s->label;
    case GROUP: return s->group;
    case SPLIT: return s->split;
    case REASON: return s->reason;
    case MODALITY: return s->modality;
    case DETAIL: return s->detail;
    default: return s->predicted;
    }
}

/* ---- where ---- */

static int live_filter(struct rt_filter **out, const struct rt_training *t, const char *where, struct rt_error *e)
{
    struct rt_sample_columns extra;
    struct rt_filter_column column[FIXED + RT_SAMPLE_COLUMNS];
    rt_observe_samples_columns(&t->record, &extra);
    memcpy(column, fixed, sizeof fixed);
    for (int i = 0; i < extra.count; i++)
        column[FIXED + i] = (struct rt_filter_column){extra.name[i], false};
    int rc = rt_filter_create(out, where, column, FIXED + extra.count, e);
    if (rc < 0)
        rt_error_prefix(e, "where");
    return rc;
}

static int live_match_chunk(struct live *l, const struct rt_filter *f, int end, int *row)
{
    const struct rt_filter_source source = {l, live_number, live_text};
    int n = 0;
    rt_control_states(l->t->control, l->first, end - l->first, l->factor, l->excluded);
    rt_session_hold(l->t->session, true);
    rt_learner_hold(l->t->student.learner, true);
    for (int i = l->first; i < end; i++)
        if (rt_filter_match(f, &source, i))
            row[n++] = i;
    rt_learner_hold(l->t->student.learner, false);
    rt_session_hold(l->t->session, false);
    return n;
}

static int live_find_where(const struct rt_training *t, const char *where, int *row, struct rt_error *e)
{
    struct live l = {.t = t, .at = -1};
    struct rt_filter *f = NULL;
    int found = 0, rows = t->session->dataset.count;
    RT_TRY(live_filter(&f, t, where, e));
    for (; l.first < rows; l.first += CHUNK)
        found += live_match_chunk(&l, f, l.first + CHUNK < rows ? l.first + CHUNK : rows, row + found);
    rt_filter_destroy(f);
    return found;
}

/* ---- ids ---- */

static int live_find_ids(const struct rt_training *t, const char *const *id, int count, int *row, struct rt_error *e)
{
    for (int i = 0; i < count; i++)
        if ((row[i] = rt_manifest_find(t->session->dataset.manifest, id[i])) < 0)
            return rt_error_set(e, RT_ENOTFOUND, "there is no sample \"%.80s\"", id[i]);
    return count;
}

int rt_live_rows(const struct rt_training *t, const char *const *which, int count, int **row, struct rt_error *e)
{
    bool where = strcmp(which[0], "where") == 0;
    int most = t->session->dataset.count > count ? t->session->dataset.count : count;
    *row = NULL;
    if (where && count != 2)
        return rt_error_set(e, RT_EUSAGE, "after where stands one expression: put it in quotes");
    *row = malloc(((size_t)most + 1) * sizeof **row);
    if (!*row)
        return rt_error_set(e, RT_EMEM, "no memory for %d rows", most);
    int n = where ? live_find_where(t, which[1], *row, e) : live_find_ids(t, which, count, *row, e);
    if (n < 0) {
        free(*row);
        *row = NULL;
    }
    return n;
}
