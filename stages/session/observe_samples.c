/* SPDX-License-Identifier: MIT
 * observe_samples: see observers.h. Rows of samples that changed are written every few seconds, less often where
 * that would take more than a fiftieth of the time. */
#include "stages/session/observers.h"

#include "pipeline/run/checkpoints.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_NS UINT64_C(5000000000)
#define SAMPLES_SHARE 50
#define STAGES_NS UINT64_C(1000000000)

struct rt_row_written {
    int seen;
    float factor;
    uint8_t excluded;
};

/* Columns of samples: its last losses, each measure, its percentile, then each term's last distance and whether it
 * was inside the margin. */
#define COLUMNS_MAX (2 * RT_SCORE_COLUMNS + 2 * RT_TERMS + 3)

static int column_names(const struct rt_recorder *r, char name[COLUMNS_MAX][64],
                        const char *pointer[COLUMNS_MAX])
{
    const struct rt_scores *s = &r->session->scores;
    int n = 0;
    snprintf(name[n++], 64, RT_LOSS_HISTORY_COLUMN);
    for (int c = 0; c < s->columns; c++) {
        snprintf(name[n++], 64, "%s", s->column[c].measure->name);
        snprintf(name[n++], 64, "%s_pct", s->column[c].measure->name);
    }
    for (int k = 0; k < RT_TERMS; k++) {
        snprintf(name[n++], 64, "loss_%s", rt_terms[k]->name);
        snprintf(name[n++], 64, "inside_%s", rt_terms[k]->name);
    }
    snprintf(name[n++], 64, "factor");
    snprintf(name[n++], 64, "excluded");
    for (int i = 0; i < n; i++)
        pointer[i] = name[i];
    return n;
}

static const struct rt_drop *drop_of(const struct rt_recorder *r, int row, int *cursor)
{
    const struct rt_session *s = r->session;
    while (*cursor < s->left_count && s->left[*cursor].sample < row)
        (*cursor)++;
    return *cursor < s->left_count && s->left[*cursor].sample == row ? &s->left[*cursor] : NULL;
}

static void sample_values(const struct rt_recorder *r, int row, double value[COLUMNS_MAX])
{
    const struct rt_scores *s = &r->session->scores;
    const struct rt_sample_states *t = &r->student->samples;
    size_t at = (size_t)row * (size_t)s->columns;
    int n = 0;
    value[n++] = rt_loss_history_pack(t->history + (size_t)row * RT_LOSS_HISTORY);
    for (int c = 0; c < s->columns; c++) {
        value[n++] = s->value[at + (size_t)c];
        value[n++] = s->percentile[at + (size_t)c];
    }
    for (int k = 0; k < RT_TERMS; k++) {
        size_t i = (size_t)row * RT_TERMS + (size_t)k;
        value[n++] = t->distance[i];
        value[n++] = isnan(t->distance[i]) ? NAN : t->inside[i];
    }
    value[n++] = (double)r->written[row].factor;
    value[n++] = r->written[row].excluded;
}

/* Notes what is about to be written; false where run.db has it already. */
static bool row_changed(struct rt_recorder *r, int row)
{
    const struct rt_override *hand =
        r->student->control ? rt_control_override(r->student->control) : NULL;
    struct rt_row_written *w = &r->written[row];
    struct rt_row_written now = {.seen = (int)r->student->samples.seen[row], .factor = 1};
    if (hand && hand->rows) {
        now.factor = hand->factor[row];
        now.excluded = hand->excluded[row];
    }
    bool same = now.seen == w->seen && now.factor == w->factor && now.excluded == w->excluded;
    *w = now;
    return !same;
}

