/* SPDX-License-Identifier: MIT
 * observe_samples: the samples table of run.db. All rows of a large data set take a while to write, so at first some
 * are, and the others in parts behind the first updates, for a tenth of the time; in between only those that changed
 * are, every few seconds, and less often where that would take more than a fiftieth of the time. What a person changed
 * about samples, and what an evaluation said of them, is written with the next update: they look whether it took
 * effect. */
#include "stages/session/observers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define SAMPLES_NS UINT64_C(5000000000)
#define SAMPLES_FRACTION 50 /* of the time, one part at most */
#define FIRST_ROWS 10000    /* that stand in the table before the first update */
#define PART_ROWS 1000      /* and then at a time */
#define PART_REST 9         /* times as long as a part took, before the next one */

/* A million of each: no more than is asked for. */
struct rt_row_written {
    int seen;
    float factor;
};

struct rt_row_answer {
    int predicted; /* class, -1 = its outputs were not finite */
    float p, p_label;
    int8_t correct;    /* -1 = no label */
    bool given;        /* else all of the above is nothing */
    bool due;          /* and not written yet */
    uint8_t excluded;  /* as written */
};

/* ---- columns ----
 * Names and values come from one function, so that they cannot stand in different orders. */

struct sample_cells {
    int count;
    char (*name)[64]; /* NULL: only values are wanted */
    double *value;    /* NULL: only names are */
};

static void sample_cell(struct sample_cells *c, double value, const char *before, const char *name,
                        const char *behind)
{
    if (c->name)
        snprintf(c->name[c->count], sizeof *c->name, "%s%s%s", before, name, behind);
    if (c->value)
        c->value[c->count] = value;
    c->count++;
}

static void sample_cells(struct sample_cells *c, const struct rt_record *r, int row, double doubt, double factor,
                         bool excluded)
{
    const struct rt_scores *s = &r->session->scores;
    const struct rt_sample_states *t = rt_learner_samples(r->student->learner);
    size_t at = (size_t)row * (size_t)s->columns;
    c->count = 0;
    sample_cell(c, doubt, "", "doubt", "");
    sample_cell(c, rt_loss_history_pack(t->history + (size_t)row * RT_LOSS_HISTORY), "", RT_LOSS_HISTORY_COLUMN, "");
    for (int k = 0; k < s->columns; k++) {
        sample_cell(c, s->value[at + (size_t)k], "", s->column[k].measure->name, "");
        sample_cell(c, s->percentile[at + (size_t)k], "", s->column[k].measure->name, "_pct");
    }
    for (int k = 0; k < RT_TERMS; k++) {
        sample_cell(c, rt_sample_distance(t, row, k), "loss_", rt_terms[k]->name, "");
        sample_cell(c, rt_sample_inside(t, row, k), "inside_", rt_terms[k]->name, "");
    }
    sample_cell(c, factor, "", "factor", "");
    sample_cell(c, excluded, "", "excluded", "");
}

void rt_observe_samples_columns(const struct rt_record *r, struct rt_sample_columns *c)
{
    struct sample_cells cells = {.name = c->name};
    sample_cells(&cells, r, 0, NAN, 1, false);
    c->count = cells.count;
    for (int i = 0; i < c->count; i++)
        c->pointer[i] = c->name[i];
}

/* ---- rows ---- */

/* Notes what is about to be written; false where run.db has it already. seen: that it was seen again counts, too. */
static bool sample_changed(struct rt_observe_samples *o, int row, bool seen)
{
    const struct rt_student *student = o->record->student;
    const struct rt_override *override = student->control ? rt_control_override(student->control) : NULL;
    struct rt_row_written *w = &o->written[row], now = {rt_learner_samples(student->learner)->seen[row], 1};
    struct rt_row_answer *a = &o->answer[row];
    uint8_t excluded = 0;
    if (override && override->rows) {
        now.factor = override->factor[row];
        excluded = override->excluded[row];
    }
    if ((now.seen == w->seen || !seen) && now.factor == w->factor && excluded == a->excluded && !a->due)
        return false;
    *w = now;
    if (a->excluded != excluded || a->due) { /* where nothing is known of a row, nothing is touched */
        a->excluded = excluded;
        a->due = false;
    }
    return true;
}