static int write_samples(struct rt_recorder *r, bool all, struct rt_error *e)
{
    const struct rt_dataset *d = &r->session->dataset;
    const struct rt_sample_states *t = &r->student->samples;
    const struct rt_manifest *m = d->manifest;
    int id = rt_manifest_column(m, "id"), group = rt_manifest_column(m, "group");
    int label = rt_manifest_column(m, "label"), cursor = 0, rc = 0;
    double value[COLUMNS_MAX];
    uint64_t began = rt_progress_now();
    for (int row = 0; rc == 0 && row < d->count; row++) {
        if (!row_changed(r, row) && !all)
            continue;
        const struct rt_drop *drop = drop_of(r, row, &cursor);
        sample_values(r, row, value);
        struct rt_sample_row s = {
            .row = row,
            .id = rt_manifest_cell(m, row, id),
            .label = rt_manifest_cell(m, row, label),
            .group = rt_manifest_cell(m, row, group),
            .split = rt_split_names[d->split[row]],
            .hidden = d->truth[row] >= 0 && d->label[row] < 0,
            .reason = drop ? rt_err_words(drop->reason) : "",
            .modality = drop ? rt_modality_names[drop->modality] : "",
            .detail = drop ? drop->text : "",
            .seen = t->seen[row],
            .quality = t->quality[row],
            .weight = t->weight[row],
            .value = value,
        };
        rc = rt_rundb_sample(r->db, &s, e);
    }
    uint64_t now = rt_progress_now(), wait = (now - began) * SAMPLES_SHARE;
    r->rows_due = now + (wait > SAMPLES_NS ? wait : SAMPLES_NS);
    return rc;
}

int rt_recorder_open(struct rt_recorder *r, struct rt_error *e)
{
    char path[RT_RUN_PATH], name[COLUMNS_MAX][64];
    const char *pointer[COLUMNS_MAX];
    int columns = column_names(r, name, pointer);
    char manifest[PATH_MAX];
    if (!realpath(rt_manifest_path(r->session->dataset.manifest), manifest))
        *manifest = '\0'; /* gone: its samples cannot be looked at */
    rt_rundir_path(r->dir->path, RT_RUN_DB, path, sizeof path);
    int rc = rt_rundb_open(&r->db, path, pointer, columns, 1, e);
    if (rc == 0)
        rc = rt_rundb_rewind(r->db, r->student->step, e);
    if (rc == 0)
        rc = rt_rundb_meta(r->db, "manifest", manifest, e);
    if (rc == 0)
        rc = rt_rundb_meta(r->db, "program", "retort " RT_VERSION, e);
    if (rc == 0)
        rc = rt_rundb_meta(r->db, "state", "running", e);
    if (rc == 0 && !(r->written = calloc((size_t)r->session->dataset.count + 1, sizeof *r->written)))
        rc = rt_error_set(e, RT_EMEM, "%s: no memory for the samples' rows", path);
    if (rc == 0)
        rc = write_samples(r, true, e);
    if (rc == 0)
        rc = rt_rundb_commit(r->db, e);
    r->first_step = r->student->step;
    r->saved_step = r->student->step ? r->student->step : -1;
    r->last_top1 = NAN;
    rt_progress_init(&r->progress, r->quiet);
    return rc;
}

int rt_recorder_close(struct rt_recorder *r, const char *state, struct rt_error *e)
{
    int rc = 0;
    if (r->db) {
        rc = write_samples(r, true, e); /* reasons may have come for samples never seen */
        if (rc == 0)
            rc = rt_rundb_meta(r->db, "state", state, e);
        if (rc == 0)
            rc = rt_rundb_commit(r->db, e);
    }
    rt_progress_clear(&r->progress);
    rt_rundb_close(r->db);
    r->db = NULL;
    free(r->written);
    r->written = NULL;
    return rc;
}

static int write_state(struct rt_recorder *r, const char *path, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_student_save(r->student, s);
    if (rc < 0)
        rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc));
    else
        rc = rt_safetensors_write(s, path, e);
    rt_safetensors_destroy(s);
    return rc;
}

/* Changes asked for since the checkpoint of this step was written, which wait for the next one: a run
 * stopped now must not lose them. The rest of it stays as it was then. */
static int keep_waiting(struct rt_recorder *r, const char *path, struct rt_error *e)
{
    struct rt_control_text text;
    struct rt_safetensors *s = NULL;
    if (!r->student->control)
        return 0;
    int rc = rt_control_save(r->student->control, &text);
    if (rc < 0)
        return rt_error_set(e, rc, "no memory for the changes that wait");
    if (text.pending[0]) {
        rc = rt_safetensors_read(&s, path, e);
        if (rc == 0 && (rc = rt_safetensors_set_text(s, "retort.pending", text.pending)) < 0)
            rt_error_set(e, rc, "%s: %s", path, rt_err_words(rc));
        if (rc == 0)
            rc = rt_safetensors_write(s, path, e);
        rt_safetensors_destroy(s);
    }
    rt_control_text_fini(&text);
    return rc;
}

int rt_recorder_checkpoint(struct rt_recorder *r, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    rt_checkpoints_path(r->dir->path, r->student->step, path, sizeof path);
    if (r->saved_step == r->student->step)
        return keep_waiting(r, path, e);
    int rc = rt_rundb_commit(r->db, e); /* a run resumed from here lacks no metric before it */
    if (rc < 0)
        return rc;
    rc = write_state(r, path, e);
    if (rc == 0) {
        r->saved_step = r->student->step;
        rt_checkpoints_prune(r->dir->path, (int)r->student->recipe->run_keep);
    }
    return rc;
}

int rt_recorder_result(struct rt_recorder *r, const char *split, const char *name, double value,
                       struct rt_error *e)
{
    int epoch = (int)((r->student->step + r->epoch_steps - 1) / r->epoch_steps) - 1;
    return rt_rundb_metric(r->db, r->student->step, epoch, split, name, value, e);
}

static int metric(struct rt_recorder *r, const struct rt_step_report *p, const char *name,
                  double value, struct rt_error *e)
{
    return isnan(value) ? 0 : rt_rundb_metric(r->db, p->step, p->epoch, "", name, value, e);
}

static int step_metrics(struct rt_recorder *r, const struct rt_step_report *p, struct rt_error *e)
{
    int rc = metric(r, p, "loss", p->total, e);
    if (rc == 0)
        rc = metric(r, p, "lr", p->lr, e);
    if (rc == 0)
        rc = metric(r, p, "gradient_norm", p->gradient_norm, e);
    if (rc == 0)
        rc = metric(r, p, "effective", p->effective, e);
    for (int k = 0; rc == 0 && k < RT_TERMS; k++) {
        char name[64];
        if (!p->terms->used[k])
            continue;
        rc = metric(r, p, rt_terms[k]->name, p->terms->mean[k], e);
        snprintf(name, sizeof name, "%s.inside", rt_terms[k]->name);
        if (rc == 0 && k >= RT_TASK_TERMS)
            rc = metric(r, p, name, p->terms->inside[k], e);
        snprintf(name, sizeof name, "%s.margin", rt_terms[k]->name);
        if (rc == 0 && k >= RT_TASK_TERMS)
            rc = metric(r, p, name, p->terms->margin[k], e);
    }
    return rc;
}

static void show(struct rt_recorder *r, const struct rt_step_report *p)
{
    int64_t steps = r->student->steps, did = p->step - r->first_step;
    double seconds = (double)(rt_progress_now() - r->progress.started) / 1e9;
    double rate = seconds > 0 ? (double)did / seconds : 0;
    char text[400], left[24], terms[200] = "";
    for (int k = 0; k < RT_TERMS; k++)
        if (p->terms->used[k]) {
            size_t at = strlen(terms);
            snprintf(terms + at, sizeof terms - at, " %s %.3f", rt_terms[k]->name, p->terms->mean[k]);
        }
    rt_progress_time(rate > 0 ? (double)(steps - p->step) / rate : 0, left);
    int n = snprintf(text, sizeof text, "epoch %d/%d step %lld/%lld  loss %.3f  %s left  %.0f/s",
                     p->epoch + 1, (int)((steps + r->epoch_steps - 1) / r->epoch_steps),
                     (long long)p->step, (long long)steps, p->total, left, rate * p->samples);
    if (!isnan(r->last_top1))
        n += snprintf(text + n, sizeof text - (size_t)n, "  valid %.1f %%", 100 * r->last_top1);
    snprintf(text + n, sizeof text - (size_t)n, " %s", terms); /* a narrow terminal cuts the end */
    rt_progress_bar(&r->progress, (double)p->step / (double)steps, text);
}