/* How little student and teacher believe the given label: 1 less the mean of the probabilities that they give it, of
 * those that were asked. NaN without a label. */
static double sample_doubt(const struct rt_observe_samples *o, int row)
{
    const struct rt_row_answer *a = &o->answer[row];
    const float *taught = rt_learner_samples(o->record->student->learner)->teacher_p;
    bool student = a->given && a->correct >= 0 && isfinite(a->p_label), teacher = taught[row] > 0;
    double sum = (student ? (double)a->p_label : 0) + (teacher ? (double)taught[row] : 0);
    return student || teacher ? 1 - sum / (student + teacher) : NAN;
}

void rt_observe_samples_row(const struct rt_observe_samples *o, int row, double factor, bool excluded,
                            const struct rt_drop *drop, struct rt_sample_row *s, double value[RT_SAMPLE_COLUMNS])
{
    const struct rt_record *r = o->record;
    const struct rt_dataset *d = &r->session->dataset;
    const struct rt_manifest *m = d->manifest;
    const struct rt_sample_states *t = rt_learner_samples(r->student->learner);
    const struct rt_row_answer *a = &o->answer[row];
    struct sample_cells cells = {.value = value};
    sample_cells(&cells, r, row, sample_doubt(o, row), factor * (double)d->weight[row], excluded);
    *s = (struct rt_sample_row){
        .row = row,
        .id = rt_manifest_cell(m, row, rt_manifest_column(m, "id")),
        .label = rt_manifest_cell(m, row, rt_manifest_column(m, "label")),
        .group = rt_manifest_cell(m, row, rt_manifest_column(m, "group")),
        .split = rt_split_names[d->split[row]],
        .hidden = d->truth[row] >= 0 && d->label[row] < 0,
        .reason = drop ? rt_err_words(drop->reason) : "",
        .modality = drop ? rt_modality_names[drop->modality] : "",
        .detail = drop ? drop->text : "",
        .seen = t->seen[row],
        .quality = t->quality[row],
        .weight = t->weight[row],
        .predicted = a->given && a->predicted >= 0 ? d->class_name[a->predicted] : NULL,
        .p = (double)a->p,
        .p_label = (double)a->p_label,
        .correct = a->correct,
        .value = value,
    };
}

static int sample_write(struct rt_observe_samples *o, int row, struct rt_error *e)
{
    const struct rt_drop *drop = rt_session_drop(o->record->session, row);
    double value[RT_SAMPLE_COLUMNS];
    struct rt_sample_row s;
    rt_observe_samples_row(o, row, (double)o->written[row].factor, o->answer[row].excluded, drop, &s, value);
    return rt_rundb_sample(o->record->db, &s, e);
}

/* The next rows that the table has not got yet, changed or not. */
static int samples_write_part(struct rt_observe_samples *o, int rows, struct rt_error *e)
{
    int count = o->record->session->dataset.count, end = rows < count - o->there ? o->there + rows : count;
    uint64_t began = uv_hrtime();
    for (; o->there < end; o->there++) {
        sample_changed(o, o->there, true);
        RT_TRY(sample_write(o, o->there, e));
    }
    uint64_t now = uv_hrtime();
    o->part_due = now + PART_REST * (now - began);
    return 0;
}

static int samples_write_changed(struct rt_observe_samples *o, struct rt_error *e)
{
    uint64_t began = uv_hrtime();
    for (int row = 0; row < o->there; row++)
        if (sample_changed(o, row, true))
            RT_TRY(sample_write(o, row, e));
    uint64_t now = uv_hrtime(), wait = (now - began) * SAMPLES_FRACTION;
    o->due = now + (wait > SAMPLES_NS ? wait : SAMPLES_NS);
    return 0;
}

/* Only what somebody has changed, and looks for now: the rest has time. */
static int samples_write_touched(struct rt_observe_samples *o, struct rt_error *e)
{
    for (int row = 0; row < o->there; row++)
        if (sample_changed(o, row, false))
            RT_TRY(sample_write(o, row, e));
    return 0;
}