/* A sample that failed while training. */
static void on_left_out(void *self, const struct rt_drop *drop)
{
    struct rt_recorder *r = self;
    int known = r->session->left_count;
    rt_session_leave_out(r->session, drop);
    if (r->session->left_count > known)
        rt_rundir_log(r->dir, "left out: %s", drop->text);
}

static void post(const struct rt_recorder *r, const struct rt_step_report *p)
{
    struct rt_status s = {
        .step = p->step, .steps = r->student->steps, .epoch = p->epoch + 1,
        .epochs = (int)((r->student->steps + r->epoch_steps - 1) / r->epoch_steps),
    };
    rt_status_add(&s, "loss", p->total);
    rt_status_add(&s, "lr", p->lr);
    rt_status_add(&s, "gradient_norm", p->gradient_norm);
    rt_status_add(&s, "effective", p->effective);
    for (int k = 0; k < RT_TERMS; k++) {
        char name[64];
        if (!p->terms->used[k])
            continue;
        rt_status_add(&s, rt_terms[k]->name, p->terms->mean[k]);
        snprintf(name, sizeof name, "%s.inside", rt_terms[k]->name);
        if (k >= RT_TASK_TERMS)
            rt_status_add(&s, name, p->terms->inside[k]);
    }
    rt_status_add(&s, "valid.top1", r->last_top1);
    rt_board_put(r->board, &s);
}

static int on_step(void *self, const struct rt_step_report *p, struct rt_error *e)
{
    struct rt_recorder *r = self;
    if (r->board)
        post(r, p);
    if (!r->quiet)
        show(r, p);
    return step_metrics(r, p, e);
}

static int on_epoch(void *self, int64_t step, int epoch, struct rt_error *e)
{
    struct rt_recorder *r = self;
    int64_t before = (int64_t)epoch * r->epoch_steps;
    int rc = rt_rundb_mean(r->db, before, step, epoch, "train", "loss", e);
    return rc == 0 ? rt_rundb_commit(r->db, e) : rc;
}

/* What else there is to say about a stage. */
static void stage_note(const struct rt_recorder *r, const char *stage, char *text, size_t size)
{
    uint64_t hits = 0, misses = 0, bytes = 0;
    *text = '\0';
    if (strcmp(stage, "decode") == 0 && r->session->left_count)
        snprintf(text, size, "%d samples left out", r->session->left_count);
    if (strcmp(stage, "teacher") == 0 && r->outputs)
        rt_store_counts(r->outputs, &hits, &misses, &bytes);
    if (hits + misses)
        snprintf(text, size, "%.0f %% of its outputs found in the cache",
                 100 * (double)hits / (double)(hits + misses));
}

int rt_recorder_account(struct rt_recorder *r, const struct rt_account *a, const char *limit, struct rt_error *e)
{
    int rc = rt_rundb_meta(r->db, "limit", limit, e);
    for (int i = 0; rc == 0 && i < a->stages; i++) {
        char note[100];
        stage_note(r, a->stage[i].name, note, sizeof note);
        rc = rt_rundb_stage(r->db, &a->stage[i],
                            1e-9 * (double)a->stage[i].offered / a->stage[i].workers, note, e);
    }
    return rc;
}

/* What others see of the run while it goes on. */
static int publish(struct rt_recorder *r, struct rt_error *e)
{
    struct rt_account account;
    char limit[400];
    uint64_t now = rt_progress_now();
    int rc = 0;
    if (now < r->stages_due && now < r->rows_due)
        return 0;
    if (now >= r->rows_due)
        rc = write_samples(r, false, e);
    if (rc == 0 && r->board && rt_board_get_account(r->board, &account, limit, sizeof limit))
        rc = rt_recorder_account(r, &account, limit, e);
    r->stages_due = now + STAGES_NS;
    return rc == 0 ? rt_rundb_commit(r->db, e) : rc;
}

/* The last one too is of before its evaluation, so that its bytes do not depend on where a run was
 * stopped; a resumed run makes the evaluation again. */
static int on_update(void *self, int64_t step, bool epoch_ended, struct rt_error *e)
{
    struct rt_recorder *r = self;
    int64_t every = r->student->recipe->run_checkpoint;
    bool due = every ? step % every == 0 : epoch_ended;
    int rc = publish(r, e);
    return rc == 0 && (due || step == r->student->steps) ? rt_recorder_checkpoint(r, e) : rc;
}

static int on_evaluation(void *self, const struct rt_eval_report *p, struct rt_error *e)
{
    struct rt_recorder *r = self;
    char path[RT_RUN_PATH];
    static const char *const head_metric[RT_HEADS] = {
        [RT_HEAD_OWN] = "top1.own", [RT_HEAD_TEACHER] = "top1.teacher_head", [RT_HEAD_SUM] = "top1.sum"};
    struct {
        const char *name;
        double value;
    } row[] = {
        {"top1", p->top1[p->answer]}, {"top5", p->top5}, {"macro_f1", p->macro_f1},
        {"loss", p->loss}, {"teacher.top1", p->teacher_top1},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof row / sizeof *row; i++)
        if (!isnan(row[i].value))
            rc = rt_rundb_metric(r->db, p->step, p->epoch, "valid", row[i].name, row[i].value, e);
    for (int h = RT_HEAD_OWN; rc == 0 && h < RT_HEADS; h++)
        if (!isnan(p->top1[h]))
            rc = rt_rundb_metric(r->db, p->step, p->epoch, "valid", head_metric[h], p->top1[h], e);
    if (rc == 0)
        rc = rt_rundb_commit(r->db, e);
    r->last_top1 = p->top1[p->answer];
    if (!r->quiet && !r->progress.terminal)
        rt_progress_line(&r->progress, "epoch %d: step %lld, valid top-1 %.1f %%, loss %.3f%s",
                         p->epoch + 1, (long long)p->step, 100 * r->last_top1, p->loss,
                         p->best ? " (best)" : "");
    if (rc == 0 && p->best)
        rc = write_state(r, rt_rundir_path(r->dir->path, RT_RUN_BEST, path, sizeof path), e);
    return rc;
}

/* Committed at once: who asked may look it up, and a run killed later has it. */
static int on_change(void *self, int64_t step, const char *who, const char *key, const char *before,
                     const char *after, struct rt_error *e)
{
    struct rt_recorder *r = self;
    rt_rundir_log(r->dir, "step %lld: %s: %.200s -> %.200s, by %s", (long long)step, key, before, after,
                  who);
    if (strcmp(key, RT_OVERRIDE_KEY) == 0)
        r->rows_due = 0; /* with the next step */
    int rc = rt_rundb_journal(r->db, step, who, key, before, after, e);
    return rc == 0 ? rt_rundb_commit(r->db, e) : rc;
}

static int on_checkpoint(void *self, struct rt_error *e)
{
    return rt_recorder_checkpoint(self, e);
}

struct rt_observer rt_recorder_observer(struct rt_recorder *r)
{
    return (struct rt_observer){
        .self = r, .left_out = on_left_out, .step = on_step, .epoch = on_epoch, .update = on_update,
        .evaluation = on_evaluation, .change = on_change, .checkpoint = on_checkpoint,
    };
}