/* ---- what it is told ---- */

void rt_observe_samples_answers(struct rt_observe_samples *o, const struct rt_prediction *prediction, const int *row,
                                int n)
{
    const struct rt_dataset *d = &o->record->session->dataset;
    rt_learner_hold(o->record->student->learner, true); /* others may look at rows (live_rows.h) */
    for (int i = 0; i < n; i++) {
        const struct rt_prediction *p = &prediction[i];
        struct rt_row_answer *a = &o->answer[row[i]];
        bool strange = d->named[row[i]] >= d->classes;
        *a = (struct rt_row_answer){
            .predicted = p->predicted, .p = (float)p->p, .p_label = strange ? 0 : (float)p->p_label,
            .correct = strange ? 0 : p->label < 0 ? -1 : p->rank == 0, .given = true, .due = true,
            .excluded = a->excluded,
        };
    }
    rt_learner_hold(o->record->student->learner, false);
    o->due = 0;
}

static int samples_on_evaluation(void *self, const struct rt_eval_report *r, struct rt_error *e)
{
    (void)e;
    rt_observe_samples_answers(self, r->prediction, r->row, r->predictions);
    return 0;
}

/* A sample that failed while training. */
static void samples_on_left_out(void *self, const struct rt_drop *drop)
{
    struct rt_observe_samples *o = self;
    struct rt_record *r = o->record;
    int known = r->session->left_count;
    rt_session_leave_out(r->session, drop);
    if (r->session->left_count == known)
        return;
    rt_rundir_log(r->dir, "left out: %s", drop->text);
    o->answer[drop->sample].due = true; /* its reason is no number that any update changes */
}

static int samples_on_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                             const char *after, struct rt_error *e)
{
    struct rt_observe_samples *o = self;
    (void)step, (void)who, (void)before, (void)after, (void)e;
    o->asked |= strcmp(key, RT_OVERRIDE_KEY) == 0;
    return 0;
}

static int samples_on_update(void *self, int64_t step, bool epoch_ended, struct rt_error *e)
{
    struct rt_observe_samples *o = self;
    (void)step, (void)epoch_ended;
    uint64_t began = uv_hrtime();
    if (o->there < o->record->session->dataset.count && began >= o->part_due)
        RT_TRY(samples_write_part(o, PART_ROWS, e));
    if (began < o->due && !o->asked)
        return 0;
    RT_TRY(began < o->due ? samples_write_touched(o, e) : samples_write_changed(o, e));
    RT_TRY(rt_rundb_commit(o->record->db, e));
    if (o->asked) /* a filter may have named every row */
        rt_control_charge(o->record->student->control, uv_hrtime() - began);
    o->asked = false;
    return 0;
}

struct rt_observer rt_observe_samples(struct rt_observe_samples *o)
{
    return (struct rt_observer){
        .self = o, .left_out = samples_on_left_out, .change = samples_on_change, .update = samples_on_update,
        .evaluation = samples_on_evaluation,
    };
}

int rt_observe_samples_open(struct rt_observe_samples *o, struct rt_record *r, struct rt_error *e)
{
    size_t rows = (size_t)r->session->dataset.count + 1;
    *o = (struct rt_observe_samples){.record = r, .written = calloc(rows, sizeof *o->written),
                                     .answer = calloc(rows, sizeof *o->answer)};
    if (!o->written || !o->answer) {
        rt_observe_samples_fini(o);
        return rt_error_set(e, RT_EMEM, "%s: no memory for the samples' rows", r->dir->path);
    }
    RT_TRY(samples_write_part(o, FIRST_ROWS, e));
    o->due = uv_hrtime() + SAMPLES_NS;
    return rt_rundb_commit(r->db, e);
}

int rt_observe_samples_end(struct rt_observe_samples *o, struct rt_error *e)
{
    o->there = 0;
    return samples_write_part(o, o->record->session->dataset.count, e); /* also reasons of samples never seen */
}

void rt_observe_samples_fini(struct rt_observe_samples *o)
{
    free(o->written);
    free(o->answer);
    o->written = NULL;
    o->answer = NULL;
}
